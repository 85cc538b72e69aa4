import CoherentCache
import InventoryKit
import Testing

/// The contract of every cache, and what only the one in this process has.
@Suite("In-process cache")
struct InProcessCacheTests {
    private static let contract = CacheContract(cache: InProcessCache())

    @Test("holds the contract of a cache", arguments: CacheContract.clauses)
    func contract(clause: CacheContract.Clause) async throws { try await clause.body(Self.contract) }

    @Test("Never stale after an acknowledged write, under load and with little memory")
    func neverStale() async throws {
        try await CacheContract(cache: InProcessCache(byteLimit: 16 * 1_024)).neverStale(writes: 2_000, reads: 4_000)
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
}
