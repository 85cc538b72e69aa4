/// A product as a client proposes it.
package struct ProductDraft: Hashable, Sendable {
    package let catalogue: Catalogue
    package let opening: Balance

    package init(catalogue: Catalogue, opening: Balance) {
        self.catalogue = catalogue
        self.opening = opening
    }

    /// Reads the body of `POST /v1/products`.
    ///
    /// - Throws: ``InventoryError/invalid(_:)`` with every fault.
    package init(_ document: JSONDocument) throws(InventoryError) {
        self = try JSONForm.read(document) { form in
            let catalogue = form.catalogue()
            let opening = form.openingStock()
            return catalogue.map { ProductDraft(catalogue: $0, opening: opening ?? .zero) }
        }
    }
}

/// One line of `products:batch`.
package struct BatchRow: Hashable, Sendable {
    /// From 1, blank lines counted.
    package let line: Int
    package let sku: SKU
    package let change: CatalogueChange
    package let opening: Balance?

    /// - Throws: ``InventoryError/invalid(_:)`` with every fault.
    package init(line: Int, _ document: JSONDocument) throws(InventoryError) {
        self = try JSONForm.read(document) { form in
            let sku = form.value("sku", .required, SKU.init(json:))
            var change = form.catalogueChange()
            change.sku = sku
            let opening = form.openingStock()
            return sku.map { BatchRow(line: line, sku: $0, change: change, opening: opening) }
        }
    }

    private init(line: Int, sku: SKU, change: CatalogueChange, opening: Balance?) {
        self.line = line
        self.sku = sku
        self.change = change
        self.opening = opening
    }
}

extension Revision {
    /// Reads the body of `PUT /v1/products/{id}`.
    ///
    /// - Throws: ``InventoryError/invalid(_:)`` with every fault.
    package static func replacing(
        _ id: ProductID, with document: JSONDocument, expectedETags: [ETag]?
    ) throws(InventoryError) -> Revision {
        try JSONForm.read(document) { form in
            let catalogue = form.catalogue()
            let (version, stock) = form.readBack(of: id)
            return catalogue.map {
                Revision(
                    id: id, change: .replace($0), expectedETags: expectedETags, expectedVersion: version,
                    claimedStock: stock
                )
            }
        }
    }

    /// Reads the body of `PATCH /v1/products/{id}`, a merge patch of RFC 7396.
    ///
    /// - Throws: ``InventoryError/invalid(_:)`` with every fault.
    package static func merging(
        _ id: ProductID, with document: JSONDocument, expectedETags: [ETag]?
    ) throws(InventoryError) -> Revision {
        try JSONForm.read(document) { form in
            var change = form.catalogueChange()
            change.sku = form.keeping("sku", SKU.init(json:))
            let (version, stock) = form.readBack(of: id)
            return Revision(
                id: id, change: .merge(change), expectedETags: expectedETags, expectedVersion: version,
                claimedStock: stock
            )
        }
    }
}

extension JSONForm {
    /// All catalogue fields, those that have a default optional.
    fileprivate mutating func catalogue() -> Catalogue? {
        let sku = value("sku", .required, SKU.init(json:))
        let name = value("name", .required, ProductName.init(json:))
        let description = value("description", .optional, ProductDescription.init(json:))
        let price = price("price", .required)
        let threshold = value("low_stock_threshold", .optional, Balance.init(json:))
        let most = value("max_per_order", .optional, Quantity.init(json:))
        let attributes = attributes()
        guard let sku, let name, let price else { return nil }
        return Catalogue(
            sku: sku, name: name, description: description ?? .empty, price: price, lowStockThreshold: threshold,
            maxPerOrder: most, attributes: attributes
        )
    }

    /// Those catalogue fields that are there, but for the SKU.
    fileprivate mutating func catalogueChange() -> CatalogueChange {
        var change = CatalogueChange()
        change.name = keeping("name", ProductName.init(json:))
        change.description = patch("description", ProductDescription.init(json:)).map { $0 ?? .empty }
        if isNull("price") { fault(at: "price", "cannot be removed") }
        change.price = object("price", .optional) { price in
            let amount = price.keeping("amount", Money.amount(json:))
            let currency = price.keeping("currency", Currency.init(json:))
            return CatalogueChange.PriceChange(amount: amount, currency: currency)
        }
        change.lowStockThreshold = patch("low_stock_threshold", Balance.init(json:))
        change.maxPerOrder = patch("max_per_order", Quantity.init(json:))
        if isNull("attributes") {
            ignore("attributes")
            change.attributes = .removeAll
        } else {
            change.attributes = object("attributes", .optional) { .merge($0.attributeEntries(allowNull: true)) }
        }
        return change
    }

    /// A member that may be set but not removed.
    fileprivate mutating func keeping<Value>(
        _ name: String, _ read: (JSON) throws(InvalidValue) -> Value
    ) -> Value? {
        switch patch(name, read) {
        case nil: return nil
        case .some(nil):
            fault(at: name, "cannot be removed")
            return nil
        case .some(let value): return value
        }
    }

    package mutating func price(_ name: String, _ presence: Presence) -> Money? {
        object(name, presence) { form in
            let amount = form.value("amount", .required, Money.amount(json:))
            let currency = form.value("currency", .required, Currency.init(json:))
            guard let amount, let currency else { return nil }
            return try? Money(amount: amount, currency: currency)
        }
    }

    private mutating func attributes() -> Attributes {
        object("attributes", .optional) { form in
            let values = form.attributeEntries(allowNull: false).compactMapValues { $0 }
            return try? Attributes(values)
        } ?? .none
    }

    private mutating func attributeEntries(allowNull: Bool) -> [String: String?] {
        let entries = entries()
        // A patch may remove as many as there are and set as many anew.
        let most = allowNull ? 2 * Bounds.attributeCount : Bounds.attributeCount
        if entries.count > most { faultHere("must have at most \(most) members") }
        var values: [String: String?] = [:]
        for (name, json) in entries.sorted(by: { $0.key < $1.key }).prefix(most) {
            do {
                try Attributes.checkName(name)
                if json == .null, allowNull {
                    values[name] = .some(nil)
                } else {
                    let text = try json.text()
                    try Attributes.checkValue(text)
                    values[name] = text
                }
            } catch { fault(at: name, error.detail) }
        }
        return values
    }

    fileprivate mutating func openingStock() -> Balance? {
        object("stock", .optional) { $0.value("on_hand", .required, Balance.init(json:)) }
    }

    /// What a client that sends back what it has read may leave in: some of it must agree, the rest says nothing.
    fileprivate mutating func readBack(of id: ProductID) -> (version: Int64?, stock: Revision.ClaimedStock?) {
        ignore("stock_version", "created_at", "updated_at", "archived_at")
        _ = value("id", .optional) { json throws(InvalidValue) in
            guard SKU.fold(try json.text()) == id.text else { throw InvalidValue("must be the id in the path") }
        }
        let version = value("version", .optional) { json throws(InvalidValue) in try json.integer() }
        let stock = object("stock", .optional) { stock in
            Revision.ClaimedStock(
                onHand: stock.value("on_hand", .optional) { json throws(InvalidValue) in try json.integer() },
                reserved: stock.value("reserved", .optional) { json throws(InvalidValue) in try json.integer() },
                available: stock.value("available", .optional) { json throws(InvalidValue) in try json.integer() }
            )
        }
        return (version, stock)
    }
}
