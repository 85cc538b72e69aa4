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
        // By the server's clock, which has also dated the operations.
        let due: BSON = [
            "unfiled_since": ["$type": "date"],
            "$expr": ["$lte": ["$unfiled_since", ["$subtract": ["$$NOW", .integer(age.milliseconds)]]]],
        ]
        let (found, _) = try connection.find(
            Collection.products, due, projection: Self.projection, sort: ["unfiled_since": 1],
            limit: Self.productsAtOnce, hint: ["unfiled_since": 1], freshness: .majority(after: 0))
        // What this daemon is about to file or to take out would only be disturbed.
        let abandoned = try found.filter { !combining.isFiling(try $0.productID("_id")) }
        try file(abandoned, over: connection)
        return abandoned.isEmpty ? 0 : found.count
    }

    /// Files one product's operations, whatever their age, and returns when its given-up SKUs are free.
    func file(_ product: ProductID, over connection: MongoConnection) throws {
        let (found, _) = try connection.find(
            Collection.products, ["_id": .productID(product), "unfiled_since": ["$type": "date"]],
            projection: Self.projection, freshness: .majority(after: 0))
        try file(found, over: connection)
    }

    private func file(_ found: [BSONDocument], over connection: MongoConnection) throws {
        guard !found.isEmpty else { return }
        try connection.settleWhatWasRead()
        let products = try found.map { (product: try $0.productID("_id"), operations: $0.documents("ops")) }
        let done = try ledger.insert(products, over: connection)
        var statements: [BSON] = []
        var removals: [Removal] = []
        for (document, entry) in zip(found, products) where done.contains(entry.product) {
            let (known, fresh) = (try document.integer("gen"), Int64.random(in: .min ... .max))
            statements.append(try removal(of: entry.operations, from: document, known: known, fresh: fresh))
            removals.append(
                Removal(product: entry.product, count: entry.operations.count, old: known, new: fresh))
        }
        guard !statements.isEmpty else { return }
        let (modified, time, errors) = try connection.update(statements, in: Collection.products)
        for (_, error) in errors { logger.warning("Filing has to wait", metadata: ["error": "\(error)"]) }
        // Only if every one fitted it is known of each that its fence is the new one. Then moves that come next need not
        // find out by failing.
        if modified == Int64(statements.count) { combining.removed(removals, at: time) }
    }

    private static let projection: BSON = ["ops": 1, "gen": 1, "held_skus": 1, "sku_key": 1, "live": 1]

    /// The statement that takes filed operations out of their product.
    private func removal(
        of operations: [BSONDocument], from document: BSONDocument, known: Int64, fresh: Int64
    ) throws -> BSON {
        let id = BSON.productID(try document.productID("_id"))
        let held = document.texts("held_skus")
        if document["live"] == .bool(true), held == [try document.text("sku_key")] {
            // As many as were read, under the fence that was read: those and no others. Where more have come meanwhile
            // nothing happens, and the next look takes them all.
            return [
                "q": ["_id": id, "gen": .integer(known), "ops": ["$size": .integer(Int64(operations.count))]],
                "u": ["$set": ["gen": .integer(fresh), "ops": []], "$unset": ["unfiled_since": ""]],
            ]
        }
        let filed = StockPipeline.Filed(
            count: operations.count, last: operations.last.map { Operation($0).id } ?? "")
        return [
            "q": ["_id": id, "gen": .integer(known)], "u": StockPipeline.encoded,
            "c": .document(StockPipeline.variables(known: known, fresh: fresh, batch: [], filed: filed)),
        ]
    }
}
