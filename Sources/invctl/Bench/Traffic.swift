import AdminClient
import InventoryKit
import Synchronization

/// Requests on many connections at once, until there are enough or time is up.
struct Traffic: Sendable {
    private let connections: Int
    private let requests: Int
    private let duration: Duration

    init(_ load: LoadOptions, requests: Int) {
        connections = min(load.connections, requests)
        self.requests = requests
        duration = load.duration.duration
    }

    /// - Parameter request: the n-th, from 0.
    func run(
        _ tool: Tool, _ request: @escaping @Sendable (Int, inout SystemRandomNumberGenerator) -> AdminRequest
    ) async throws -> TrafficResult {
        let next = Counter()
        let began = ContinuousClock.now
        let end = began + duration
        var result = try await withThrowingTaskGroup(of: TrafficResult.self) { group in
            for _ in 0..<connections {
                group.addTask {
                    try await tool.connected { connection in
                        var (result, random) = (TrafficResult(), SystemRandomNumberGenerator())
                        while ContinuousClock.now < end, let number = next.take(below: requests) {
                            try Interrupts.check()
                            try await result.perform(request(number, &random), over: connection)
                        }
                        return result
                    }
                }
            }
            return try await group.reduce(into: TrafficResult()) { $0.add($1) }
        }
        result.time = ContinuousClock.now - began
        result.isCutShort = result.latencies.count < requests
        return result
    }

    private final class Counter: Sendable {
        private let last = Atomic<Int>(0)

        func take(below limit: Int) -> Int? {
            let number = last.add(1, ordering: .relaxed).oldValue
            return number < limit ? number : nil
        }
    }
}

/// What became of all requests.
struct TrafficResult: Sendable {
    var latencies = LatencyHistogram()
    var accepted = 0
    var refused = 0
    var failed = 0
    var hits = 0
    var misses = 0
    var bypasses = 0
    var time = Duration.zero
    var isCutShort = false

    mutating func perform(_ request: AdminRequest, over connection: AdminConnection) async throws {
        let began = ContinuousClock.now
        do {
            let answer = try await connection.send(request)
            if request.method == .post { accepted += 1 }
            switch answer.headers["x-cache"] {
            case "hit": hits += 1
            case "miss": misses += 1
            case "bypass": bypasses += 1
            default: break
            }
        } catch AdminError.refused(let problem) {
            if problem.status == 409 { refused += 1 } else { failed += 1 }
        }
        latencies.record(nanoseconds: Int((ContinuousClock.now - began) / .nanoseconds(1)))
    }

    mutating func add(_ other: TrafficResult) {
        latencies.merge(other.latencies)
        accepted += other.accepted
        refused += other.refused
        failed += other.failed
        hits += other.hits
        misses += other.misses
        bypasses += other.bypasses
    }

    func write(_ tool: Tool, proof: [BenchProof]) throws {
        let reads = hits + misses + bypasses
        let rate = Double(latencies.count) / max(0.001, time / .seconds(1))
        var fields: [Record.Field] = [
            .init(
                "requests",
                "\(Figures.count(latencies.count)) in \(Figures.duration(time)), \(Figures.rate(rate))"
                    + (isCutShort ? " (time was up)" : ""))
        ]
        var members: [String: JSON] = [
            "requests": .integer(Int64(latencies.count)), "seconds": .number("\(time / .seconds(1))"),
            "per_second": .number("\(rate)"), "failed": .integer(Int64(failed)),
            "latency_ns": .object(
                Dictionary(
                    uniqueKeysWithValues: [50, 90, 99, 100].map { percent in
                        ("p\(percent)", latencies.percentile(Double(percent)).map { .integer(Int64($0)) } ?? .null)
                    })),
        ]
        if reads > 0 {
            fields.append(
                .init("hit rate", "\(Figures.percent(Double(hits) / Double(reads))) of \(Figures.count(reads)) reads"))
            fields.append(.init("store spared", Figures.count(hits) + " reads"))
            members["reads"] = .integer(Int64(reads))
            members["hits"] = .integer(Int64(hits))
        }
        if accepted + refused > 0 {
            fields.append(.init("sold", Figures.count(accepted)))
            fields.append(.init("refused", Figures.count(refused)))
            members["sold"] = .integer(Int64(accepted))
            members["refused"] = .integer(Int64(refused))
        }
        fields.append(.init("failed", StyledText(Figures.count(failed), failed == 0 ? [] : .red)))
        for proof in proof {
            fields += proof.fields
            members["proof"] = proof.json
        }
        try tool.console.write(Record("\(latencies.count)", .object(members), fields))
        if !tool.console.mode.isJSON, tool.console.mode != .csv, tool.console.mode != .name {
            let output = tool.console.output
            try output.write(
                [""]
                    + latencies.draw(
                        width: output.tableWidth ?? 80, height: 14, utf8: output.capabilities.hasUTF8))
        }
        if let wrong = proof.first(where: { !$0.holds }) {
            throw CommandFailure(.failed, "does-not-add-up", "the ledger of \(wrong.sku) does not add up: report this")
        }
        if failed > 0 {
            throw CommandFailure(
                .partly, "failed", "\(Figures.count(failed, "request", "requests")) failed; see the daemon's log")
        }
    }
}

/// That nothing was oversold: from the ledger, against what the buyers were told.
struct BenchProof: Sendable {
    let sku: String
    let opening: Int64

    /// Units that the buyers were told were theirs.
    let told: Int64
    let inLedger: Int64
    let left: Int64

    /// What all movements add up to.
    let moved: Int64

    /// The lowest balance that the ledger has.
    let lowest: Int64

    var holds: Bool { told == inLedger && opening - inLedger == left && moved == left && lowest >= 0 }

    var fields: [Record.Field] {
        [
            .init(
                "proof",
                StyledText(holds ? "holds" : "does not hold", holds ? .green : .red)
                    + StyledText(
                        ": \(opening) to begin with - \(inLedger) sold in the ledger = \(left) left; "
                            + "buyers were told of \(told); the balance never went below \(lowest)"))
        ]
    }

    var json: JSON {
        [
            "holds": .bool(holds), "opening": .integer(opening), "told": .integer(told),
            "in_ledger": .integer(inLedger),
            "left": .integer(left), "lowest": .integer(lowest),
        ]
    }
}
