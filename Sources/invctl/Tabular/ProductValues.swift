import InventoryKit

/// What the cells of one row say of a product.
struct ProductValues {
    private(set) var sku: SKU
    private(set) var name: String?
    private(set) var description: String?
    /// In the currency's minor unit.
    private(set) var amount: Int64?
    private(set) var currency: Currency?
    private(set) var stock: Balance?
    private(set) var lowStockThreshold: Balance?
    private(set) var maxPerOrder: Quantity?
    private(set) var attributes: [(name: String, value: String)] = []

    /// - Throws: ``RowFault`` with the first thing that is wrong: of the SKU, the name, the price, then of the others
    ///   as the columns come.
    init(line: Int, _ cells: [Cell], options: ProductRows.Options) throws(RowFault) {
        sku = try cells.sku(line: line)
        if let cell = cells.first(where: { $0.field == .name }) {
            guard !cell.text.isEmpty else {
                throw RowFault(.missingName, line: line, "\(cell.column.excerpt) is empty")
            }
            name = try cell.valid(line: line) { text throws(InvalidValue) in try ProductName(text).text }
        }
        stock = options.stock
        try readPrice(cells, line: line, options)
        for cell in cells where !cell.text.isEmpty { try read(cell, line: line) }
    }

    private mutating func readPrice(
        _ cells: [Cell], line: Int, _ options: ProductRows.Options
    ) throws(RowFault) {
        if let cell = cells.first(where: { $0.field == .currency && !$0.text.isEmpty }) {
            currency = try cell.valid(line: line, kind: .badPrice) { text throws(InvalidValue) in try Currency(text) }
        }
        guard let cell = cells.first(where: { $0.field == .price || $0.field == .priceMinor }) else { return }
        guard !cell.text.isEmpty else { throw RowFault(.badPrice, line: line, "\(cell.column.excerpt) is empty") }
        guard let currency = currency ?? options.currency else {
            throw RowFault(.badPrice, line: line, "\(cell.column.excerpt) is without a currency: give --currency")
        }
        self.currency = currency
        let price = PriceText(text: cell.text, isMinor: cell.field == .priceMinor, takesZero: options.takesZeroPrices)
        do { amount = try price.amount(in: currency) } catch { throw cell.fault(error.kind, line: line, error.detail) }
    }

    private mutating func read(_ cell: Cell, line: Int) throws(RowFault) {
        switch cell.field {
        case .description:
            description = try cell.valid(line: line) { text throws(InvalidValue) in try ProductDescription(text).text }
        case .stock: stock = try cell.number(line: line) { units throws(InvalidValue) in try Balance(units) }
        case .lowStockThreshold:
            lowStockThreshold = try cell.number(line: line) { units throws(InvalidValue) in try Balance(units) }
        case .maxPerOrder:
            maxPerOrder = try cell.number(line: line) { units throws(InvalidValue) in try Quantity(units) }
        case .attribute(let name):
            let value = try cell.valid(line: line) { text throws(InvalidValue) in
                try Attributes.checkValue(text)
                return text
            }
            attributes.append((name, value))
        case .sku, .name, .price, .priceMinor, .currency, .quantity, .reference: break
        }
    }

    /// Writes all members but the SKU.
    func writeRest(to writer: inout JSONWriter) {
        if let name { writer.member("name", name) }
        if let description { writer.member("description", description) }
        if amount != nil || currency != nil {
            writer.name("price")
            writer.object { writer in
                if let amount { writer.member("amount", amount) }
                if let currency { writer.member("currency", currency.code) }
            }
        }
        if let stock {
            writer.name("stock")
            writer.object { $0.member("on_hand", stock.units) }
        }
        if let lowStockThreshold { writer.member("low_stock_threshold", lowStockThreshold.units) }
        if let maxPerOrder { writer.member("max_per_order", maxPerOrder.units) }
        if !attributes.isEmpty {
            writer.name("attributes")
            writer.object { writer in for (name, value) in attributes { writer.member(name, .string(value)) } }
        }
    }
}

/// A price as somebody wrote it.
struct PriceText {
    struct Fault: Error {
        let kind: RowFault.Kind
        let detail: String
    }

    let text: String
    /// Whether it counts minor units, such as pence.
    let isMinor: Bool
    let takesZero: Bool

    /// The amount in the currency's minor unit, exactly.
    func amount(in currency: Currency) throws(Fault) -> Int64 {
        if text.utf8.first == UInt8(ascii: "-"), (try? parse(text.dropFirst(), currency)) != nil {
            throw Fault(kind: .negativePrice, detail: "must not be negative")
        }
        let amount: Int64
        do { amount = try parse(text[...], currency) } catch { throw Fault(kind: .badPrice, detail: error.detail) }
        guard amount > 0 || takesZero else { throw Fault(kind: .zeroPrice, detail: "must be more than zero") }
        return amount
    }

    private func parse(_ text: Substring, _ currency: Currency) throws(InvalidValue) -> Int64 {
        guard isMinor else { return try Money(decimal: String(text), currency: currency).amount }
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let amount = Int64(text) else {
            throw InvalidValue("must be a whole number of the currency's minor unit, such as pence")
        }
        return try Money(amount: amount, currency: currency).amount
    }
}

extension [Cell] {
    /// - Throws: ``RowFault`` when there is no SKU, or it is none.
    func sku(line: Int) throws(RowFault) -> SKU {
        guard let cell = first(where: { $0.field == .sku }), !cell.text.isEmpty else {
            throw RowFault(.missingSKU, line: line, "there is no sku")
        }
        return try cell.valid(line: line) { text throws(InvalidValue) in try SKU(text) }
    }
}

extension Cell {
    /// What `read` makes of the text; what it throws becomes a fault of the row.
    func valid<Value>(
        line: Int, kind: RowFault.Kind = .invalid, _ read: (String) throws(InvalidValue) -> Value
    ) throws(RowFault) -> Value {
        do { return try read(text) } catch { throw fault(kind, line: line, error.detail) }
    }

    /// What `read` makes of the number; what it throws becomes a fault of the row.
    func number<Value>(
        line: Int, _ read: (Int64) throws(InvalidValue) -> Value
    ) throws(RowFault) -> Value {
        let number = try wholeNumber(line: line)
        do { return try read(number) } catch { throw fault(.badNumber, line: line, error.detail) }
    }
}
