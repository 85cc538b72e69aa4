import Crypto

/// How much there is in an inventory: what two copies of it can be compared by.
package struct InventoryTotals: Hashable, Sendable {
    package var products: Int64 = 0
    package var movements: Int64 = 0
    package var outcomes: Int64 = 0
    package var keys: Int64 = 0

    /// Units on hand, of all products.
    package var onHand: Int128 = 0

    /// Reserved units, of all products.
    package var reserved: Int128 = 0

    /// What all movements together did to the units on hand.
    package var moved: Int128 = 0

    /// SHA-256 of all products and movements as lines of an export (``ExportLine/encoded``), in hexadecimal digits.
    /// Outcomes come and go with time, and keys with people, so they are not in it.
    package var digest = ""

    package init(
        products: Int64 = 0, movements: Int64 = 0, outcomes: Int64 = 0, keys: Int64 = 0, onHand: Int128 = 0,
        reserved: Int128 = 0, moved: Int128 = 0, digest: String = ""
    ) {
        self.products = products
        self.movements = movements
        self.outcomes = outcomes
        self.keys = keys
        self.onHand = onHand
        self.reserved = reserved
        self.moved = moved
        self.digest = digest
    }

    /// In what another copy differs from this one, in words; nothing where it does not.
    ///
    /// - Parameters:
    ///   - here: where this one was counted, and `there` the other: `in the file`.
    func differences(from other: InventoryTotals, here: String, there: String) -> [String] {
        let figures: [(String, Int128, Int128)] = [
            ("products", Int128(products), Int128(other.products)),
            ("movements", Int128(movements), Int128(other.movements)),
            ("outcomes", Int128(outcomes), Int128(other.outcomes)), ("API keys", Int128(keys), Int128(other.keys)),
            ("units on hand", onHand, other.onHand), ("reserved units", reserved, other.reserved),
            ("units moved", moved, other.moved),
        ]
        let differences = figures.filter { $0.1 != $0.2 }.map { what, mine, others in
            "\(mine) \(what) \(here), \(others) \(there)"
        }
        guard differences.isEmpty, digest != other.digest else { return differences }
        return ["a product or a movement is not the same \(here) and \(there)"]
    }
}

/// Counts entries as they come by.
struct InventoryTally {
    private var totals = InventoryTotals()
    private var hash = SHA256()

    /// - Parameter line: the entry, encoded.
    mutating func add(_ entry: InventoryEntry, line: [UInt8]) {
        switch entry {
        case .product(let entry):
            totals.products += 1
            totals.onHand += Int128(entry.product.stock.onHand)
            totals.reserved += Int128(entry.product.stock.reserved)
            hash.update(data: line)
        case .movement(let entry):
            totals.movements += 1
            totals.moved += Int128(entry.movement.delta)
            hash.update(data: line)
        case .outcome: totals.outcomes += 1
        case .key: totals.keys += 1
        }
    }

    /// What has been counted so far.
    var result: InventoryTotals {
        var totals = totals
        totals.digest = Hex.encode(hash.finalize())
        return totals
    }
}
