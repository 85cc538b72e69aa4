import InventoryKit

/// A JSON object that says itself which product it is: a line of `products:batch`, or a product as the API gives it.
///
/// Beyond what the API takes, a price may be a decimal (`"2.55"` or `2.55`) and a stock a number. `null` removes, as it
/// does there.
struct ProductMembers {
    let sku: SKU
    private var members: [String: JSON]

    /// What a product has when it is read and cannot be given when it is written.
    private static let readOnly = ["id", "version", "stock_version", "created_at", "updated_at", "archived_at"]

    /// - Throws: ``RowFault`` when it is no product.
    init(_ record: JSONRecord, options: ProductRows.Options) throws(RowFault) {
        let line = record.line
        members = record.members
        for name in Self.readOnly { members[name] = nil }
        guard case .string(let text) = members["sku"], !text.isEmpty else {
            throw RowFault(.missingSKU, line: line, "there is no sku")
        }
        do { sku = try SKU(text) } catch { throw RowFault(.invalid, line: line, "sku \(text.excerpt) \(error.detail)") }
        if case .string(let name) = members["name"], name.trimmed.isEmpty {
            throw RowFault(.missingName, line: line, "name is empty")
        }
        try setPrice(line: line, options)
        setStock(options)
        do { _ = try BatchRow(line: line, JSONDocument(root: .object(members))) } catch {
            throw RowFault(.invalid, line: line, error.summary)
        }
    }

    var json: [UInt8] { JSON.object(members).encoded() }

    var fingerprint: SeenSKUs.Fingerprint {
        var rest = members
        rest["sku"] = nil
        let (amount, currency) = price
        return SeenSKUs.Fingerprint(
            name: try? members["name"]?.text(), price: amount, currency: currency, rest: JSON.object(rest).encoded()
        )
    }

    private var price: (amount: Int64?, currency: String?) {
        guard case .object(let price) = members["price"] else { return (nil, nil) }
        return (try? price["amount"]?.integer(), try? price["currency"]?.text())
    }

    private mutating func setPrice(line: Int, _ options: ProductRows.Options) throws(RowFault) {
        let text: String
        var isMinor = false
        var price: [String: JSON] = [:]
        switch members["price"] {
        case .string(let decimal), .number(let decimal): text = decimal
        case .integer(let whole): text = String(whole)
        case .object(let members):
            guard case .integer(let amount) = members["amount"] else { return }
            price = members
            text = String(amount)
            isMinor = true
        default: return
        }
        let code = try? price["currency"]?.text()
        guard let currency = code.map({ try? Currency($0) }) ?? options.currency else {
            // A change of the amount alone is one, and an unknown currency is told with all else.
            if isMinor { return }
            throw RowFault(.badPrice, line: line, "price \(text.excerpt) is without a currency: give --currency")
        }
        do {
            let source = PriceText(text: text, isMinor: isMinor, takesZero: options.takesZeroPrices)
            price["amount"] = .integer(try source.amount(in: currency))
        } catch {
            throw RowFault(error.kind, line: line, "price \(text.excerpt) \(error.detail)")
        }
        price["currency"] = .string(currency.code)
        members["price"] = .object(price)
    }

    private mutating func setStock(_ options: ProductRows.Options) {
        switch members["stock"] {
        case nil: if let stock = options.stock { members["stock"] = ["on_hand": .integer(stock.units)] }
        case .integer(let units): members["stock"] = ["on_hand": .integer(units)]
        case .object(var stock):
            stock["reserved"] = nil
            stock["available"] = nil
            members["stock"] = .object(stock)
        default: break
        }
    }
}

extension InventoryError {
    /// The first fault of an invalid document, with its place.
    fileprivate var summary: String {
        guard case .invalid(let faults) = self, let fault = faults.first else { return "is no product" }
        let place = fault.pointer.isEmpty ? "the object" : fault.pointer.excerpt
        return "\(place) \(fault.detail)" + (faults.count > 1 ? ", and \(faults.count - 1) more" : "")
    }
}
