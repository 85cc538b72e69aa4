/// A list of products: which ones, in which order, from where on.
package struct ProductQuery: Hashable, Sendable {
    package var filter: ProductFilter
    package var sort: ProductSort
    package var after: Keyset?
    package var limit: Int

    package init(
        filter: ProductFilter = ProductFilter(), sort: ProductSort = ProductSort(), after: Keyset? = nil,
        limit: Int = Bounds.defaultPageSize
    ) {
        self.filter = filter
        self.sort = sort
        self.after = after
        self.limit = limit
    }
}

/// Which products: all conditions hold at once.
package struct ProductFilter: Hashable, Sendable {
    package enum Archived: String, CaseIterable, Sendable {
        case `false`, `true`, any
    }

    /// Folded words (``SearchTerms``), each of which begins some word of the product.
    package var words: [String] = []

    /// In SKU key form.
    package var skuPrefix: String?
    package var currency: Currency?

    /// Bounds in minor units, inclusive; they need a currency.
    package var minPrice: Int64?
    package var maxPrice: Int64?

    /// Whether any unit is available.
    package var inStock: Bool?

    /// Whether the available units are at or below the product's threshold.
    package var lowStock: Bool?
    package var archived = Archived.false

    package init() {}

    /// What is asked for, in words that stay the same from release to release: cursors are bound to it.
    package var canonical: [String] {
        let members: [(String, String?)] = [
            ("sku_prefix", skuPrefix), ("currency", currency?.code), ("min_price", minPrice.map(String.init)),
            ("max_price", maxPrice.map(String.init)), ("in_stock", inStock.map(String.init)),
            ("low_stock", lowStock.map(String.init)), ("archived", archived.rawValue),
        ]
        return words.map { "q=\($0)" } + members.compactMap { name, value in value.map { "\(name)=\($0)" } }
    }
}

/// An order of products. Equal ones are in the order of their ids, the same way round.
package struct ProductSort: Hashable, Sendable {
    package enum Field: String, CaseIterable, Sendable {
        case sku, name, price, available
        case createdAt = "created_at"
        case updatedAt = "updated_at"
    }

    package var field: Field
    package var isDescending: Bool

    /// As ``ProductFilter/canonical``.
    package var canonical: String { (isDescending ? "-" : "") + field.rawValue }

    package init(_ field: Field = .createdAt, descending: Bool = false) {
        self.field = field
        self.isDescending = descending
    }

    /// Where a product stands in this order.
    package func keyset(of product: Product) -> Keyset {
        let value: Keyset.Value =
            switch field {
            case .sku: .text(product.catalogue.sku.key)
            case .name: .text(SearchTerms.fold(product.catalogue.name.text))
            case .price: .integer(product.catalogue.price.amount)
            case .available: .integer(product.stock.available)
            case .createdAt: .integer(product.createdAt.milliseconds)
            case .updatedAt: .integer(product.updatedAt.milliseconds)
            }
        return Keyset(value: value, id: product.id.text)
    }
}

/// Movements, the newest first: of one product by `seq`, else of all by time.
package struct MovementQuery: Hashable, Sendable {
    package enum Selection: Hashable, Sendable {
        /// Those of one product, by number.
        case product(ProductID)
        /// Those of all products, by time; all, where nothing more is said.
        case all(reference: Reference?, since: Timestamp?)
    }

    package let selection: Selection
    package var after: Keyset?
    package let limit: Int

    package init(product: ProductID, after: Keyset? = nil, limit: Int = Bounds.defaultPageSize) {
        selection = .product(product)
        self.after = after
        self.limit = limit
    }

    package init(
        reference: Reference? = nil, since: Timestamp? = nil, after: Keyset? = nil, limit: Int = Bounds.defaultPageSize
    ) {
        selection = .all(reference: reference, since: since)
        self.after = after
        self.limit = limit
    }

    /// Where a movement stands in the order of this query.
    package func keyset(of movement: Movement) -> Keyset {
        let value =
            switch selection {
            case .product: movement.seq
            case .all: movement.at.milliseconds
            }
        return Keyset(value: .integer(value), id: movement.id.text)
    }
}

/// A place in an order: the last item seen, by its sort key and identity. Unlike an offset it costs the same on every
/// page, and items that come and go before it neither repeat nor hide others.
package struct Keyset: Hashable, Sendable {
    package enum Value: Hashable, Sendable {
        case text(String)
        case integer(Int64)
    }

    package let value: Value
    package let id: String

    package init(value: Value, id: String) {
        self.value = value
        self.id = id
    }
}

package struct Page<Item: Sendable>: Sendable {
    package let items: [Item]

    /// Where the next page begins; `nil` on the last one.
    package let next: Keyset?

    package init(items: [Item], next: Keyset?) {
        self.items = items
        self.next = next
    }

    /// A page out of one item more than it may have, which says whether another page follows.
    package init(reading items: [Item], limit: Int, keyset: (Item) -> Keyset) {
        self.items = Array(items.prefix(limit))
        next = items.count > limit ? self.items.last.map(keyset) : nil
    }
}
