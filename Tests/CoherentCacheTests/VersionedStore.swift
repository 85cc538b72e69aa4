import CoherentCache
import InventoryKit
import Synchronization

/// A store in memory that knows what it has acknowledged.
final class VersionedStore: Sendable {
    private struct State {
        var committed: [Int64]
        var acknowledged: [Int64]
        var stale = 0
        var hits = 0
        var writes = 0
        var reads = 0
    }

    private let state: Mutex<State>
    private let count: Int
    private let base: Int

    /// - Parameter base: the number of the first product.
    init(base: Int = 0, products: Int) {
        count = products
        self.base = base
        state = Mutex(
            State(committed: Array(repeating: 0, count: products), acknowledged: Array(repeating: 0, count: products)))
    }

    var staleReads: Int { state.withLock { $0.stale } }
    var hits: Int { state.withLock { $0.hits } }
    var writes: Int { state.withLock { $0.writes } }
    var reads: Int { state.withLock { $0.reads } }

    /// A write that fails is not counted, and neither is a read: whoever calls compares the counts.
    ///
    /// - Parameter isAnnounced: whether the cache is told before which product it will be.
    func writeSomething(through cache: any ProductCache, isAnnounced: Bool = true) async {
        let number = Int.random(in: 0..<count)
        let id = Sample.state(base + number, 0).id
        let version: Int64? = try? await cache.write(isAnnounced ? id : nil) {
            () async throws(InventoryError) -> Written<Int64> in
            let version = state.withLock { state in
                state.committed[number] += 1
                return state.committed[number]
            }
            await Task.yield()
            return Written(outcome: version, product: Sample.state(base + number, version))
        }
        guard let version else { return }
        state.withLock { state in
            state.acknowledged[number] = max(state.acknowledged[number], version)
            state.writes += 1
        }
    }

    func readSomething(through cache: any ProductCache) async {
        let number = Int.random(in: 0..<count)
        let id = Sample.state(base + number, 0).id
        let least = state.withLock { $0.acknowledged[number] }
        let read = try? await cache.document(id) { () async throws(InventoryError) -> Product? in
            let version = state.withLock { $0.committed[number] }
            await Task.yield()
            return Sample.state(base + number, version)
        }
        state.withLock { state in
            if let version = read?.document?.etag.stockVersion, version < least { state.stale += 1 }
            if read?.source == .hit { state.hits += 1 }
            if read?.document != nil { state.reads += 1 }
        }
    }
}

enum Sample {
    static func product(id: Int = 7, stockVersion: Int64) throws -> Product {
        let digits = String(id)
        return Product(
            id: try ProductID(String(repeating: "0", count: 24 - digits.count) + digits),
            catalogue: Catalogue(
                sku: try SKU("SKU-\(id)"), name: try ProductName("Thing \(id)"),
                price: try Money(amount: 255, currency: Currency("GBP"))
            ),
            stock: try StockLevel(onHand: 5, reserved: 0), version: 1, stockVersion: stockVersion,
            createdAt: Timestamp(milliseconds: 0), updatedAt: Timestamp(milliseconds: 0)
        )
    }

    static func state(_ number: Int, _ version: Int64) -> Product {
        do { return try product(id: number, stockVersion: version) } catch { fatalError("\(error)") }
    }
}
