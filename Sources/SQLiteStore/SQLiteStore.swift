import GRDB
package import InventoryKit
package import Logging

/// The embedded store: one SQLite file, one daemon, nothing to set up.
///
/// Writes go through one transaction after another (``GroupCommit``), reads see the last commit. Transactions do here
/// what the whole of `docs/architecture.md` on MongoDB is about there.
package final class SQLiteStore: InventoryStore {
    /// How long a list may be looked for before it is called too broad.
    private static let queryLimit = Duration.seconds(2)

    /// Lists that may be read at once without keeping single products waiting.
    package static let listsAtOnce = 4

    let pool: DatabasePool
    private let file: FileIdentity
    private let commits: GroupCommit
    let logger: Logger

    /// Those of which the log says that they cannot be read.
    let unreadableKeys = ToldOnce()
    let copying = CopyPlace.Slot()

    /// Held for as long as the store is.
    private let lock: FileLock

    /// Opens the file, or makes it.
    ///
    /// - Parameter writesPerTransaction: how many writes share one sync of the disk at most; 1 turns group commit off.
    /// - Throws: ``StoreOpeningError``.
    package init(
        path: String, writesPerTransaction: Int = 256, clock: any WallClock = SystemClock(), logger: Logger
    ) throws(StoreOpeningError) {
        let isNew: Bool
        (pool, lock, isNew) = try DatabaseFile.open(path: path)
        file = FileIdentity(path: path)
        commits = GroupCommit(
            pool: pool, file: file, writesPerTransaction: writesPerTransaction, clock: clock, logger: logger)
        self.logger = logger
        // Who has named the wrong directory, or put back an empty file, sees it here.
        if isNew { logger.notice("There was no inventory, so a new one begins", metadata: ["path": "\(path)"]) }
    }

    // MARK: Changing

    package func create(_ creation: Creation) async throws(InventoryError) -> Created {
        try await write { try $0.create(creation) }
    }

    package func upsert(_ rows: [UpsertRow]) async -> [Result<Upserted, InventoryError>] {
        do {
            return try await write { [logger] transaction in
                try rows.map { row in
                    do { return .success(try transaction.upsert(row)) } catch let error as InventoryError {
                        return .failure(error)
                    } catch let error as DatabaseError {
                        throw error
                    } catch {
                        // What a hand in the database has damaged; found before anything is written of it.
                        logger.error("A row of a bulk load failed", metadata: ["error": "\(error)"])
                        return .failure(.unavailable(.outOfReach))
                    }
                }
            }
        } catch { return rows.map { _ in .failure(error) } }
    }

    package func revise(_ revision: Revision) async throws(InventoryError) -> Product {
        try await write { try $0.revise(revision) }
    }

    package func archive(_ id: ProductID, expectedETags: [ETag]?) async throws(InventoryError) -> Product {
        try await write { try $0.archive(id, expectedETags: expectedETags) }
    }

    package func move(_ command: StockCommand) async throws(InventoryError) -> StockOutcome {
        try await write { try $0.move(command) }
    }

    // MARK: Reading

    package func product(_ reference: ProductReference) async throws(InventoryError) -> Product? {
        try await read { try Stored.find(reference, in: $0)?.product }
    }

    package func products(_ ids: [ProductID]) async throws(InventoryError) -> [Product] {
        try await read { db in try ids.compactMap { try Stored.id($0, in: db)?.product } }
    }

    package func page(of query: ProductQuery) async throws(InventoryError) -> Page<Product> {
        let items = try await readWithinLimit { db in
            var pages = ProductPages(query)
            return try pages.fetch(db)
        }
        return Page(reading: items, limit: query.limit, keyset: query.sort.keyset)
    }

    package func movement(_ id: OperationID) async throws(InventoryError) -> Movement? {
        try await read { db in
            try Row.fetchOne(
                db.cachedStatement(sql: "SELECT \(Movement.columns) FROM \(Movement.table) WHERE m.id = ?"),
                arguments: [id.text]
            ).map(Movement.init(row:))
        }
    }

    package func page(of query: MovementQuery) async throws(InventoryError) -> Page<Movement> {
        let items = try await readWithinLimit { try Self.movements(query, in: $0) }
        return Page(reading: items, limit: query.limit, keyset: query.keyset)
    }

    package func stock(of id: ProductID, at time: Timestamp) async throws(InventoryError) -> StockMoment? {
        try await read { db in
            guard let stored = try Stored.id(id, in: db) else { return nil }
            // Times never run backwards within a ledger, so the last movement up to then is found by halving: some
            // twenty look-ups in a ledger of a million.
            let statement = try db.cachedStatement(
                sql: "SELECT at, on_hand, reserved FROM movement WHERE product = ? AND seq = ?"
            )
            var (before, after) = (Int64(0), stored.product.stockVersion + 1)
            var stock = StockLevel.empty
            while after - before > 1 {
                let middle = before + (after - before) / 2
                guard let row = try Row.fetchOne(statement, arguments: [stored.key, middle]) else {
                    throw DamagedRow(detail: "product \(id.text) has no movement \(middle)")
                }
                if row[0] <= time.milliseconds {
                    before = middle
                    stock = try StockLevel(onHand: row[1], reserved: row[2])
                } else {
                    after = middle
                }
            }
            return StockMoment(stock: stock, stockVersion: before)
        }
    }

    private static func movements(_ query: MovementQuery, in db: Database) throws -> [Movement] {
        var conditions: [String] = ["TRUE"]
        var arguments: StatementArguments = []
        let column: String
        switch query.selection {
        case .product(let product):
            column = "m.seq"
            conditions.append("m.product = (SELECT key FROM product WHERE id = ?)")
            arguments += [product.text]
        case .all(let reference, let since):
            column = "m.at"
            if let reference {
                conditions.append("m.reference = ?")
                arguments += [reference.text]
            }
            if let since {
                conditions.append("m.at >= ?")
                arguments += [since.milliseconds]
            }
        }
        if let after = query.after, case .integer(let value) = after.value {
            conditions.append("(\(column), m.id) < (?, ?)")
            arguments += [value, after.id]
        }
        let sql = """
            SELECT \(Movement.columns) FROM \(Movement.table) WHERE \(conditions.joined(separator: " AND ")) \
            ORDER BY \(column) DESC, m.id DESC LIMIT \(query.limit + 1)
            """
        return try Row.fetchAll(db.makeStatement(sql: sql), arguments: arguments).map(Movement.init(row:))
    }

    // MARK: Operating

    package func checkReadiness() async throws(InventoryError) {
        try await read { db in try db.execute(sql: "SELECT 1") }
    }

    package var statistics: StoreStatistics { commits.statistics }

    package func close() async {
        await commits.close()
        defer { lock.release() }
        do {
            // The last connection to close would do it, but that is one of the pool's readers, which may not write.
            try await pool.writeWithoutTransaction { db in _ = try db.checkpoint(.truncate) }
        } catch {
            // Somebody reads yet. Nothing is lost: the log is as good a place as the file.
            logger.debug("The write-ahead log was not emptied", metadata: ["error": "\(error)"])
        }
        do { try pool.close() } catch {
            logger.warning("The store did not close cleanly", metadata: ["error": "\(error)"])
        }
    }

    // MARK: Parts

    func write<Outcome: Sendable>(
        _ body: @escaping @Sendable (WriteTransaction) throws -> Outcome
    ) async throws(InventoryError) -> Outcome {
        try await commits(body)
    }

    func read<Value: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws(InventoryError) -> Value {
        do {
            try file.check()
            return try await pool.read(body)
        } catch { throw failure(error) }
    }

    /// Reads, and interrupts the statement when it takes too long.
    func readWithinLimit<Value: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws(InventoryError) -> Value {
        // The clock starts when the reading does: waiting for a reader says nothing about the query.
        let (begun, begin) = AsyncStream.makeStream(of: Void.self)
        do {
            try file.check()
            return try await withThrowingTaskGroup(of: Value.self) { group in
                group.addTask { [pool] in
                    try await pool.read { db in
                        begin.yield()
                        return try body(db)
                    }
                }
                group.addTask {
                    for await _ in begun { break }
                    try await Task.sleep(for: Self.queryLimit)
                    throw InventoryError.queryTooBroad
                }
                defer { group.cancelAll() }
                guard let value = try await group.next() else { throw CancellationError() }
                return value
            }
        } catch { throw failure(error) }
    }

    private func failure(_ error: any Error) -> InventoryError {
        switch error {
        case let error as InventoryError: return error
        case is CancellationError: return .unavailable(.stopping)
        default:
            logger.error("A read failed", metadata: ["error": "\(error)"])
            return .unavailable(.outOfReach)
        }
    }
}
