import CoherentCache
import InventoryKit
import Synchronization
import Testing

/// What any cache in front of a store has to hold, shown on the one in this process.
@Suite("In-process cache")
struct InProcessCacheTests {
    @Test("The first read misses, the next one hits, and both are the same document")
    func missThenHit() async throws {
        let cache = InProcessCache()
        let product = try Sample.product(stockVersion: 1)
        let first = try await cache.document(product.id) { product }
        let second = try await cache.document(product.id) {
            Issue.record("a hit does not load")
            return nil
        }
        #expect(first.source == .miss)
        #expect(second.source == .hit)
        #expect(first.document?.body == second.document?.body)
    }

    @Test("What does not exist is not kept, so a product is seen as soon as it is there")
    func absent() async throws {
        let cache = InProcessCache()
        let product = try Sample.product(stockVersion: 1)
        let absent = try await cache.document(product.id) { nil }
        #expect(absent.document == nil)
        let present = try await cache.document(product.id) { product }
        #expect(present.document?.etag == product.etag)
    }

    /// Fails in a cache that fills whatever it has loaded: the classic race of cache-aside.
    @Test("A reader that read before a write cannot fill after it")
    func lateFill() async throws {
        let cache = InProcessCache()
        let old = try Sample.product(stockVersion: 1)
        let new = try Sample.product(stockVersion: 2)
        _ = try await cache.document(old.id) {
            // The reader holds the old state in its hands while a writer comes and goes.
            await cache.settle([new])
            return old
        }
        let seen = try await cache.document(old.id) { new }
        #expect(seen.document?.etag == new.etag)
    }

    /// Fails in a cache that puts in whatever a writer brings: writers may come back in another order than they wrote.
    @Test("A late writer does not put an older state over a newer one")
    func lateWriter() async throws {
        let cache = InProcessCache()
        let states = try (1...3).map { try Sample.product(stockVersion: $0) }
        _ = try await cache.document(states[0].id) { states[0] }
        await cache.settle([states[2]])
        await cache.settle([states[1]])
        let seen = try await cache.document(states[0].id) { nil }
        #expect(seen.document?.etag == states[2].etag)
    }

    /// Fails in a cache in which a writer inserts: what it brings may be older than what has been evicted since.
    @Test("A late writer leaves nothing where there is nothing")
    func lateWriterAfterEviction() async throws {
        let cache = InProcessCache()
        let old = try Sample.product(stockVersion: 1)
        let new = try Sample.product(stockVersion: 2)
        await cache.settle([old])
        let seen = try await cache.document(old.id) { new }
        #expect(seen.source == .miss)
        #expect(seen.document?.etag == new.etag)
    }

    @Test("A write of which the outcome is unknown leaves no document behind")
    func unknownOutcome() async throws {
        let cache = InProcessCache()
        let product = try Sample.product(stockVersion: 1)
        _ = try await cache.document(product.id) { product }
        await #expect(throws: InventoryError.unavailable(.outcomeUnknown)) {
            try await cache.write(product.id) { () async throws(InventoryError) -> Written<Void> in
                throw .unavailable(.outcomeUnknown)
            }
        }
        let seen = try await cache.document(product.id) { product }
        #expect(seen.source == .miss)
    }

    @Test("A load that fails does not keep the next reader from filling")
    func failedLoad() async throws {
        let cache = InProcessCache()
        let product = try Sample.product(stockVersion: 1)
        await #expect(throws: InventoryError.unavailable(.outOfReach)) {
            try await cache.document(product.id) { () async throws(InventoryError) -> Product? in
                throw .unavailable(.outOfReach)
            }
        }
        _ = try await cache.document(product.id) { product }
        #expect(try await cache.document(product.id) { nil }.source == .hit)
    }

    @Test("A document is not served beyond its time")
    func expiry() async throws {
        let cache = InProcessCache(timeToLive: .zero)
        let product = try Sample.product(stockVersion: 1)
        _ = try await cache.document(product.id) { product }
        #expect(try await cache.document(product.id) { product }.source == .miss)
    }

    /// Fails in a cache without a bound: everything would still be there.
    @Test("Memory is bounded, and what is read all the time stays")
    func eviction() async throws {
        let cache = InProcessCache(byteLimit: 16 * 64 * 1_024)
        let hot = try Sample.product(id: 0, stockVersion: 1)
        _ = try await cache.document(hot.id) { hot }
        for number in 1...5_000 {
            let product = try Sample.product(id: number, stockVersion: 1)
            _ = try await cache.document(product.id) { product }
            _ = try await cache.document(hot.id) { hot }
        }
        var kept = 0
        for number in 1...5_000 {
            let product = try Sample.product(id: number, stockVersion: 1)
            if try await cache.document(product.id, load: { nil }).source == .hit { kept += 1 }
        }
        #expect((1..<2_500).contains(kept))
        #expect(try await cache.document(hot.id) { hot }.source == .hit)
    }

    @Test("The hint for a SKU follows the product that was seen under it last")
    func hints() async throws {
        let cache = InProcessCache()
        let product = try Sample.product(stockVersion: 1)
        #expect(cache.hint(for: product.catalogue.sku) == nil)
        _ = try await cache.document(product.id) { product }
        #expect(cache.hint(for: try SKU("SKU-7")) == product.id)
    }

    /// Readers and writers over few products and little memory: no read may return less than what was acknowledged
    /// before it began. Fails when a fill needs no lease, and when a settled write may go back.
    @Test("Never stale after an acknowledged write, under load")
    func neverStale() async throws {
        let cache = InProcessCache(byteLimit: 16 * 1_024)
        let store = VersionedStore(products: 8)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    for _ in 0..<2_000 { await store.writeSomething(through: cache) }
                }
                group.addTask {
                    for _ in 0..<4_000 { await store.readSomething(through: cache) }
                }
            }
        }
        #expect(store.staleReads == 0)
        #expect(store.writes == 8_000, "a write that failed would say nothing about reads after it")
        #expect(store.reads == 16_000)
        #expect(store.hits > 100, "without hits nothing was shown")
    }
}

/// A store in memory that knows what it has acknowledged.
private final class VersionedStore: Sendable {
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

    init(products: Int) {
        count = products
        state = Mutex(
            State(committed: Array(repeating: 0, count: products), acknowledged: Array(repeating: 0, count: products)))
    }

    var staleReads: Int { state.withLock { $0.stale } }
    var hits: Int { state.withLock { $0.hits } }
    var writes: Int { state.withLock { $0.writes } }
    var reads: Int { state.withLock { $0.reads } }

    func writeSomething(through cache: InProcessCache) async {
        let number = Int.random(in: 0..<count)
        guard let id = try? Sample.product(id: number, stockVersion: 0).id else { return }
        let version: Int64? = try? await cache.write(id) { () async throws(InventoryError) -> Written<Int64> in
            let version = state.withLock { state in
                state.committed[number] += 1
                return state.committed[number]
            }
            await Task.yield()
            return Written(outcome: version, product: Sample.state(number, version))
        }
        guard let version else { return }
        state.withLock { state in
            state.acknowledged[number] = max(state.acknowledged[number], version)
            state.writes += 1
        }
    }

    func readSomething(through cache: InProcessCache) async {
        let number = Int.random(in: 0..<count)
        guard let id = try? Sample.product(id: number, stockVersion: 0).id else { return }
        let least = state.withLock { $0.acknowledged[number] }
        let read = try? await cache.document(id) { () async throws(InventoryError) -> Product? in
            let version = state.withLock { $0.committed[number] }
            await Task.yield()
            return Sample.state(number, version)
        }
        state.withLock { state in
            if let version = read?.document?.etag.stockVersion, version < least { state.stale += 1 }
            if read?.source == .hit { state.hits += 1 }
            if read?.document != nil { state.reads += 1 }
        }
    }
}

private enum Sample {
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
