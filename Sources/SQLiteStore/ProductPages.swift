import GRDB
import InventoryKit

/// A page of products as SQL: a range of one index, read in its order from the place where the last page ended.
struct ProductPages {
    private let query: ProductQuery
    private var arguments: StatementArguments = []

    init(_ query: ProductQuery) {
        self.query = query
    }

    /// One product more than the page may have, if there is one.
    mutating func fetch(_ db: Database) throws -> [Product] {
        let sql: String
        switch query.filter.archived {
        case .false: sql = select("archived_at IS NULL")
        case .true: sql = select("archived_at IS NOT NULL")
        case .any:
            // Each half comes in order from an index of its own; only two pages are left to be merged.
            let halves = ["archived_at IS NULL", "archived_at IS NOT NULL"].map { "SELECT * FROM (\(select($0)))" }
            sql = halves.joined(separator: " UNION ALL ") + " ORDER BY \(order) LIMIT \(query.limit + 1)"
        }
        // Filters combine to more texts than a cache of statements should hold.
        return try Row.fetchAll(db.makeStatement(sql: sql), arguments: arguments).map(Product.init(row:))
    }

    private mutating func select(_ half: String) -> String {
        var conditions = [half]
        func add(_ condition: String, _ values: any DatabaseValueConvertible..., to arguments: inout StatementArguments)
        {
            conditions.append(condition)
            arguments += StatementArguments(values)
        }
        let filter = query.filter
        if !filter.words.isEmpty {
            let match = filter.words.map { "\"\($0)\"*" }.joined(separator: " ")
            add("key IN (SELECT rowid FROM product_words WHERE product_words MATCH ?)", match, to: &arguments)
        }
        if let prefix = filter.skuPrefix {
            // No SKU has a character above "~", so this is the end of all that begin so.
            add("sku_key >= ? AND sku_key < ?", prefix, prefix + "\u{7F}", to: &arguments)
        }
        if let currency = filter.currency { add("currency = ?", currency.code, to: &arguments) }
        if let least = filter.minPrice { add("price >= ?", least, to: &arguments) }
        if let most = filter.maxPrice { add("price <= ?", most, to: &arguments) }
        if let inStock = filter.inStock { conditions.append(inStock ? "available > 0" : "available = 0") }
        if let lowStock = filter.lowStock {
            let isLow = "(low_stock_threshold IS NOT NULL AND available <= low_stock_threshold)"
            conditions.append(lowStock ? isLow : "NOT \(isLow)")
        }
        if let after = query.after {
            let comparison = query.sort.isDescending ? "<" : ">"
            switch after.value {
            case .text(let text): add("(\(column), id) \(comparison) (?, ?)", text, after.id, to: &arguments)
            case .integer(let value): add("(\(column), id) \(comparison) (?, ?)", value, after.id, to: &arguments)
            }
        }
        return """
            SELECT \(Product.columns), sku_key, name_key, available FROM product \
            WHERE \(conditions.joined(separator: " AND ")) ORDER BY \(order) LIMIT \(query.limit + 1)
            """
    }

    private var order: String {
        query.sort.isDescending ? "\(column) DESC, id DESC" : "\(column), id"
    }

    private var column: String {
        switch query.sort.field {
        case .sku: "sku_key"
        case .name: "name_key"
        case .price: "price"
        case .available: "available"
        case .createdAt: "created_at"
        case .updatedAt: "updated_at"
        }
    }
}
