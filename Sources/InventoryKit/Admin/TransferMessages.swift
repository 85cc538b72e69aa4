/// What a full import has taken over, or a full export has written.
package struct TransferReport: Codable, Sendable, Equatable {
    package var products: Int64
    package var movements: Int64
    package var outcomes: Int64
    package var keys: Int64

    /// Units on hand, of all products.
    package var onHand: Int64

    /// Outcomes of the file that nobody is answered by any more; left out.
    package var expiredOutcomes: Int64

    /// Of all products and movements (``InventoryTotals/digest``): the same in two inventories that are the same.
    package var sha256: String

    /// Why something may be read for some time that is older than the import; nothing where that cannot be.
    package var warning: String?

    package init(_ totals: InventoryTotals, expiredOutcomes: Int64 = 0) {
        products = totals.products
        movements = totals.movements
        outcomes = totals.outcomes
        keys = totals.keys
        onHand = Int64(clamping: totals.onHand)
        self.expiredOutcomes = expiredOutcomes
        sha256 = totals.digest
    }
}
