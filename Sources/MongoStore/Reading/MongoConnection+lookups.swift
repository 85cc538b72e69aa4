import InventoryKit

extension MongoConnection {
    /// Products as they stand, and what has been filed under ids of operations.
    ///
    /// In one command, since a command costs the server more than a few documents, and under load whoever waits for an
    /// answer waits for a processor first. `$unionWith` takes up its collection when what precedes it is at its end,
    /// and a command never goes back to an older snapshot. So whatever had been filed when a product's fence was set is
    /// among the answers, as if they had been asked for afterwards.
    func lookUp(
        products: [ProductID] = [], ids: [String], after time: UInt64
    ) throws -> (products: [BSONDocument], answers: [String: BSONDocument], time: UInt64) {
        var parts: [(collection: String, stages: [BSON])] = []
        if !products.isEmpty {
            parts.append((Collection.products, [Self.match(products.map(BSON.productID)), ["$project": ["terms": 0]]]))
        }
        if !ids.isEmpty {
            let wanted = Self.match(ids.map(BSON.string))
            parts += [(Collection.movements, [wanted]), (Collection.outcomes, [wanted])]
        }
        guard let first = parts.first else { return ([], [:], time) }
        let others = parts.dropFirst().map { part -> BSON in
            ["$unionWith": ["coll": .string(part.collection), "pipeline": .array(part.stages)]]
        }
        let (found, seen) = try aggregate(
            first.collection, .array(first.stages + others), freshness: .majority(after: time))
        var answers: [String: BSONDocument] = [:]
        var stored: [BSONDocument] = []
        for document in found {
            // A product's id is an ObjectId.
            if let id = try? document.text("_id") { answers[id] = document } else { stored.append(document) }
        }
        return (stored, answers, seen)
    }

    private static func match(_ ids: [BSON]) -> BSON { ["$match": ["_id": ["$in": .array(ids)]]] }

    /// The products of those that there are; those that cannot be read with what is wrong with them.
    func currentProducts(
        of ids: [ProductID], after time: UInt64
    ) throws -> [ProductID: Result<Product, DamagedDocument>] {
        let (found, _) = try find(
            Collection.products, ["_id": ["$in": .array(ids.map(BSON.productID))], "live": ["$exists": true]],
            projection: Product.projection, freshness: .majority(after: time))
        var products: [ProductID: Result<Product, DamagedDocument>] = [:]
        for document in found {
            products[try document.productID("_id")] = Result { () throws(DamagedDocument) in try Product(document) }
        }
        return products
    }
}
