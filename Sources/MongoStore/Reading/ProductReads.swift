import InventoryKit
import Synchronization

/// Reads of single products, those of many callers in one query: what waits while queries are under way goes together with
/// the next ("combining", as with writes). There is no timer: alone, a read leaves at once. A read never joins a query that
/// has been sent, for that may be older than a write the reader has to see.
///
/// On a standalone only. A replica set promises what is linearizable for one document, so there each read is a query.
final class ProductReads: Sendable {
    /// More would only make those wait who came first: a query of so many costs the server what a dozen single ones do.
    private static let readsAtOnce = 64

    /// Queries under way: while one is on the wire, the server has another.
    private static let queriesAtOnce = 2

    /// So many reads make a query worth its while beside another: it costs the server, and this process, as much as a dozen
    /// more reads in the one to come. What waits for the one under way to come back goes for less.
    private static let worthAQuery = 16

    /// So many in all, when those under way are held up.
    private static let queriesAtMost = 8

    private static let waitingLimit = 4_096

    private struct State {
        var waiting: [(id: ProductID, waiter: Waiter<Product?>)] = []
        var queries = 0
        /// When the latest query began.
        var latest = ContinuousClock.now

        func mayBegin(after patience: Duration) -> Bool {
            guard !waiting.isEmpty else { return false }
            if queries == 0 { return true }
            if queries < ProductReads.queriesAtOnce, waiting.count >= ProductReads.worthAQuery { return true }
            return queries < ProductReads.queriesAtMost && ContinuousClock.now - latest > patience
        }
    }

    private let pool: MongoPool
    private let deadlines: Deadlines
    private let patience: Duration
    private let state = Mutex(State())

    /// - Parameter patience: after so long without a query another one begins with the next read all the same: whatever
    ///   holds up those under way need not hold up others.
    init(pool: MongoPool, deadlines: Deadlines, patience: Duration = .milliseconds(50)) {
        self.pool = pool
        self.deadlines = deadlines
        self.patience = patience
    }

    /// Queries under way, and reads that wait for their turn.
    var load: (queries: Int, waiting: Int) { state.withLock { ($0.queries, $0.waiting.count) } }

    /// - Throws: ``InventoryError/unavailable(_:)``.
    func product(_ id: ProductID) async throws(InventoryError) -> Product? {
        guard pool.knownTopology == .standalone else {
            return try await Self.read([id], from: pool)[id]?.get()
        }
        let waiter = Waiter<Product?>()
        let result = await withCheckedContinuation { continuation in
            waiter.wait(continuation, until: deadlines, overdue: .outOfReach)
            let hasRoom = state.withLock { state in
                guard state.waiting.count < Self.waitingLimit else { return false }
                state.waiting.append((id, waiter))
                return true
            }
            if hasRoom { begin() } else { waiter.answer(.failure(.unavailable(.overloaded))) }
        }
        return try result.get()
    }

    private func begin() {
        while let batch = nextBatch() {
            Task {
                await answer(batch)
                state.withLock { $0.queries -= 1 }
                begin()
            }
        }
    }

    private func nextBatch() -> [(id: ProductID, waiter: Waiter<Product?>)]? {
        state.withLock { state in
            // Whose time is up needs no answer any more: after an outage those would all stand before the first who does.
            state.waiting.removeFirst(state.waiting.prefix(while: \.waiter.isAnswered).count)
            guard state.mayBegin(after: patience) else { return nil }
            state.queries += 1
            state.latest = .now
            let batch = Array(state.waiting.prefix(Self.readsAtOnce))
            state.waiting.removeFirst(batch.count)
            return batch
        }
    }

    private func answer(_ batch: [(id: ProductID, waiter: Waiter<Product?>)]) async {
        do {
            let found = try await Self.read(Set(batch.map(\.id)), from: pool)
            for (id, waiter) in batch { waiter.answer(found[id].map { $0.map(Optional.some) } ?? .success(nil)) }
        } catch {
            for (_, waiter) in batch { waiter.answer(.failure(error)) }
        }
    }

    /// A damaged document fails its own readers and nobody else.
    private static func read(
        _ ids: Set<ProductID>, from pool: MongoPool
    ) async throws(InventoryError) -> [ProductID: Result<Product, InventoryError>] {
        let ids = ids.map(BSON.productID)
        return try await pool.run { connection, _ in
            let (found, _) = try connection.find(
                Collection.products, ["_id": ids.count == 1 ? ids[0] : ["$in": .array(ids)]],
                projection: Product.projection, limit: ids.count, freshness: .linearizable,
                timeLimit: MongoStore.readLimit)
            var products: [ProductID: Result<Product, InventoryError>] = [:]
            for document in found {
                let id = try document.productID("_id")
                do {
                    products[id] = try StoredProduct(ifAny: document).map { .success($0.product) }
                } catch { products[id] = .failure(pool.failure(error)) }
            }
            return products
        }
    }
}
