import InventoryKit
import Synchronization

/// One reader of this process at a time goes about filling a product; the others wait until it is through, and then look
/// again. What they see then was asked for after they came, so it is no older than they may see. Where the one got nothing
/// from the store they get nothing either: each for itself, in turn, they would wait many times as long for the same.
final class Turns: Sendable {
    private typealias Waiting = CheckedContinuation<Result<Bool, InventoryError>, Never>

    /// Who waits, for each product that somebody is about to fill.
    private let waiting = Mutex<[ProductID: [Waiting]]>([:])

    /// - Returns: whether it is the caller's turn, who has to call ``leave(_:)`` then; else somebody else's is over.
    /// - Throws: what kept the other one from reading the store.
    func take(_ id: ProductID) async throws(InventoryError) -> Bool {
        let outcome = await withCheckedContinuation { (continuation: Waiting) in
            let isFree = waiting.withLock { waiting in
                guard waiting[id] != nil else {
                    waiting[id] = []
                    return true
                }
                waiting[id]?.append(continuation)
                return false
            }
            if isFree { continuation.resume(returning: .success(true)) }
        }
        return try outcome.get()
    }

    /// - Parameter failure: what kept the caller from reading the store, if it was that.
    func leave(_ id: ProductID, failure: InventoryError? = nil) {
        let through = waiting.withLock { $0.removeValue(forKey: id) ?? [] }
        for continuation in through { continuation.resume(returning: failure.map { .failure($0) } ?? .success(false)) }
    }
}
