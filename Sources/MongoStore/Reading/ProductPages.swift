import InventoryKit

/// A page of products as queries, each a range of one index (``Schema``), read in its order from where the last page
/// ended.
///
/// They are kept so plain that the server's planner has nothing to choose: "equal key and greater id, or greater key" as
/// one condition, or live and archived products as one, it answers from the beginning of the list (seen with `explain` on
/// mongod 6.0).
struct ProductPages {
    let query: ProductQuery

    /// One product more than the page may have, if there is one.
    func fetch(over connection: MongoConnection) throws -> [Product] {
        let parts = try halves.map { half in try inTime { try fetch(half, over: connection) } }
        guard parts.count > 1 else { return parts[0] }
        return Array(parts.joined().sorted(by: precedes).prefix(query.limit + 1))
    }

    private func fetch(_ ranges: [BSON], over connection: MongoConnection) throws -> [Product] {
        var products: [Product] = []
        for range in ranges where products.count <= query.limit {
            products += try connection.find(
                Collection.products, range, projection: Product.projection, sort: sort,
                limit: query.limit + 1 - products.count, freshness: .majority(after: 0),
                timeLimit: MongoStore.readLimit
            ).documents.map(Product.init)
        }
        return products
    }

    var sort: BSON {
        let direction: BSON = query.sort.isDescending ? -1 : 1
        return .document([(field, direction), ("_id", direction)])
    }

    /// The ranges that the page may lie in, one after the other; those of live and of archived products apart.
    var halves: [[BSON]] {
        let isLive =
            switch query.filter.archived {
            case .false: [true]
            case .true: [false]
            case .any: [true, false]
            }
        return isLive.map { isLive in
            let conditions = [["live": .bool(isLive)]] + conditions
            guard let after = query.after else { return [["$and": .array(conditions)]] }
            return beyond(after).map { ["$and": .array(conditions + [$0])] }
        }
    }

    private var conditions: [BSON] {
        let filter = query.filter
        var conditions = filter.words.flatMap(Terms.conditions).map { ["terms": $0] as BSON }
        if let prefix = filter.skuPrefix {
            // No SKU has a character above "~", so this is the end of all that begin so.
            conditions.append(["sku_key": ["$gte": .string(prefix), "$lt": .string(prefix + "\u{7F}")]])
        }
        if let currency = filter.currency { conditions.append(["price.currency": .string(currency.code)]) }
        if let least = filter.minPrice { conditions.append(["price.amount": ["$gte": .integer(least)]]) }
        if let most = filter.maxPrice { conditions.append(["price.amount": ["$lte": .integer(most)]]) }
        if let inStock = filter.inStock { conditions.append(["available": inStock ? ["$gt": 0] : 0]) }
        if let lowStock = filter.lowStock { conditions.append(["low": .bool(lowStock)]) }
        return conditions
    }

    /// What comes after a place in the order: first the same key and a greater id, then a greater key.
    private func beyond(_ place: Keyset) -> [BSON] {
        let comparison = query.sort.isDescending ? "$lt" : "$gt"
        let value: BSON =
            switch (place.value, query.sort.field) {
            case (.text(let text), _): .string(text)
            case (.integer(let value), .createdAt), (.integer(let value), .updatedAt):
                .date(Timestamp(milliseconds: value))
            case (.integer(let value), _): .integer(value)
            }
        let id: BSON = (try? ProductID(place.id)).map(BSON.productID) ?? .string(place.id)
        return [
            .document([(field, value), ("_id", .document([(comparison, id)]))]),
            .document([(field, .document([(comparison, value)]))]),
        ]
    }

    /// In the order of the query: texts by their bytes, as the server compares them, and then by id.
    private func precedes(_ left: Product, _ right: Product) -> Bool {
        let (first, second) = query.sort.isDescending ? (right, left) : (left, right)
        let (left, right) = (query.sort.keyset(of: first), query.sort.keyset(of: second))
        switch (left.value, right.value) {
        case (.integer(let one), .integer(let other)) where one != other: return one < other
        case (.text(let one), .text(let other)) where !one.utf8.elementsEqual(other.utf8):
            return one.utf8.lexicographicallyPrecedes(other.utf8)
        default: return left.id < right.id
        }
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

/// Reads a list, which may be too much for the time there is.
///
/// - Throws: ``InventoryError/queryTooBroad`` where it is.
func inTime<Value>(_ read: () throws -> Value) throws -> Value {
    do { return try read() } catch MongoError.timeLimit { throw InventoryError.queryTooBroad }
}
