/// What a product is, as opposed to how many there are: the fields that people edit.
package struct Catalogue: Hashable, Sendable {
    package var sku: SKU
    package var name: ProductName
    package var description: ProductDescription
    package var price: Money

    /// At or below this many available units the product counts as low in stock; without it, it never does.
    package var lowStockThreshold: Balance?

    /// The most units that one purchase may take; without it, as many as there are.
    package var maxPerOrder: Quantity?
    package var attributes: Attributes

    package init(
        sku: SKU,
        name: ProductName,
        description: ProductDescription = .empty,
        price: Money,
        lowStockThreshold: Balance? = nil,
        maxPerOrder: Quantity? = nil,
        attributes: Attributes = .none
    ) {
        self.sku = sku
        self.name = name
        self.description = description
        self.price = price
        self.lowStockThreshold = lowStockThreshold
        self.maxPerOrder = maxPerOrder
        self.attributes = attributes
    }

    /// Everything a word search looks at, in its folded form.
    package var searchWords: [String] {
        SearchTerms.words(of: "\(name.text) \(sku.text) \(description.text)")
    }
}

/// A change of some of the catalogue's fields: what is absent stays as it is.
package struct CatalogueChange: Hashable, Sendable {
    package var sku: SKU?
    package var name: ProductName?
    package var description: ProductDescription?
    package var price: PriceChange?
    package var lowStockThreshold: Balance??
    package var maxPerOrder: Quantity??
    package var attributes: AttributesChange?

    /// Either member of a price may be changed alone (RFC 7396 merges objects member by member).
    package struct PriceChange: Hashable, Sendable {
        package var amount: Int64?
        package var currency: Currency?

        package init(amount: Int64? = nil, currency: Currency? = nil) {
            self.amount = amount
            self.currency = currency
        }
    }

    package enum AttributesChange: Hashable, Sendable {
        /// All attributes are removed.
        case removeAll
        /// Some are set, those with no value removed, the others stay.
        case merge([String: String?])
    }

    package init() {}

    /// The catalogue after the change.
    ///
    /// - Throws: ``InventoryError/invalid(_:)`` when what results is no valid catalogue (too many attributes, an amount
    ///   out of range), with a pointer to the field.
    package func applied(to catalogue: Catalogue) throws(InventoryError) -> Catalogue {
        var result = catalogue
        if let sku { result.sku = sku }
        if let name { result.name = name }
        if let description { result.description = description }
        if let lowStockThreshold { result.lowStockThreshold = lowStockThreshold }
        if let maxPerOrder { result.maxPerOrder = maxPerOrder }
        if let price {
            do {
                result.price = try Money(
                    amount: price.amount ?? catalogue.price.amount,
                    currency: price.currency ?? catalogue.price.currency
                )
            } catch { throw .invalid([Fault(at: "/price/amount", error)]) }
        }
        switch attributes {
        case nil: break
        case .removeAll: result.attributes = .none
        case .merge(let members):
            var values = catalogue.attributes.values
            for (name, value) in members { values[name] = value }
            do {
                result.attributes = try Attributes(values)
            } catch { throw .invalid([Fault(at: "/attributes", error)]) }
        }
        return result
    }
}
