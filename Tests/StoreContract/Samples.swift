package import InventoryKit

/// Values and commands, with what a clause does not care about filled in.
package enum Sample {
    /// Texts that a store might take for something else than text.
    static let nastyTexts = [
        "$on_hand", "$$ROOT", "$", "'; DROP TABLE products; --", "\" OR 1=1 --", "{\"$gt\": \"\"}", "%_*?[a]\\", "NULL",
        "a.b.c", "\u{202E}reversed\u{2028}lines", "e\u{301} is not \u{E9}", "👩‍👩‍👧‍👦🇨🇭", "日本語 עברית", " blanks around ",
    ]

    package static func catalogue(
        _ sku: String, name: String = "White hanging heart", description: String = "", price: Int64 = 255,
        currency: String = "GBP", threshold: Int64? = nil, most: Int64? = nil, attributes: [String: String] = [:]
    ) throws -> Catalogue {
        Catalogue(
            sku: try SKU(sku), name: try ProductName(name), description: try ProductDescription(description),
            price: try money(price, currency), lowStockThreshold: try threshold.map(Balance.init),
            maxPerOrder: try most.map(Quantity.init), attributes: try Attributes(attributes)
        )
    }

    package static func money(_ amount: Int64, _ currency: String = "GBP") throws -> Money {
        try Money(amount: amount, currency: try Currency(currency))
    }

    /// With a key, the identities are made from it as the service makes them.
    package static func creation(
        _ catalogue: Catalogue, opening: Int64 = 0, key: String? = nil
    ) throws -> Creation {
        let origin = try origin("create", of: "", asking: "\(catalogue.canonical) \(opening)", key: key)
        return Creation(id: productID(for: origin), catalogue: catalogue, opening: try Balance(opening), origin: origin)
    }

    // MARK: Stock

    package static func purchase(
        _ quantity: Int64 = 1, of product: ProductReference, at price: Money? = nil, reference: String? = nil,
        actor: String = "till-1", key: String? = nil
    ) throws -> StockCommand {
        try command(
            product, .purchase(try Quantity(quantity), expectedUnitPrice: price), nil, reference, actor: actor, key: key
        )
    }

    package static func adjust(
        _ delta: Int64, of product: ProductReference, reason: StockReason = .correction, reference: String? = nil,
        actor: String = "till-1", key: String? = nil
    ) throws -> StockCommand {
        try command(product, .adjust(try StockDelta(delta)), reason, reference, actor: actor, key: key)
    }

    package static func count(
        _ counted: Int64, expecting expected: Int64, of product: ProductReference, reference: String? = nil,
        actor: String = "till-1", key: String? = nil
    ) throws -> StockCommand {
        try command(
            product, .count(try Balance(counted), expectedOnHand: try Balance(expected)), .stocktake, reference,
            actor: actor, key: key
        )
    }

    private static func command(
        _ product: ProductReference, _ change: StockCommand.Change, _ reason: StockReason?, _ reference: String?,
        actor: String, key: String?
    ) throws -> StockCommand {
        StockCommand(
            product: product, change: change, reason: reason, reference: try reference.map(Reference.init),
            origin: try origin(
                change.operation, of: product.canonical,
                asking: "\(change) \(reason?.rawValue ?? "-") \(reference ?? "-")", actor: actor, key: key
            )
        )
    }

    // MARK: Catalogue

    /// A change of the fields that are given.
    package static func change(
        sku: String? = nil, name: String? = nil, description: String? = nil, amount: Int64? = nil,
        currency: String? = nil, attributes: CatalogueChange.AttributesChange? = nil
    ) throws -> CatalogueChange {
        var change = CatalogueChange()
        change.sku = try sku.map(SKU.init)
        change.name = try name.map(ProductName.init)
        change.description = try description.map(ProductDescription.init)
        if amount != nil || currency != nil {
            change.price = CatalogueChange.PriceChange(amount: amount, currency: try currency.map(Currency.init))
        }
        change.attributes = attributes
        return change
    }

    /// A row that can create, but for the fields that are given as `nil`.
    ///
    /// - Parameter line: makes requests of one key different, as in a bulk load.
    package static func row(
        _ sku: String, name: String? = "White hanging heart", amount: Int64? = 255, currency: String? = "GBP",
        threshold: Int64? = nil, attributes: CatalogueChange.AttributesChange? = nil, opening: Int64? = nil,
        line: Int = 1, key: String? = nil
    ) throws -> UpsertRow {
        var change = try change(sku: sku, name: name, amount: amount, currency: currency, attributes: attributes)
        if let threshold { change.lowStockThreshold = .some(try Balance(threshold)) }
        let figures = [amount, threshold, opening].map { $0.map(String.init) ?? "-" }
        let asked = [sku, name ?? "-", currency ?? "-", attributes?.canonical ?? "-"] + figures
        let origin = try origin("batch", of: "", line: line, asking: asked.joined(separator: "\u{1F}"), key: key)
        return UpsertRow(
            sku: try SKU(sku), change: change, opening: try opening.map(Balance.init), id: productID(for: origin),
            origin: origin
        )
    }

    // MARK: Identities

    private static func origin(
        _ operation: String, of target: String, line: Int? = nil, asking request: String, actor: String = "till-1",
        key: String?
    ) throws -> Origin {
        Idempotency.origin(
            of: Requester(
                actor: actor, requestID: "request-\(UInt64.random(in: 0...UInt64.max))",
                key: try key.map(IdempotencyKey.init)
            ),
            operation: operation, target: target, line: line, request: [.string(request)], now: TestClock.start
        )
    }

    private static func productID(for origin: Origin) -> ProductID {
        origin.isRepeatable ? ProductID(of: origin.id) : ProductID(at: TestClock.start)
    }
}

extension Catalogue {
    /// The same text for the same catalogue.
    fileprivate var canonical: String {
        let attributes = attributes.values.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        return "\(sku.text) \(name.text) \(description.text) \(price) \(String(describing: lowStockThreshold)) "
            + "\(String(describing: maxPerOrder)) \(attributes)"
    }
}

extension CatalogueChange.AttributesChange {
    /// The same text for the same change.
    fileprivate var canonical: String {
        switch self {
        case .removeAll: "none"
        case .merge(let members): members.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value ?? "-")" }.description
        }
    }
}
