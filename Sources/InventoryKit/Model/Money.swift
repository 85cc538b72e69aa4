/// An amount of money in a currency's minor unit, so that nothing is ever rounded.
package struct Money: Hashable, Sendable {
    /// In the currency's minor unit: 255 is 2.55 in GBP, 255 yen in JPY. 0 to 2⁵³ − 1.
    package let amount: Int64
    package let currency: Currency

    /// - Throws: ``InvalidValue`` when the amount is negative or beyond what every JSON client reads exactly.
    package init(amount: Int64, currency: Currency) throws(InvalidValue) {
        guard (0...Bounds.exactInteger).contains(amount) else {
            throw InvalidValue("must be 0 to \(Bounds.exactInteger), in the currency's minor unit")
        }
        self.amount = amount
        self.currency = currency
    }

    /// Reads a decimal such as `2.55` exactly, without floating point.
    ///
    /// - Throws: ``InvalidValue`` when it is no plain decimal, has more decimals than the currency, or is out of range.
    package init(decimal: String, currency: Currency) throws(InvalidValue) {
        let parts = decimal.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        let isDigit: (UInt8) -> Bool = { (0x30...0x39).contains($0) }
        guard (1...2).contains(parts.count), parts.allSatisfy({ !$0.isEmpty && $0.allSatisfy(isDigit) }) else {
            throw InvalidValue("must be a decimal such as 2.55, without sign, separators or currency sign")
        }
        let decimals = parts.count == 2 ? Array(parts[1]) : []
        guard decimals.count <= currency.exponent else {
            throw InvalidValue("must have at most \(currency.exponent) decimals in \(currency.code)")
        }
        let padding = repeatElement(UInt8(ascii: "0"), count: currency.exponent - decimals.count)
        let digits = String(decoding: Array(parts[0]) + decimals + padding, as: UTF8.self)
        guard let amount = Int64(digits) else {
            throw InvalidValue("must be at most \(Bounds.exactInteger) in the currency's minor unit")
        }
        try self.init(amount: amount, currency: currency)
    }

    /// The amount as people write it, with exactly the currency's decimals: `2.55`.
    package var decimal: String {
        let exponent = currency.exponent
        guard exponent > 0 else { return String(amount) }
        var digits = String(amount)
        if digits.utf8.count <= exponent {
            digits = String(repeating: "0", count: exponent + 1 - digits.utf8.count) + digits
        }
        return "\(digits.dropLast(exponent)).\(digits.suffix(exponent))"
    }
}
