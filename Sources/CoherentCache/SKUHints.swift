import InventoryKit
import Synchronization

/// Which product a SKU was last seen to name. Whoever uses a hint checks the product's own document.
final class SKUHints: Sendable {
    /// Hints cost little and are only hints; when there are this many, they begin anew.
    private static let limit = 100_000

    private let hints = Mutex<[String: ProductID]>([:])

    subscript(sku: SKU) -> ProductID? { hints.withLock { $0[sku.key] } }

    func remember(_ skuKey: String, _ id: ProductID) {
        hints.withLock { hints in
            if hints.count >= Self.limit { hints.removeAll(keepingCapacity: true) }
            hints[skuKey] = id
        }
    }
}
