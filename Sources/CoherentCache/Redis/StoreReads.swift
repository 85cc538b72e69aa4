import InventoryKit
import Synchronization

/// Reads of the store, one for each product at a time. Whoever comes while one is under way waits for the next: the one
/// under way may be older than a write that the newcomer has to see.
final class StoreReads: Sendable {
    private enum Turn {
        case read
        case answer(Result<ProductDocument?, InventoryError>)
    }

    private typealias Waiting = CheckedContinuation<Turn, Never>

    /// Who waits, for each product that is being read.
    private let waiting = Mutex<[ProductID: [Waiting]]>([:])

    func document(
        _ id: ProductID, load: @Sendable () async throws(InventoryError) -> Product?
    ) async throws(InventoryError) -> ProductDocument? {
        let turn = await withCheckedContinuation { (continuation: Waiting) in
            let isFirst = waiting.withLock { waiting in
                guard waiting[id] != nil else {
                    waiting[id] = []
                    return true
                }
                waiting[id]?.append(continuation)
                return false
            }
            if isFirst { continuation.resume(returning: .read) }
        }
        if case .answer(let result) = turn { return try result.get() }
        // All of these came before this read is sent.
        let joined = waiting.withLock { waiting in
            defer { waiting[id] = [] }
            return waiting[id] ?? []
        }
        let result = await Self.result(load)
        for continuation in joined { continuation.resume(returning: .answer(result)) }
        if case .failure(.unavailable) = result {
            giveUp(id, result)
        } else {
            passOn(id)
        }
        return try result.get()
    }

    /// Lets the next one read, where anybody waits.
    private func passOn(_ id: ProductID) {
        let next: Waiting? = waiting.withLock { waiting in
            guard let next = waiting[id]?.popLast() else {
                waiting[id] = nil
                return nil
            }
            return next
        }
        next?.resume(returning: .read)
    }

    /// Tells all who wait what the store has said to others: they would only wait as long again for the same.
    private func giveUp(_ id: ProductID, _ result: Result<ProductDocument?, InventoryError>) {
        let through = waiting.withLock { $0.removeValue(forKey: id) ?? [] }
        for continuation in through { continuation.resume(returning: .answer(result)) }
    }

    private static func result(
        _ load: @Sendable () async throws(InventoryError) -> Product?
    ) async -> Result<ProductDocument?, InventoryError> {
        do { return .success(try await load().map(ProductDocument.init)) } catch { return .failure(error) }
    }
}
