package import InventoryKit
package import Logging
package import NIOCore
package import RedisClient

/// The cache of daemons that share one MongoDB: finished documents in Redis, never less than what was acknowledged.
///
/// Leases settle every race inside one healthy Redis (``CacheScripts``), the switch everything else (``Fence``). Every
/// daemon on a shared store needs it, also one without Redis: such a one keeps the others from caching.
package final class SharedCache: ProductCache {
    /// When a reader looks again for what somebody else is filling, each time after so long.
    private static let polls = [Duration.milliseconds(5), .milliseconds(5), .milliseconds(5)]

    /// How often a reader looks who finds that another one of this process was about to fill.
    private static let looks = 3

    /// How long it is remembered that an id is nobody's.
    private static let absenceTime = Duration.seconds(10)

    private let fence: Fence
    private let reads: [ObjectIdentifier: JoinedReads]
    private let breaker = Breaker()
    private let turns = Turns()
    private let storeReads = StoreReads()
    private let ownWriters = OwnWriters()
    private let recentMisses = RecentMisses()
    private let counters = CacheCounters()
    private let hints = SKUHints()
    private let timeToLive: Duration
    private let writeLimit: Duration
    private let defences: Defences

    /// - Parameters:
    ///   - register: where the switch's document is.
    ///   - redis: nothing for a daemon that has none.
    ///   - group: the event loops that requests are served on.
    ///   - timeToLive: a backstop, jittered by a tenth either way, so that what came together does not leave together.
    ///   - writeLimit: longer than any write of the store takes; so long a writer of which nobody hears keeps others
    ///     from filling.
    package init(
        register: any CacheSwitchRegister, redis: RedisClient?, group: any EventLoopGroup, timeToLive: Duration,
        writeLimit: Duration, defences: Defences = .all, logger: Logger
    ) {
        fence = Fence(
            register: register, redis: redis, group: group, scripts: CacheScripts(defences), defences: defences,
            logger: logger)
        let counters = counters
        reads = Dictionary(
            uniqueKeysWithValues: group.makeIterator().map { loop in
                (ObjectIdentifier(loop), JoinedReads(on: loop, counters: counters))
            })
        self.timeToLive = timeToLive
        self.writeLimit = writeLimit
        self.defences = defences
    }

    /// Begins to renew this daemon's lease on the switch.
    package func start() { fence.start() }

    package func close() async { await fence.close() }

    package var statistics: CacheStatistics { counters.statistics }

    package var condition: CacheCondition { fence.condition }

    /// The cache over any connection, if it may be used now.
    var currentLeases: Leases? { fence.leases(at: .now()) }

    // MARK: Reading

    package func glance(
        at id: ProductID, on loop: any EventLoop, answer: @escaping (CachedDocument?) -> Void
    ) -> Glance {
        let arrival = BootTime.now()
        guard breaker.allows(at: arrival), let leases = fence.leases(on: loop, at: arrival),
            let reads = reads[ObjectIdentifier(loop)], !ownWriters.contains(id)
        else { return .elsewhere }
        reads.get(id, with: leases) { result in
            switch result {
            case .success(let value?):
                let read = CachedDocument(document: value.document, source: .hit)
                self.counters.count(read)
                answer(read)
            case .success(nil):
                self.recentMisses.note(id)
                answer(nil)
            case .failure(let error):
                self.note(error, sent: arrival)
                answer(nil)
            }
        }
        return .asked
    }

    package func document(
        _ id: ProductID, load: @Sendable () async throws(InventoryError) -> Product?
    ) async throws(InventoryError) -> CachedDocument {
        let read = try await read(id, load)
        if let key = read.document?.skuKey { hints.remember(key, id) }
        counters.count(read)
        return read
    }

    private func read(
        _ id: ProductID, _ load: @Sendable () async throws(InventoryError) -> Product?
    ) async throws(InventoryError) -> CachedDocument {
        let arrival = BootTime.now()
        guard breaker.allows(at: arrival), let leases = fence.leases(at: arrival) else {
            return CachedDocument(document: try await stored(id, load), source: .bypass)
        }
        if ownWriters.contains(id) { return CachedDocument(document: try await stored(id, load), source: .miss) }
        let way = try await look(for: id, with: leases, sent: arrival)
        switch way {
        case .value(let value): return CachedDocument(document: value.document, source: .hit)
        case .lease(let token): return try await fill(id, with: leases, token, load)
        case .load(let source): return CachedDocument(document: try await stored(id, load), source: source)
        }
    }

    private enum Way {
        case value(CachedValue)
        /// By filling, which has this process's turn.
        case lease(LeaseToken)
        /// From the store, without filling.
        case load(CachedDocument.Source)
    }

    private func look(
        for id: ProductID, with leases: Leases, sent arrival: BootTime
    ) async throws(InventoryError) -> Way {
        var isKnownToMiss = recentMisses.take(id)
        for _ in 0..<Self.looks {
            do throws(RedisError) {
                if !isKnownToMiss, let value = try await get(id, with: leases) { return .value(value) }
            } catch { return bypass(error, sent: arrival) }
            isKnownToMiss = false
            guard try await turns.take(id) else { continue }
            let way = await leaseOrWait(id, with: leases, sent: arrival)
            if case .lease = way {} else { turns.leave(id) }
            return way
        }
        return .load(.miss)
    }

    private func leaseOrWait(_ id: ProductID, with leases: Leases, sent arrival: BootTime) async -> Way {
        do {
            let token = LeaseToken()
            switch try await leases.look(for: id, token: token) {
            case .value(let value): return .value(value)
            case .lease: return .lease(token)
            case .busy: return .load(.miss)
            case .wait: break
            }
            for pause in Self.polls {
                try? await Task.sleep(for: pause)
                if let value = try await get(id, with: leases) { return .value(value) }
            }
            return .load(.miss)
        } catch { return bypass(error, sent: arrival) }
    }

    private func bypass(_ error: RedisError, sent: BootTime) -> Way {
        note(error, sent: sent)
        return .load(.bypass)
    }

    private func get(_ id: ProductID, with leases: Leases) async throws(RedisError) -> CachedValue? {
        guard let reads = reads[ObjectIdentifier(leases.connection.eventLoop)] else { return nil }
        return try await reads.get(id, with: leases)
    }

    private func fill(
        _ id: ProductID, with leases: Leases, _ token: LeaseToken,
        _ load: @Sendable () async throws(InventoryError) -> Product?
    ) async throws(InventoryError) -> CachedDocument {
        let began = BootTime.now()
        let document: ProductDocument?
        do { document = try await stored(id, load) } catch {
            leases.giveBack(id, token: token)
            turns.leave(id, failure: error)
            throw error
        }
        let (counters, turns) = (counters, turns)
        leases.fill(
            id, CachedValue(document).bytes, token: token, timeToLive: timeToLive(of: document)
        ) { result in
            // Who waits finds it there now.
            turns.leave(id)
            switch result {
            case .success(let wasAllowed): counters.countFill(wasAllowed: wasAllowed, took: BootTime.now() - began)
            case .failure: counters.countError()
            }
        }
        return CachedDocument(document: document, source: .miss)
    }

    private func stored(
        _ id: ProductID, _ load: @Sendable () async throws(InventoryError) -> Product?
    ) async throws(InventoryError) -> ProductDocument? {
        try await storeReads.document(id, load: load)
    }

    private func timeToLive(of document: ProductDocument?) -> Duration {
        (document == nil ? min(Self.absenceTime, timeToLive) : timeToLive) * Double.random(in: 0.9...1.1)
    }

    private func note(_ error: RedisError, sent: BootTime) {
        counters.countError()
        if error == .timedOut { breaker.trip(sent: sent, at: .now()) }
    }

    // MARK: Writing

    package func write<Outcome: Sendable>(
        _ id: ProductID?, _ body: @Sendable () async throws(InventoryError) -> Written<Outcome>
    ) async throws(InventoryError) -> Outcome {
        let writer = await begin(id)
        let announced = writer?.registration == nil ? nil : writer?.id
        if let announced { ownWriters.enter(announced) }
        defer { if let announced { ownWriters.leave(announced) } }
        let written: Written<Outcome>
        do { written = try await body() } catch {
            // What became of it may not be known. Then the mark stays until it is overdue, and nobody fills meanwhile.
            if let writer, error.hasNoEffect { withdraw(writer) }
            throw error
        }
        let product = written.product
        if let writer, writer.id != product.id {
            // The SKU has moved on to another product.
            withdraw(writer)
            try await settle(product, nil)
        } else {
            try await settle(product, writer, isOwn: written.isOwn)
        }
        return written.outcome
    }

    package func settle(_ products: [Product]) async throws(InventoryError) {
        let failure = await withTaskGroup(of: InventoryError?.self) { group in
            for product in products { group.addTask { await self.failureToSettle(product) } }
            return await group.reduce(nil) { $0 ?? $1 }
        }
        if let failure { throw failure }
    }

    private func failureToSettle(_ product: Product) async -> InventoryError? {
        do {
            try await settle(product, nil)
            return nil
        } catch { return error }
    }

    package func hint(for sku: SKU) -> ProductID? { hints[sku] }

    private func settle(_ product: Product, _ writer: Writer?, isOwn: Bool = true) async throws(InventoryError) {
        if !product.isArchived { hints.remember(product.catalogue.sku.key, product.id) }
        counters.countInvalidation()
        guard defences.contains(.end) else { return }
        let document = (isOwn ? writer : nil)?.registration.map { _ in
            (value: CachedValue(ProductDocument(product)).bytes, timeToLive: timeToLive * Double.random(in: 0.9...1.1))
        }
        try await fence.settle(writer ?? Writer(id: product.id), document: document)
    }

    /// Tells readers and other writers that a write is coming. That is for their good: without it, END alone keeps the
    /// cache right.
    private func begin(_ id: ProductID?) async -> Writer? {
        guard let id else { return nil }
        var writer = Writer(id: id)
        guard let leases = fence.leases(at: .now()) else { return writer }
        writer.attempt = leases
        do {
            try await leases.begin(id, token: writer.token, limit: writeLimit)
            writer.registration = leases
        } catch { counters.countError() }
        return writer
    }

    private func withdraw(_ writer: Writer) {
        // Redis may have heard of it although it did not say so in time.
        guard let leases = writer.attempt else { return }
        Task { [counters] in
            do { try await leases.end(writer.id, token: writer.token, document: nil) } catch { counters.countError() }
        }
    }
}

/// A write under way.
struct Writer: Sendable {
    let id: ProductID
    let token = LeaseToken()

    /// Where Redis was told, and may know of it.
    var attempt: Leases?

    /// Where Redis had said before the write was sent that it knows of it.
    var registration: Leases?

    init(id: ProductID) { self.id = id }
}

extension InventoryError {
    /// Whether it is certain that nothing was written.
    fileprivate var hasNoEffect: Bool {
        switch self {
        case .unavailable(.outOfReach), .unavailable(.outcomeUnknown): false
        default: true
        }
    }
}
