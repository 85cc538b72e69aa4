import InventoryKit
import Synchronization

/// Products of which the cache has just said that it has nothing. Who goes on to read one need not ask again before
/// asking for the lease, which answers with the value should there be one by then. So this may forget, and may be out of
/// date: it spares a question and decides nothing.
final class RecentMisses: Sendable {
    /// A place for each of as many as can be on their way at once, by their hashes; the newer one takes the place.
    private static let places = 1_024

    private let ids = Mutex<[ProductID?]>(Array(repeating: nil, count: places))

    func note(_ id: ProductID) { ids.withLock { $0[Self.place(of: id)] = id } }

    /// Whether it was noted; not any more after this.
    func take(_ id: ProductID) -> Bool {
        ids.withLock { ids in
            guard ids[Self.place(of: id)] == id else { return false }
            ids[Self.place(of: id)] = nil
            return true
        }
    }

    private static func place(of id: ProductID) -> Int { Int(UInt(bitPattern: id.hashValue) % UInt(places)) }
}
