package import InventoryKit

/// Hands out everything, product by product: each with the very ledger that led to the stock it is told with, while others
/// go on selling. What is created meanwhile may be told or not.
///
/// No cursor is held, so a slow reader costs the server nothing.
extension MongoStore: StoreAdministration {
    package func readEverything(
        _ take: ([InventoryEntry]) async throws(TransferError) -> Void
    ) async throws(TransferError) {
        var last: ProductID?
        while case let page = try await read({ [last] in try SourceReads(connection: $0).products(after: last) }),
            let end = page.products.last
        {
            try await hand(page, to: take)
            last = end.entry.product.id
        }
        var outcome = ""
        while case let page = try await read({ [outcome] in try SourceReads(connection: $0).outcomes(after: outcome) }),
            let end = page.last
        {
            try await take(page.map(InventoryEntry.outcome))
            outcome = end.id.text
        }
        let keys = try await read { try Self.keys(over: $0) }
        if !keys.isEmpty { try await take(keys.map(InventoryEntry.key)) }
    }

    /// The products of a page, each followed by its ledger.
    private func hand(
        _ page: SourcePage, to take: ([InventoryEntry]) async throws(TransferError) -> Void
    ) async throws(TransferError) {
        var ledgers = FiledMovements(of: page)
        for product in page.products {
            var (entries, last) = ([InventoryEntry.product(product.entry)], Int64(0))
            while let next = try await ledgers.next(
                of: product.entry.product.id,
                { (place) async throws(TransferError) in
                    try await self.read { try SourceReads(connection: $0).movements(of: page, after: place) }
                })
            {
                // What came after the product was read belongs to a later moment.
                guard next.movement.seq <= product.entry.product.stockVersion else { continue }
                entries.append(.movement(next))
                last = next.movement.seq
                if entries.count >= SourceReads.entriesAtOnce {
                    try await take(entries)
                    entries = []
                }
            }
            entries += product.unfiled.filter { $0.movement.seq > last }.map(InventoryEntry.movement)
            if !entries.isEmpty { try await take(entries) }
        }
    }

    private func read<Value: Sendable>(
        _ job: @escaping @Sendable (MongoConnection) throws -> Value
    ) async throws(TransferError) -> Value {
        let outcome: Result<Value, TransferError>
        do {
            outcome = try await run { connection, _ in
                do { return .success(try job(connection)) } catch let error as DamagedDocument {
                    return .failure(.source(error.detail))
                }
            }
        } catch { throw .source("MongoDB does not answer, or not in time") }
        return try outcome.get()
    }

    // MARK: As a whole

    package func makeDestination() -> any InventoryDestination { MongoDestination(url: pool.url, logger: logger) }

    package func makeCopy(while goesOn: @escaping @Sendable () -> Bool) async throws(BackupError) -> any StoreCopy {
        throw .unsupported(
            "A backup is of the embedded store, and this daemon's is MongoDB. Use mongodump (with --oplog on a replica set), "
                + "or invctl export --full.")
    }
}

/// Some products one after another, as they were at one time.
private struct SourcePage: Sendable {
    struct Item: Sendable {
        let entry: ProductEntry

        /// The end of its ledger, as far as it was not filed then.
        let unfiled: [MovementEntry]
    }

    let products: [Item]

    /// Of the cluster: what was filed by then is seen by whoever reads after it.
    let time: UInt64
}

/// The filed movements of a page's products as one sequence, read part by part.
private struct FiledMovements {
    private var part: ArraySlice<MovementEntry> = []
    private var last: Movement?
    private var isAtEnd: Bool

    init(of page: SourcePage) {
        isAtEnd = page.products.isEmpty
    }

    /// The next movement of that product; `nil` where it has no more.
    ///
    /// - Parameter read: reads the part after a movement; an empty one at the end.
    mutating func next(
        of product: ProductID, _ read: (Movement?) async throws(TransferError) -> [MovementEntry]
    ) async throws(TransferError) -> MovementEntry? {
        while true {
            if part.isEmpty, !isAtEnd {
                part = ArraySlice(try await read(last))
                isAtEnd = part.isEmpty
                last = part.last?.movement
            }
            guard let first = part.first, first.movement.productID <= product else { return nil }
            part = part.dropFirst()
            // Those of a product that is not there have no place in an export.
            if first.movement.productID == product { return first }
        }
    }
}

/// What one job reads of everything.
private struct SourceReads {
    static let entriesAtOnce = 1_000

    /// A product's texts may take 170 kB, and what is not filed of it 1 MB.
    private static let productsAtOnce = 32

    let connection: MongoConnection

    func products(after last: ProductID?) throws -> SourcePage {
        let filter: BSON = .members([
            ("live", ["$exists": true]), ("_id", last.map { ["$gt": .productID($0)] }),
        ])
        let (found, time) = try connection.find(
            Collection.products, filter, projection: ["terms": 0], sort: ["_id": 1], limit: Self.productsAtOnce,
            freshness: .majority(after: 0))
        let items = try found.map { document in
            let stored = try StoredProduct(document)
            return SourcePage.Item(
                entry: ProductEntry(
                    product: stored.product, fingerprint: stored.fingerprint, movedAt: stored.movedAt),
                unfiled: try stored.operations.filter { $0["seq"] != nil }.map {
                    MovementEntry(
                        movement: try Operation($0).movement(of: stored.product.id),
                        fingerprint: Operation($0).fingerprint)
                })
        }
        return SourcePage(products: items, time: time)
    }

    /// After the products: what was filed in between is found in both places, and in the other order would be in neither.
    func movements(of page: SourcePage, after last: Movement?) throws -> [MovementEntry] {
        guard let first = page.products.first?.entry.product.id, let end = page.products.last?.entry.product.id else {
            return []
        }
        var filter: BSON = ["product_id": ["$gte": .productID(first), "$lte": .productID(end)]]
        if let last {
            let id = BSON.productID(last.productID)
            filter = [
                "$or": [
                    ["product_id": id, "seq": ["$gt": .integer(last.seq)]],
                    ["product_id": ["$gt": id, "$lte": .productID(end)]],
                ]
            ]
        }
        let (found, _) = try connection.find(
            Collection.movements, filter, sort: ["product_id": 1, "seq": 1], limit: Self.entriesAtOnce,
            freshness: .majority(after: page.time))
        return try found.map { MovementEntry(movement: try Movement($0), fingerprint: try $0.optionalText("fp")) }
    }

    // MARK: Outcomes

    /// The next outcomes by id, wherever they stand: not filed, in place of a refused product, or where they stay.
    func outcomes(after last: String) throws -> [OutcomeEntry] {
        let after: BSON = ["$gt": .string(last)]
        // First where they begin, for the reason given above.
        let (unfiled, time) = try connection.aggregate(
            Collection.products,
            [
                ["$match": ["unfiled_since": ["$type": "date"]]], ["$project": ["ops": 1]], ["$unwind": "$ops"],
                ["$match": ["ops.record": ["$exists": true], "ops.id": after]],
                ["$replaceWith": ["$mergeObjects": ["$ops", ["_id": "$ops.id"]]]], ["$sort": ["_id": 1]],
                ["$limit": .integer(Int64(Self.entriesAtOnce))],
            ], freshness: .majority(after: 0))
        let (refused, _) = try connection.aggregate(
            Collection.products,
            [
                ["$match": ["refused_at": ["$type": "date"], "op": after, "fp": ["$gt": ""]]],
                ["$replaceWith": ["_id": "$op", "fp": "$fp", "record": "$record", "at": "$refused_at"]],
                ["$sort": ["_id": 1]], ["$limit": .integer(Int64(Self.entriesAtOnce))],
            ], freshness: .majority(after: time))
        let (filed, _) = try connection.find(
            Collection.outcomes, ["_id": after], sort: ["_id": 1], limit: Self.entriesAtOnce,
            freshness: .majority(after: time))
        var seen: Set<String> = []
        return try (unfiled + refused + filed).map(outcome).filter { seen.insert($0.id.text).inserted }
            .sorted { $0.id < $1.id }.prefix(Self.entriesAtOnce).map(\.self)
    }

    private func outcome(_ document: BSONDocument) throws -> OutcomeEntry {
        let name = try document.text("_id")
        guard case .array(let record) = document["record"], let id = try? OperationID(name) else {
            throw DamagedDocument(detail: "outcome \(name) is none")
        }
        return OutcomeEntry(
            id: id, fingerprint: try document.text("fp"), record: try JSON(record),
            expiresAt: Timestamp(
                milliseconds: try document.time("at").milliseconds + OutcomeEntry.lifetimeInMilliseconds))
    }
}
