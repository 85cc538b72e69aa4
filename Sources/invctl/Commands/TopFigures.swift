import AdminClient
import InventoryKit

/// Makes the picture of `top` out of one snapshot after another.
struct TopFigures {
    private static let historyMax = 300

    private(set) var model: TopModel
    private var last: (snapshot: StatsSnapshot, at: ContinuousClock.Instant)?

    init(status: ServiceStatus) {
        model = TopModel(
            daemon: TopModel.Daemon(version: status.version, uptime: .seconds(status.uptimeSeconds)),
            store: TopModel.Store(description: status.store.description, isReady: status.store.condition == "ok"))
        model.cache.redis = nil
    }

    /// The same, where a daemon that does not answer is part of the picture.
    mutating func refresh(_ tool: Tool) async {
        do {
            try await take(tool)
            model.contact = .live
        } catch {
            let since = last.map { ContinuousClock.now - $0.at } ?? .zero
            model.contact = .lost(since: since, reason: CommandFailure(error).message)
        }
    }

    mutating func take(_ tool: Tool) async throws {
        let (status, backends, snapshot) = try await tool.connected { connection in
            (
                try await connection.send(AdminRequest(.get, AdminProtocol.root + "/status")).message(
                    ServiceStatus.self),
                try await connection.send(AdminRequest(.get, AdminProtocol.root + "/backends"))
                    .message([BackendReport].self),
                try await connection.send(AdminRequest(.get, AdminProtocol.root + "/stats")).message(StatsSnapshot.self)
            )
        }
        show(status, backends)
        let now = ContinuousClock.now
        if let last { show(snapshot, after: last.snapshot, seconds: max(0.001, (now - last.at) / .seconds(1))) }
        show(snapshot)
        last = (snapshot, now)
    }

    private mutating func show(_ status: ServiceStatus, _ backends: [BackendReport]) {
        model.daemon.version = status.version
        model.daemon.uptime = .seconds(status.uptimeSeconds)
        model.daemon.isDraining = status.state == .draining
        model.store = TopModel.Store(description: status.store.description, isReady: status.store.condition == "ok")
        model.cache.redis = backends.first { $0.name == "redis" }.map { redis in
            TopModel.Cache.Redis(
                description: redis.description, latency: redis.ok ? Int(clamping: redis.latencyUs * 1_000) : nil)
        }
    }

    private mutating func show(_ snapshot: StatsSnapshot) {
        model.requests.inFlight = snapshot.inFlight
        model.cache.condition =
            switch snapshot.cache.condition {
            case "ok": .ok
            case "off": .off
            default: .none
            }
        model.cache.tenSeconds = snapshot.cache.rate10s
        model.cache.minute = snapshot.cache.rate60s
        model.cache.ever = snapshot.cache.rateEver
        model.process.memory = Int(snapshot.residentBytes)
    }

    private mutating func show(_ new: StatsSnapshot, after old: StatsSnapshot, seconds: Double) {
        func rate(_ value: (StatsSnapshot) -> UInt64) -> Double {
            Double(value(new) &- min(value(old), value(new))) / seconds
        }
        model.requests.reads = rate { $0.requests.read }
        model.requests.writes = rate { $0.requests.write }
        model.requests.purchases = rate { $0.requests.purchase }
        model.requests.perSecond = rate { $0.requests.total &- $0.requests.other }
        model.statuses.successes = rate { $0.responses.ok &+ $0.responses.redirected }
        model.statuses.clientErrors = rate { $0.responses.refused &+ $0.responses.conflict }
        model.statuses.tooManyRequests = rate { $0.responses.limited }
        model.statuses.serverErrors = rate { $0.responses.failed }
        model.cache.hits = rate { $0.cache.hits }
        model.cache.misses = rate { $0.cache.misses }
        model.cache.bypasses = rate { $0.cache.bypasses }
        model.cache.fills = rate { $0.cache.fills }
        model.cache.readsSpared = model.cache.hits
        model.purchases.refused = rate { $0.responses.conflict }
        model.purchases.accepted = max(0, model.requests.purchases - model.purchases.refused)
        let counts = Self.difference(new.latencyCounts, old.latencyCounts)
        func percentile(_ part: Double) -> Int? { LatencyBuckets.percentile(part, of: counts).map { Int($0) } }
        model.latency.p50 = percentile(0.5)
        model.latency.p90 = percentile(0.9)
        model.latency.p99 = percentile(0.99)
        model.latency.max = percentile(1)
        Self.append(model.requests.perSecond, to: &model.requests.history)
        Self.append(model.latency.p99.map(Double.init), to: &model.latency.history)
        Self.append(model.purchases.accepted, to: &model.purchases.history)
        let reads = model.cache.hits + model.cache.misses + model.cache.bypasses
        Self.append(reads > 0 ? model.cache.hits / reads : nil, to: &model.cache.history)
    }

    private static func difference(_ new: [Int: UInt64], _ old: [Int: UInt64]) -> [Int: UInt64] {
        new.reduce(into: [:]) { counts, bucket in
            let before = old[bucket.key] ?? 0
            if bucket.value > before { counts[bucket.key] = bucket.value - before }
        }
    }

    private static func append(_ value: Double?, to history: inout [Double?]) {
        history.append(value)
        if history.count > historyMax { history.removeFirst(history.count - historyMax) }
    }
}
