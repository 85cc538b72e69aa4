/// What is there of a product. `0 ≤ reserved ≤ onHand` holds of every value, so it holds of every product.
package struct StockLevel: Hashable, Sendable {
    /// Units on the shelf.
    package let onHand: Int64

    /// Units on the shelf that are promised to somebody.
    package let reserved: Int64

    /// Units that can be sold.
    package var available: Int64 { onHand - reserved }

    /// - Throws: ``InvalidValue`` when the balances contradict each other or leave their range.
    package init(onHand: Int64, reserved: Int64) throws(InvalidValue) {
        guard 0 <= reserved, reserved <= onHand, onHand <= Bounds.exactInteger else {
            throw InvalidValue("must satisfy 0 ≤ reserved ≤ on_hand ≤ \(Bounds.exactInteger)")
        }
        self.onHand = onHand
        self.reserved = reserved
    }

    /// Nothing on the shelf, nothing promised.
    package static let empty = StockLevel(opening: .zero)

    /// A shelf that has just been filled, with nothing promised yet.
    package init(opening: Balance) {
        onHand = opening.units
        reserved = 0
    }
}
