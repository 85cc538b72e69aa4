package import InventoryKit
package import Logging
import Synchronization

/// The store on MongoDB, for any number of daemons on one database, on a standalone mongod as on a replica set.
///
/// Stock is decided in one atomic write of one document (``StockPipeline``), many callers' at once (``Combining``), and
/// what was decided moves on into the ledger (``Filing``).
package final class MongoStore: InventoryStore {
    /// How long a read may take at the server before it is called too broad.
    static let readLimit = Duration.seconds(2)

    /// How long leaving may take. By then everybody has been answered, and what is acknowledged is safe; filing spares the next
    /// daemon some work.
    private static let closingLimit = Duration.seconds(5)

    let pool: MongoPool
    private let deadlines: Deadlines
    private let combining: Combining
    private let filing: Filing
    let catalogues: Catalogues
    private let reads: ProductReads
    let switchRegister: SwitchRegister
    let logger: Logger

    /// Those of which the log says that they cannot be read.
    let unreadableKeys = ToldOnce()
    private let isPrepared = Mutex(false)

    /// Connects to nothing yet; ``prepare()`` does.
    ///
    /// - Parameters:
    ///   - connections: how many connections there are at most, and threads that use them.
    ///   - timeout: how long a call waits before it fails.
    package init(
        url: MongoURL, connections: Int = 16, timeout: Duration = .seconds(10), clock: any WallClock = SystemClock(),
        logger: Logger
    ) {
        self.logger = logger
        deadlines = Deadlines(timeout: timeout)
        pool = MongoPool(url: url, size: connections, timeout: timeout, deadlines: deadlines, logger: logger)
        let ledger = Ledger(logger: logger)
        combining = Combining(pool: pool, deadlines: deadlines, ledger: ledger, clock: clock, logger: logger)
        filing = Filing(pool: pool, ledger: ledger, combining: combining, clock: clock, logger: logger)
        catalogues = Catalogues(pool: pool, filing: filing, clock: clock, logger: logger)
        reads = ProductReads(pool: pool, deadlines: deadlines)
        switchRegister = SwitchRegister(url: url, logger: logger)
        deadlines.start()
    }

    /// Waits for MongoDB, makes collections and indexes, and begins to serve. Until then every call is
    /// ``InventoryError/unavailable(_:)``.
    ///
    /// - Throws: ``MongoOpeningError`` where waiting is of no use, `CancellationError`.
    package func prepare() async throws {
        var pause = Duration.milliseconds(50)
        while case .unavailable(let detail) = try await tryToMigrate() {
            try Task.checkCancellation()
            logger.notice("Waiting for MongoDB", metadata: ["at": "\(pool.url.display)", "error": "\(detail)"])
            try await Task.sleep(for: pause)
            pause = min(pause * 2, .seconds(5))
        }
        isPrepared.withLock { $0 = true }
        filing.start()
    }

    /// Makes collections and indexes, or brings them up to date. Once, without waiting for a server that is not there.
    ///
    /// - Throws: ``MongoOpeningError``.
    package func migrate() async throws {
        if case .unavailable(let detail) = try await tryToMigrate() {
            throw MongoOpeningError("MongoDB at \(pool.url.display) does not answer: \(detail)")
        }
    }

    /// An index of a large collection may take longer than a call may. The server goes on making it, and the next try
    /// waits for that.
    private func tryToMigrate() async throws -> Schema.Migration {
        let result = await migrateOnce()
        if case .impossible(let error) = result { throw error }
        return result
    }

    private func migrateOnce() async -> Schema.Migration {
        // Longer than a call of the pool takes: so it is cancelled at once, which a call is not.
        let migration = await result(within: .seconds(3_600)) { [pool] () -> Schema.Migration? in
            try? await pool.run(isRepeated: false) { connection, _ in Schema.tryToMigrate(over: connection) }
        }
        return migration.flatMap { $0 } ?? .unavailable("no answer yet")
    }

    // MARK: Changing

    package func create(_ creation: Creation) async throws(InventoryError) -> Created {
        let fence = Int64.random(in: .min ... .max)
        return try await run(changes: true) { [catalogues] connection, isUnknown in
            try catalogues.create(creation, fence: fence, isUnknown: isUnknown, over: connection)
        }
    }

    package func upsert(_ rows: [UpsertRow]) async -> [Result<Upserted, InventoryError>] {
        let tokens = rows.map { _ in Int64.random(in: .min ... .max) }
        let results = Kept([Result<Upserted, InventoryError>?](repeating: nil, count: rows.count))
        do {
            try await run(changes: true) { [catalogues] connection, _ in
                try BulkLoad(catalogues: catalogues, connection: connection).perform(
                    rows, tokens: tokens, results: results)
            }
            return results.value.map { $0 ?? .failure(.unavailable(.outOfReach)) }
        } catch { return results.value.map { $0 ?? .failure(error) } }
    }

    /// What one try leaves to the next.
    final class Kept<Value: Sendable>: Sendable {
        private let kept: Mutex<Value>

        init(_ value: Value) { kept = Mutex(value) }

        var value: Value { kept.withLock { $0 } }

        /// One try at a time does this.
        func update<Result>(_ change: (inout Value) throws -> Result) rethrows -> Result {
            var value = value
            defer { kept.withLock { [value] in $0 = value } }
            return try change(&value)
        }
    }

    package func revise(_ revision: Revision) async throws(InventoryError) -> Product {
        let token = Int64.random(in: .min ... .max)
        let sent = Kept(Catalogues.Sent())
        return try await run(changes: true) { [catalogues] connection, _ in
            try sent.update { try catalogues.revise(revision, token: token, sent: &$0, over: connection) }
        }
    }

    package func archive(_ id: ProductID, expectedETags: [ETag]?) async throws(InventoryError) -> Product {
        try await run(changes: true) { [catalogues] connection, _ in
            try catalogues.archive(id, expectedETags: expectedETags, over: connection)
        }
    }

    package func move(_ command: StockCommand) async throws(InventoryError) -> StockOutcome {
        try checkPrepared()
        return try await combining.decide(command)
    }

    // MARK: Reading

    package func product(_ reference: ProductReference) async throws(InventoryError) -> Product? {
        try checkPrepared()
        switch reference {
        case .id(let id): return try await reads.product(id)
        case .sku(let sku):
            // A primary that has been deposed may not know who holds it by now, and it may be given to another between the
            // two reads. That nobody sells it has to be true.
            for freshness in [MongoConnection.Freshness.majority(after: 0), .linearizable] {
                if let id = try await holder(of: sku, freshness), let product = try await reads.product(id),
                    !product.isArchived, product.catalogue.sku.key == sku.key
                {
                    return product
                }
            }
            return nil
        }
    }

    private func holder(
        of sku: SKU, _ freshness: MongoConnection.Freshness
    ) async throws(InventoryError) -> ProductID? {
        try await pool.run { connection, _ in
            let (found, _) = try connection.find(
                Collection.products, ["held_skus": .string(sku.key)], projection: ["_id": 1], limit: 1,
                freshness: freshness, timeLimit: Self.readLimit)
            return try found.first?.productID("_id")
        }
    }

    package func products(_ ids: [ProductID]) async throws(InventoryError) -> [Product] {
        try await run { connection, _ in
            let found = try connection.currentProducts(of: ids, after: 0)
            return try ids.compactMap { try found[$0]?.get() }
        }
    }

    package func page(of query: ProductQuery) async throws(InventoryError) -> Page<Product> {
        let items = try await run { connection, _ in try ProductPages(query: query).fetch(over: connection) }
        return Page(reading: items, limit: query.limit, keyset: query.sort.keyset)
    }

    package func movement(_ id: OperationID) async throws(InventoryError) -> Movement? {
        try await run { connection, _ in try LedgerReads(connection: connection).movement(id) }
    }

    package func page(of query: MovementQuery) async throws(InventoryError) -> Page<Movement> {
        let items = try await run { connection, _ in try LedgerReads(connection: connection).movements(query) }
        return Page(reading: items, limit: query.limit, keyset: query.keyset)
    }

    package func stock(of id: ProductID, at time: Timestamp) async throws(InventoryError) -> StockMoment? {
        try await run { connection, _ in try LedgerReads(connection: connection).stock(of: id, at: time) }
    }

    // MARK: Operating

    /// Why MongoDB could not be asked, in words for the operator; nothing where that has not happened lately.
    package var lastTrouble: String? { pool.lastTrouble }

    package func checkReadiness() async throws(InventoryError) {
        try checkPrepared()
        try await pool.run(isRepeated: false) { connection, _ in _ = try connection.read("admin", [("ping", 1)]) }
    }

    /// Rounds of stock changes; what else is written is not counted.
    package var statistics: StoreStatistics {
        let (rounds, load) = (combining.statistics, pool.load)
        return StoreStatistics(
            waiting: rounds.waiting, commits: rounds.commits, changes: rounds.changes, calls: load.jobs,
            connections: load.size)
    }

    package func close() async {
        // Before that nobody has been served.
        let isPrepared = isPrepared.withLock { $0 }
        let closed: Void? = await result(within: isPrepared ? Self.closingLimit : .milliseconds(100)) { [self] in
            await combining.close()
            await filing.close()
            await switchRegister.close()
            await pool.close()
            deadlines.stop()
        }
        if closed == nil, isPrepared {
            logger.warning("MongoDB was left before everything was filed; the next daemon files it")
        }
    }

    private func checkPrepared() throws(InventoryError) {
        guard isPrepared.withLock({ $0 }) else { throw .unavailable(.outOfReach) }
    }

    func run<Value: Sendable>(
        changes: Bool = false, _ job: @escaping @Sendable (MongoConnection, _ isUnknown: Bool) throws -> Value
    ) async throws(InventoryError) -> Value {
        try checkPrepared()
        return try await pool.run(changes: changes, job)
    }
}
