package import InventoryKit
package import Logging

/// An empty MongoDB database that takes over what another store had.
package final class MongoDestination: InventoryDestination {
    private let pool: MongoPool
    private let deadlines: Deadlines

    /// Tells this import's mark from another's.
    private let token = Int64.random(in: .min ... .max)

    package var name: String { "the database \(pool.url.display)" }

    /// Connects to nothing yet.
    ///
    /// - Parameter timeout: how long a batch may take, tries included.
    package init(url: MongoURL, timeout: Duration = .seconds(60), logger: Logger) {
        deadlines = Deadlines(timeout: timeout)
        pool = MongoPool(url: url, size: 1, timeout: timeout, deadlines: deadlines, logger: logger)
        deadlines.start()
    }

    /// Lets go of the connection. No call may follow.
    package func close() async {
        await pool.close()
        deadlines.stop()
    }

    // MARK: Beginning and end

    package func check() async throws(TransferError) {
        let (name, token) = (name, token)
        let trouble: TransferError? = try await run { connection, _ in
            if let mark = try ImportMark.find(over: connection), mark != token { return .unfinishedImport(name) }
            return try Self.isOccupied(connection) ? .occupied(name) : nil
        }
        if let trouble { throw trouble }
    }

    package func begin() async throws(TransferError) {
        // Asked before anything is made, so that a database of somebody else's stays as it is.
        try await check()
        let (name, token) = (name, token)
        let trouble: TransferError? = try await run { connection, _ in
            do { try Schema.migrate(over: connection) } catch let error as MongoOpeningError {
                return .destination("\(error)")
            }
            guard try ImportMark.set(by: token, over: connection) else { return .unfinishedImport(name) }
            // Somebody may have been here between the question and the mark.
            guard try Self.isOccupied(connection) else { return nil }
            try ImportMark.remove(by: token, over: connection)
            return .occupied(name)
        }
        if let trouble { throw trouble }
    }

    private static func isOccupied(_ connection: MongoConnection) throws -> Bool {
        for collection in [Collection.products, Collection.movements, Collection.outcomes] {
            let (found, _) = try connection.find(
                collection, [:], projection: ["_id": 1], limit: 1, freshness: .majority(after: 0))
            if !found.isEmpty { return true }
        }
        return false
    }

    package func finish() async throws(TransferError) {
        let token = token
        try await run { connection, _ in try ImportMark.remove(by: token, over: connection) }
    }

    // MARK: Writing

    package func insert(_ entries: [InventoryEntry]) async throws(TransferError) {
        let documents = ImportedDocuments(entries)
        let trouble: TransferError? = try await run { connection, isUnknown in
            for (collection, documents) in [
                (Collection.products, documents.products), (Collection.movements, documents.movements),
                (Collection.outcomes, documents.outcomes), (Collection.keys, documents.keys),
            ] where !documents.isEmpty {
                for (place, error) in try connection.insert(documents, into: collection) {
                    switch error {
                    // An earlier try has written it. Should it be another's after all, the verification finds it.
                    case .duplicateKey(index: "_id") where isUnknown: continue
                    case .duplicateKey where collection == Collection.keys: continue
                    case .duplicateKey(let index):
                        return .doubled(Self.description(of: documents[place], in: collection, index: index))
                    default: throw error
                    }
                }
            }
            return nil
        }
        if let trouble { throw trouble }
    }

    private static func description(of document: BSONDocument, in collection: String, index: String) -> String {
        let text = { (name: String) in (try? document.text(name)) ?? "" }
        let product = { (name: String) in (try? document.productID(name).text) ?? "" }
        switch (collection, index) {
        case (Collection.products, "held_skus"): return "a product with the SKU \(text("sku"))"
        case (Collection.products, _): return "product \(product("_id"))"
        case (Collection.movements, "_id"): return "movement \(text("_id"))"
        case (Collection.movements, _):
            return "movement \((try? document.integer("seq")) ?? 0) of product \(product("product_id"))"
        default: return "outcome \(text("_id"))"
        }
    }

    // MARK: Verifying

    package func readBack(
        _ take: ([InventoryEntry]) async throws(TransferError) -> Void
    ) async throws(TransferError) {
        var movements = MovementPages(run: { (place) async throws(TransferError) in
            try await self.movements(after: place)
        })
        var last: ProductID?
        while case let products = try await products(after: last), let end = products.last {
            for entry in products {
                try await take([.product(entry)])
                while let part = try await movements.next(upTo: entry.product.id) { try await take(part) }
            }
            last = end.product.id
        }
        while let part = try await movements.next(upTo: nil) { try await take(part) }
    }

    package func outcomeCount(expiringAfter time: Timestamp) async throws(TransferError) -> Int64 {
        let time = Timestamp(milliseconds: time.milliseconds - OutcomeEntry.lifetimeInMilliseconds)
        return try await run { connection, _ in
            var count: Int64 = 0
            for (collection, field) in [(Collection.outcomes, "at"), (Collection.products, "refused_at")] {
                let isLasting: BSON = ["$gt": .date(time)]
                let (found, _) = try connection.aggregate(
                    collection, [["$match": .document([(field, isLasting)])], ["$count": "count"]],
                    freshness: .majority(after: 0))
                count += try found.first?.integer("count") ?? 0
            }
            return count
        }
    }

    package func keyOwners() async throws(TransferError) -> Set<KeyOwner> {
        try await run { connection, _ in Set(try MongoStore.keys(over: connection).map(\.owner)) }
    }

    private func products(after last: ProductID?) async throws(TransferError) -> [ProductEntry] {
        try await run { connection, _ in
            let filter: BSON = .members([
                ("live", ["$exists": true]), ("_id", last.map { ["$gt": .productID($0)] }),
            ])
            // A product's texts may take 170 kB.
            let (found, _) = try connection.find(
                Collection.products, filter, projection: ["terms": 0], sort: ["_id": 1], limit: 100,
                freshness: .majority(after: 0))
            return try found.map { document in
                let stored = try StoredProduct(document)
                return ProductEntry(product: stored.product, fingerprint: stored.fingerprint, movedAt: stored.movedAt)
            }
        }
    }

    private func movements(after last: Movement?) async throws(TransferError) -> [MovementEntry] {
        try await run { connection, _ in
            var filter: BSON = [:]
            if let last {
                let id = BSON.productID(last.productID)
                filter = [
                    "$or": [["product_id": id, "seq": ["$gt": .integer(last.seq)]], ["product_id": ["$gt": id]]]
                ]
            }
            let (found, _) = try connection.find(
                Collection.movements, filter, sort: ["product_id": 1, "seq": 1], limit: 1_000,
                freshness: .majority(after: 0))
            return try found.map {
                MovementEntry(movement: try Movement($0), fingerprint: try $0.optionalText("fp"))
            }
        }
    }

    // MARK: Parts

    private func run<Value: Sendable>(
        _ job: @escaping @Sendable (MongoConnection, _ isUnknown: Bool) throws -> Value
    ) async throws(TransferError) -> Value {
        let outcome: Result<Value, TransferError>
        do {
            outcome = try await pool.run { connection, isUnknown in
                do { return .success(try job(connection, isUnknown)) } catch let error as MongoError
                    where !error.isTransient
                {
                    return .failure(.destination("\(error)"))
                } catch let error as DamagedDocument { return .failure(.destination(error.detail)) }
            }
        } catch {
            throw .destination("MongoDB at \(pool.url.display) does not answer, or not in time")
        }
        return try outcome.get()
    }
}

/// The movements of all products as one sequence, page after page.
private struct MovementPages {
    /// Reads the page after a movement; an empty one at the end.
    let run: (Movement?) async throws(TransferError) -> [MovementEntry]
    private var page: ArraySlice<MovementEntry> = []
    private var last: Movement?
    private var isAtEnd = false

    init(run: @escaping (Movement?) async throws(TransferError) -> [MovementEntry]) {
        self.run = run
    }

    /// The next movements of the products up to that one, or of all: as many as are at hand; `nil` where there are no
    /// more.
    mutating func next(upTo product: ProductID?) async throws(TransferError) -> [InventoryEntry]? {
        if page.isEmpty, !isAtEnd {
            page = ArraySlice(try await run(last))
            isAtEnd = page.isEmpty
            last = page.last?.movement
        }
        let part = product.map { id in page.prefix { $0.movement.productID <= id } } ?? page
        guard !part.isEmpty else { return nil }
        page = page.dropFirst(part.count)
        return part.map(InventoryEntry.movement)
    }
}
