/// Refusals as stores remember them, so that a repetition is told the same figures again.
extension Refusal {
    package var record: JSON {
        switch self {
        case .insufficientStock(let requested, let current):
            ["insufficient-stock", .integer(requested), .integer(current.onHand), .integer(current.reserved)]
        case .stockLimit(let delta, let current):
            ["stock-limit", .integer(delta), .integer(current.onHand), .integer(current.reserved)]
        case .overMaxPerOrder(let requested, let most):
            ["over-max-per-order", .integer(requested), .integer(most)]
        case .priceChanged(let expected, let current):
            [
                "price-changed", .integer(expected.amount), .string(expected.currency.code), .integer(current.amount),
                .string(current.currency.code),
            ]
        case .stockChanged(let expected, let current):
            ["stock-changed", .integer(expected), .integer(current.onHand), .integer(current.reserved)]
        case .skuTaken(let sku, let id):
            ["sku-taken", .string(sku.text), .string(id.text)]
        case .useAdjust(let current):
            ["use-adjust", .integer(current.onHand), .integer(current.reserved)]
        }
    }

    /// - Throws: ``InvalidValue`` when it is no record of a refusal.
    package init(record: JSON) throws(InvalidValue) {
        guard case .array(let parts) = record, let code = parts.first else { throw InvalidValue("must be an array") }
        func integer(_ index: Int) throws(InvalidValue) -> Int64 {
            guard parts.indices.contains(index) else { throw InvalidValue("must have more members") }
            return try parts[index].integer()
        }
        func text(_ index: Int) throws(InvalidValue) -> String {
            guard parts.indices.contains(index) else { throw InvalidValue("must have more members") }
            return try parts[index].text()
        }
        func stock(_ index: Int) throws(InvalidValue) -> StockLevel {
            try StockLevel(onHand: integer(index), reserved: integer(index + 1))
        }
        func money(_ index: Int) throws(InvalidValue) -> Money {
            try Money(amount: integer(index), currency: Currency(text(index + 1)))
        }
        switch try code.text() {
        case "insufficient-stock": self = .insufficientStock(requested: try integer(1), current: try stock(2))
        case "stock-limit": self = .stockLimit(delta: try integer(1), current: try stock(2))
        case "over-max-per-order": self = .overMaxPerOrder(requested: try integer(1), maxPerOrder: try integer(2))
        case "price-changed": self = .priceChanged(expected: try money(1), current: try money(3))
        case "stock-changed": self = .stockChanged(expected: try integer(1), current: try stock(2))
        case "sku-taken": self = .skuTaken(try SKU(text(1)), by: try ProductID(text(2)))
        case "use-adjust": self = .useAdjust(current: try stock(1))
        default: throw InvalidValue("must be a known refusal")
        }
    }
}
