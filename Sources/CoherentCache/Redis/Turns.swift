import InventoryKit
import Synchronization

/// One reader of this process at a time goes about filling a product; the others wait until it is through, and then look
/// again. What they see then was asked for after they came, so it is no older than they may see.
final class Turns: Sendable {
    private typealias Waiting = CheckedContinuation<Bool, Never>

    /// Who waits, for each product that somebody is about to fill.
    private let waiting = Mutex<[ProductID: [Waiting]]>([:])

    /// - Returns: whether it is the caller's turn, who has to call ``leave(_:)`` then; else somebody else's is over.
    func take(_ id: ProductID) async -> Bool {
        await withCheckedContinuation { (continuation: Waiting) in
            let isFree = waiting.withLock { waiting in
                guard waiting[id] != nil else {
                    waiting[id] = []
                    return true
                }
                waiting[id]?.append(continuation)
                return false
            }
            if isFree { continuation.resume(returning: true) }
        }
    }

    func leave(_ id: ProductID) {
        let through = waiting.withLock { $0.removeValue(forKey: id) ?? [] }
        for continuation in through { continuation.resume(returning: false) }
    }
}
