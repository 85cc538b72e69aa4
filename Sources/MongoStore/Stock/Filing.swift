import InventoryKit
import Logging
import Synchronization

/// Moves operations from their products into the ledger: first they are written there, then they are taken out, never
/// the other way round.
///
/// A daemon files what it knows from its own writes (``Combining``), and that leaves its product with the next purchase. It
/// also looks at all products for what nobody has filed, because it was loaded, or its daemon is gone.
final class Filing: Sendable {
    /// How old an operation gets before the daemon files it that has written it, where there are few.
    private static let age = Duration.seconds(2)

    /// How old it gets before any daemon does. By then the former has had time to.
    private static let abandonedAge = Duration.seconds(5)
    private static let interval = Duration.seconds(1)

    /// Products in one pass: bounds the memory of a pass, and the size of its commands.
    private static let productsAtOnce = 256

    /// Operations that left a product, and its fences before and after.
    struct Removal: Sendable {
        let product: ProductID
        let count: Int
        let old: Int64
        let new: Int64
    }

    private let pool: MongoPool
    private let ledger: Ledger
    private let combining: Combining
    private let clock: any WallClock
    private let logger: Logger
    private let task = Mutex<Task<Void, Never>?>(nil)

    /// Products that could not be filed, and are not tried with each pass: those behind them would never have their turn.
    private struct Stuck {
        let since = ContinuousClock.now
        var products: Set<ProductID> = []
    }

    private let stuck = Mutex(Stuck())
    private static let stuckPause = Duration.seconds(30)

    /// As many as a query may name.
    private static let stuckLimit = 4_096

    /// Products of which the log says that their documents are damaged.
    private let damaged = ToldOnce()

    init(pool: MongoPool, ledger: Ledger, combining: Combining, clock: any WallClock, logger: Logger) {
        self.clock = clock
        self.pool = pool
        self.ledger = ledger
        self.combining = combining
        self.logger = logger
    }

    /// Files what is due again and again.
    func start() {
        task.withLock { task in
            task = Task { [weak self] in
                while !Task.isCancelled {
                    try? await Task.sleep(for: Self.interval)
                    await self?.fileDue()
                }
            }
        }
    }

    /// Stops looking, and files what is there now, whoever left it.
    func close() async {
        let running = task.withLock { task in
            defer { task = nil }
            return task
        }
        running?.cancel()
        await running?.value
        await fileAbandoned(age: .zero)
    }

    private func fileDue() async {
        combining.fileWhatIsDue(before: Timestamp(milliseconds: clock.now().milliseconds - Self.age.milliseconds))
        await fileAbandoned(age: Self.abandonedAge)
    }

    private func fileAbandoned(age: Duration) async {
        stuck.withLock { stuck in
            if age == .zero || ContinuousClock.now - stuck.since > Self.stuckPause { stuck = Stuck() }
        }
        do {
            // What is new since the first look is the next look's.
            for _ in 0..<64 {
                let count = try await pool.run { connection, _ in try self.pass(over: connection, age: age) }
                if count < Self.productsAtOnce { break }
            }
        } catch {
            logger.warning("Filing has to wait", metadata: ["error": "\(error)"])
        }
    }

    /// - Returns: how many products were due, if any of them was filed.
    private func pass(over connection: MongoConnection, age: Duration) throws -> Int {
        try pool.askTopology(of: connection)
        // By the server's clock, which has also dated the operations.
        let stuck = stuck.withLock { Array($0.products) }
        let due: BSON = [
            "unfiled_since": ["$type": "date"], "_id": ["$nin": .array(stuck.map(BSON.productID))],
            "$expr": ["$lte": ["$unfiled_since", ["$subtract": ["$$NOW", .integer(age.milliseconds)]]]],
        ]
        let (found, _) = try connection.find(
            Collection.products, due, projection: Self.projection, sort: ["unfiled_since": 1],
            limit: Self.productsAtOnce, hint: ["unfiled_since": 1], freshness: .majority(after: 0))
        // What this daemon is about to file or to take out would only be disturbed.
        let abandoned = found.filter { document in
            guard let product = try? document.productID("_id") else { return false }
            return !combining.isFiling(product)
        }
        let (done, _) = try file(abandoned, over: connection)
        self.stuck.withLock { stuck in
            for case let product? in abandoned.map({ try? $0.productID("_id") }) where !done.contains(product) {
                if stuck.products.count < Self.stuckLimit { stuck.products.insert(product) }
            }
        }
        return abandoned.isEmpty ? 0 : found.count
    }

    /// Files one product's operations, whatever their age, and frees the SKUs that it has given up.
    ///
    /// - Returns: whether that was all. Otherwise there have been moves meanwhile, and it is to be done again.
    /// - Throws: `InventoryError.unavailable` where something keeps them from being filed that only a person can mend.
    func file(_ product: ProductID, over connection: MongoConnection) throws -> Bool {
        guard !ledger.isBlocked(product) else { throw InventoryError.unavailable(.ledgerBlocked) }
        let (found, _) = try connection.find(
            Collection.products, ["_id": .productID(product), "unfiled_since": ["$type": "date"]],
            projection: Self.projection, freshness: .majority(after: 0))
        let (done, removed) = try file(found, over: connection)
        guard found.isEmpty || done.contains(product) else { throw InventoryError.unavailable(.ledgerBlocked) }
        return removed == done.count
    }

    /// - Returns: the products whose operations are in the ledger now and may leave them, and from how many of them they are
    ///   gone.
    private func file(
        _ found: [BSONDocument], over connection: MongoConnection
    ) throws -> (done: Set<ProductID>, removed: Int) {
        guard !found.isEmpty else { return ([], 0) }
        try connection.settleWhatWasRead()
        var statements: [BSON] = []
        var removals: [Removal] = []
        let due = found.compactMap(read)
        var done = try ledger.insert(due.map { ($0.product, $0.operations) }, over: connection)
        for entry in due where done.contains(entry.product) {
            let fresh = Int64.random(in: .min ... .max)
            statements.append(removal(of: entry, fresh: fresh))
            removals.append(
                Removal(product: entry.product, count: entry.operations.count, old: entry.fence, new: fresh))
        }
        guard !statements.isEmpty else { return (done, 0) }
        let (modified, time, errors) = try connection.update(statements, in: Collection.products)
        for (index, error) in errors {
            logger.warning("Filing has to wait", metadata: ["error": "\(error)"])
            // What its product does not let go of is not done, and would not be with the next try.
            if !error.isTransient { done.remove(removals[index].product) }
        }
        // Only if every one fitted it is known of each that its fence is the new one. Then moves that come next need not
        // find out by failing.
        if modified == Int64(statements.count) { combining.removed(removals, at: time) }
        return (done, Int(clamping: modified))
    }

    // MARK: One product

    /// A product's operations, and under what they were read.
    private struct Due {
        let product: ProductID
        let operations: [BSONDocument]
        let fence: Int64
        /// Whether a SKU is to be let go, or the product is archived.
        let givesUp: Bool
    }

    private static let projection: BSON = ["ops": 1, "gen": 1, "held_skus": 1, "sku_key": 1, "live": 1]

    /// What a hand in the database has damaged is for that hand to mend; the others are filed.
    private func read(_ document: BSONDocument) -> Due? {
        do {
            let holdsOnlyItsOwn = document.texts("held_skus") == [try document.text("sku_key")]
            return Due(
                product: try document.productID("_id"), operations: document.documents("ops"),
                fence: try document.integer("gen"), givesUp: document["live"] != .bool(true) || !holdsOnlyItsOwn)
        } catch {
            let id = (try? document.productID("_id"))?.text ?? "no id"
            if damaged.isFirst(id) {
                logger.critical(
                    "A product's document is damaged; it is not filed",
                    metadata: ["product": "\(id)", "error": "\(error)"])
            }
            return nil
        }
    }

    /// The statement that takes filed operations out of their product.
    private func removal(of due: Due, fresh: Int64) -> BSON {
        let id = BSON.productID(due.product)
        guard due.givesUp else {
            // As many as were read, under the fence that was read: those and no others. Where more have come meanwhile
            // nothing happens, and the next look takes them all.
            return [
                "q": ["_id": id, "gen": .integer(due.fence), "ops": ["$size": .integer(Int64(due.operations.count))]],
                "u": ["$set": ["gen": .integer(fresh), "ops": []], "$unset": ["unfiled_since": ""]],
            ]
        }
        let filed = StockPipeline.Filed(
            count: due.operations.count, last: due.operations.last.map { Operation($0).id } ?? "")
        return [
            "q": ["_id": id, "gen": .integer(due.fence)], "u": StockPipeline.encoded,
            "c": .document(StockPipeline.variables(known: due.fence, fresh: fresh, batch: [], filed: filed)),
        ]
    }
}
