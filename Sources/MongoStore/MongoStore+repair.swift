package import InventoryKit

/// What is derived in a product's document: the keys by which lists are sorted, the terms by which it is found, what is
/// available and whether that is little, that its SKU is held, and the mark by which its operations are found to be filed.
extension MongoStore {
    package func mend(_ id: ProductID, dryRun: Bool) async throws(InventoryError) -> LedgerRepair.Finding {
        try await run { connection, _ in
            let (found, _) = try connection.find(
                Collection.products, ["_id": .productID(id), "live": ["$exists": true]], limit: 1,
                freshness: .majority(after: 0))
            guard let document = found.first else { return LedgerRepair.Finding() }
            let derived: Derived
            do { derived = try Derived(of: document) } catch let error as DamagedDocument {
                return LedgerRepair.Finding(faults: [error.detail])
            }
            guard !dryRun, !derived.wrong.isEmpty else { return derived.finding }
            let (modified, _, errors) = try connection.update([derived.statement], in: Collection.products)
            switch errors[0] {
            case .duplicateKey?:
                return LedgerRepair.Finding(faults: ["\(derived.name): another product is sold under its SKU"])
            case let error?: throw error
            case nil where modified == 0:
                return LedgerRepair.Finding(faults: ["\(derived.name): it changed meanwhile, so run this again"])
            case nil: return derived.finding
            }
        }
    }

    package func restore(_ product: Product, to last: Movement) async throws(InventoryError) -> Product? {
        let fence = Int64.random(in: .min ... .max)
        return try await run(changes: true) { connection, _ in
            let (found, _) = try connection.find(
                Collection.products, ["_id": .productID(product.id)], projection: ["terms": 0], limit: 1,
                freshness: .majority(after: 0))
            guard let stored = try found.first.flatMap({ try StoredProduct(ifAny: $0) }) else { return nil }
            // An earlier try has done it.
            if stored.fence == fence { return stored.product }
            guard stored.product.stock == product.stock, stored.product.stockVersion == product.stockVersion,
                last.seq == product.stockVersion
            else { return nil }
            var restored = stored.product
            restored.stock = last.stock
            // Another state has another ETag, whoever may have seen the wrong one.
            restored.version += 1
            // With a new fence, for daemons know the stock from their own last write, and decide on that as long as the
            // fence is theirs.
            let (modified, _, errors) = try connection.update(
                [
                    [
                        "q": [
                            "_id": .productID(product.id), "gen": .integer(stored.fence),
                            "version": .integer(stored.product.version),
                            "stock_version": .integer(product.stockVersion),
                            "on_hand": .integer(product.stock.onHand), "reserved": .integer(product.stock.reserved),
                            "ops": ["$size": .integer(Int64(stored.operations.count))],
                        ],
                        "u": [
                            "$set": [
                                "gen": .integer(fence), "version": .integer(restored.version),
                                "on_hand": .integer(last.stock.onHand),
                                "reserved": .integer(last.stock.reserved), "available": .integer(last.stock.available),
                                "low": .bool(stored.product.catalogue.isLow(last.stock)), "moved_at": .date(last.at),
                            ]
                        ],
                    ]
                ], in: Collection.products)
            if let error = errors[0] { throw error }
            return modified == 1 ? restored : nil
        }
    }
}

/// What a product's document has that follows from the rest of it.
private struct Derived {
    let name: String

    /// Each field that is not what it must be, what it must be, and what it is for.
    let wrong: [(field: String, value: BSON, meaning: String)]
    private let query: BSON

    init(of document: BSONDocument) throws(DamagedDocument) {
        let stored = try StoredProduct(document)
        let (product, catalogue) = (stored.product, stored.product.catalogue)
        name = product.name
        query = [
            "_id": .productID(product.id), "gen": .integer(stored.fence), "version": .integer(product.version),
            "stock_version": .integer(product.stockVersion), "on_hand": .integer(product.stock.onHand),
            "reserved": .integer(product.stock.reserved),
        ]
        var right: [(String, BSON, String)] = [
            ("available", .integer(product.stock.available), "what is available"),
            ("low", .bool(catalogue.isLow(product.stock)), "whether that is little"),
        ]
        for case (let field, let value?) in catalogue.members where ["sku_key", "name_key", "terms"].contains(field) {
            right.append((field, value, field == "terms" ? "the words it is found by" : "the keys it is sorted by"))
        }
        if !product.isArchived, !stored.heldSKUs.contains(catalogue.sku.key) {
            right.append(
                (
                    "held_skus", .array((stored.heldSKUs + [catalogue.sku.key]).map(BSON.string)),
                    "that its SKU is taken"
                ))
        }
        if let first = stored.operations.first, try document.optionalTime("unfiled_since") == nil {
            right.append(("unfiled_since", .date(try first.time("at")), "that it has operations to be filed"))
        }
        wrong = right.filter { field, value, _ in document[field] != BSONDocument([(field, value)])[field] }
    }

    var finding: LedgerRepair.Finding {
        var meanings: [String] = []
        for field in wrong where !meanings.contains(field.meaning) { meanings.append(field.meaning) }
        return LedgerRepair.Finding(mended: meanings.map { "\(name): \($0)" })
    }

    var statement: BSON {
        ["q": query, "u": ["$set": .document(wrong.map { ($0.field, $0.value) })]]
    }
}
