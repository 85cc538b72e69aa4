import InventoryKit
import Synchronization

/// Products that this process is writing, and Redis knows of it. Of these the cache has nothing and takes nothing until
/// the write has ended, so a reader need not ask: that costs two questions for each read of what everybody buys.
final class OwnWriters: Sendable {
    /// How many there are of any product: mostly none, and then nothing has to be looked up.
    private let count = Atomic<Int>(0)
    private let writers = Mutex<[ProductID: Int]>([:])

    func enter(_ id: ProductID) {
        writers.withLock { $0[id, default: 0] += 1 }
        count.add(1, ordering: .relaxed)
    }

    func leave(_ id: ProductID) {
        count.subtract(1, ordering: .relaxed)
        writers.withLock { writers in
            guard let left = writers[id] else { return }
            writers[id] = left > 1 ? left - 1 : nil
        }
    }

    /// Whether somebody is writing it. It may change at any time, which costs a question too many or too few: the store
    /// always knows, and what Redis answers is right as well.
    func contains(_ id: ProductID) -> Bool {
        count.load(ordering: .relaxed) > 0 && writers.withLock { $0[id] != nil }
    }
}
