import InventoryKit

/// What `GET /v1/products` was asked for.
enum ProductListing {
    static let parameters: Set<String> = [
        "limit", "cursor", "sort", "q", "sku_prefix", "min_price", "max_price", "currency", "in_stock", "low_stock",
        "archived", "id",
    ]

    case ids([ProductID])

    /// With what makes the list this one, for its cursors.
    case query(ProductQuery, list: [String])

    /// - Throws: a ``Problem`` with everything that is wrong with the parameters.
    init(_ query: inout QueryParameters) throws(Problem) {
        if query.names.contains("id") {
            let ids = query.value("id", Self.ids)
            if query.names.count > 1 { query.fault("id", "goes with no other parameter") }
            try query.finish()
            self = .ids(ids ?? [])
            return
        }
        let limit = query.pageLimit()
        let sort = query.value("sort", Self.sort) ?? ProductSort()
        let filter = Self.filter(&query)
        if filter.currency == nil {
            if sort.field == .price { query.fault("currency", "is required to sort by price") }
            for name in ["min_price", "max_price"] where query.names.contains(name) {
                query.fault("currency", "is required with \(name)")
            }
        }
        let list = ["products", sort.canonical] + filter.canonical
        let after = query.cursor(of: list)
        try query.finish()
        self = .query(ProductQuery(filter: filter, sort: sort, after: after, limit: limit), list: list)
    }

    private static func filter(_ query: inout QueryParameters) -> ProductFilter {
        var filter = ProductFilter()
        filter.words = query.value("q", words) ?? []
        filter.skuPrefix = query.value("sku_prefix") { text throws(InvalidValue) in
            guard (1...Bounds.skuLength).contains(text.utf8.count), text.utf8.allSatisfy({ (0x20...0x7E).contains($0) })
            else {
                throw InvalidValue("must be 1 to \(Bounds.skuLength) printable ASCII characters")
            }
            return SKU.fold(text)
        }
        filter.currency = query.value("currency", Currency.init)
        filter.minPrice = query.integer("min_price", in: 0...Bounds.exactInteger)
        filter.maxPrice = query.integer("max_price", in: 0...Bounds.exactInteger)
        filter.inStock = query.bool("in_stock")
        filter.lowStock = query.bool("low_stock")
        filter.archived = query.choice("archived", ProductFilter.Archived.self) ?? .false
        return filter
    }

    private static func words(_ text: String) throws(InvalidValue) -> [String] {
        guard (1...Bounds.nameLength).contains(text.unicodeScalars.count) else {
            throw InvalidValue("must have 1 to \(Bounds.nameLength) code points")
        }
        let words = SearchTerms.words(of: text)
        guard (1...Bounds.searchWords).contains(words.count) else {
            throw InvalidValue("must have 1 to \(Bounds.searchWords) words of letters and digits")
        }
        return words
    }

    private static func sort(_ text: String) throws(InvalidValue) -> ProductSort {
        let isDescending = text.hasPrefix("-")
        guard let field = ProductSort.Field(rawValue: String(isDescending ? text.dropFirst() : text[...])) else {
            let names = ProductSort.Field.allCases.map(\.rawValue).joined(separator: ", ")
            throw InvalidValue("must be one of \(names), with - in front for descending")
        }
        return ProductSort(field, descending: isDescending)
    }

    private static func ids(_ text: String) throws(InvalidValue) -> [ProductID] {
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        guard (1...Bounds.idsPerRead).contains(parts.count) else {
            throw InvalidValue("must be 1 to \(Bounds.idsPerRead) ids, separated by commas")
        }
        return try parts.map { part throws(InvalidValue) in
            do { return try ProductID(String(part)) } catch {
                throw InvalidValue("must be ids of 24 hexadecimal digits each, separated by commas")
            }
        }
    }
}
