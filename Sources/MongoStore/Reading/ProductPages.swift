import InventoryKit

/// A page of products as a query: a range of one index (``Schema``), read in its order from where the last page ended.
struct ProductPages {
    let query: ProductQuery

    /// One product more than the page may have, if there is one.
    func fetch(over connection: MongoConnection) throws -> [Product] {
        try connection.find(
            Collection.products, filter, projection: Product.projection, sort: sort, limit: query.limit + 1,
            freshness: .majority(after: 0), timeLimit: MongoStore.readLimit
        ).documents.map(Product.init)
    }

    var sort: BSON {
        let direction: BSON = query.sort.isDescending ? -1 : 1
        return .document([(field, direction), ("_id", direction)])
    }

    var filter: BSON {
        let filter = query.filter
        var members: [(String, BSON)] = []
        switch filter.archived {
        case .false: members.append(("live", true))
        case .true: members.append(("live", false))
        case .any: members.append(("live", ["$in": [true, false]]))
        }
        if !filter.words.isEmpty {
            members.append(("$and", .array(filter.words.map { ["terms": Terms.condition(for: $0)] })))
        }
        if let prefix = filter.skuPrefix {
            // No SKU has a character above "~", so this is the end of all that begin so.
            members.append(("sku_key", ["$gte": .string(prefix), "$lt": .string(prefix + "\u{7F}")]))
        }
        if let currency = filter.currency { members.append(("price.currency", .string(currency.code))) }
        let prices: [(String, BSON?)] = [
            ("$gte", filter.minPrice.map(BSON.integer)), ("$lte", filter.maxPrice.map(BSON.integer)),
        ]
        if prices.contains(where: { $0.1 != nil }) { members.append(("price.amount", .members(prices))) }
        if let inStock = filter.inStock { members.append(("available", inStock ? ["$gt": 0] : 0)) }
        if let lowStock = filter.lowStock { members.append(("low", .bool(lowStock))) }
        if let after = query.after { members.append(("$or", beyond(after))) }
        return .document(members)
    }

    /// What comes after a place in the order: a greater key, or the same and a greater id. The server merges the two
    /// ranges of the index.
    private func beyond(_ place: Keyset) -> BSON {
        let comparison = query.sort.isDescending ? "$lt" : "$gt"
        let value: BSON =
            switch place.value {
            case .text(let text): .string(text)
            case .integer(let value):
                switch query.sort.field {
                case .createdAt, .updatedAt: .date(Timestamp(milliseconds: value))
                default: .integer(value)
                }
            }
        let id: BSON = (try? ProductID(place.id)).map(BSON.productID) ?? .string(place.id)
        return [
            .document([(field, .document([(comparison, value)]))]),
            .document([(field, value), ("_id", .document([(comparison, id)]))]),
        ]
    }

    private var field: String {
        switch query.sort.field {
        case .sku: "sku_key"
        case .name: "name_key"
        case .price: "price.amount"
        case .available: "available"
        case .createdAt: "created_at"
        case .updatedAt: "updated_at"
        }
    }
}
