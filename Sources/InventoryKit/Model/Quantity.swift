/// How many units somebody asks for: 1 to 1,000,000.
package struct Quantity: Hashable, Sendable {
    package let units: Int64

    /// - Throws: ``InvalidValue`` when it is out of range.
    package init(_ units: Int64) throws(InvalidValue) {
        guard (1...Bounds.quantity).contains(units) else {
            throw InvalidValue("must be 1 to \(Bounds.quantity)")
        }
        self.units = units
    }
}

/// By how many units a stock is corrected: not 0, and within 10¹² either way.
package struct StockDelta: Hashable, Sendable {
    package let units: Int64

    /// - Throws: ``InvalidValue`` when it is 0 or out of range.
    package init(_ units: Int64) throws(InvalidValue) {
        guard units != 0, (-Bounds.delta...Bounds.delta).contains(units) else {
            throw InvalidValue("must not be 0, and be within -\(Bounds.delta) to \(Bounds.delta)")
        }
        self.units = units
    }
}

/// A number of units that can lie on a shelf: 0 to 2⁵³ − 1.
package struct Balance: Hashable, Sendable {
    package let units: Int64

    /// - Throws: ``InvalidValue`` when it is out of range.
    package init(_ units: Int64) throws(InvalidValue) {
        guard (0...Bounds.exactInteger).contains(units) else {
            throw InvalidValue("must be 0 to \(Bounds.exactInteger)")
        }
        self.units = units
    }

    package static let zero = Balance(unchecked: 0)

    private init(unchecked units: Int64) {
        self.units = units
    }
}
