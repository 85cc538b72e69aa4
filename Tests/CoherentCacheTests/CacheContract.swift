import CoherentCache
import InventoryKit
import Testing

/// What any cache in front of a store has to hold, whatever keeps its documents.
struct CacheContract: Sendable {
    let cache: any ProductCache

    /// Ids differ from test to test, because a cache may be shared by all of them.
    let base = Int.random(in: 1...1_000_000_000)

    struct Clause: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let body: @Sendable (CacheContract) async throws -> Void
    }

    static let clauses: [Clause] = [
        Clause(testDescription: "the first read misses, a later one hits, both see the same") {
            try await $0.missThenHit()
        },
        Clause(testDescription: "what does not exist is seen as soon as it does") { try await $0.absentThenCreated() },
        Clause(testDescription: "who read before a write cannot fill after it") { try await $0.lateFill() },
        Clause(testDescription: "nor who read before a write through the cache") { try await $0.lateFillOverAWrite() },
        Clause(testDescription: "a write is seen at once") { try await $0.writeIsSeen() },
        Clause(testDescription: "of writers that overlap none leaves an older state") {
            try await $0.overlappingWriters()
        },
        Clause(testDescription: "a write of unknown outcome leaves no document") { try await $0.unknownOutcome() },
        Clause(testDescription: "a refused write does not keep readers from filling") { try await $0.refusedWrite() },
        Clause(testDescription: "nor does a load that fails") { try await $0.failedLoad() },
        Clause(testDescription: "the hint for a SKU follows what was seen last") { try await $0.hints() },
        Clause(testDescription: "figures are counted") { try await $0.figures() },
    ]

    /// Reads until there is a hit, for a fill that is on its way.
    func readUntilHit(_ product: Product) async throws -> CachedDocument {
        try await eventuallyHit(product.id) { product }
    }

    private func eventuallyHit(
        _ id: ProductID, load: @escaping @Sendable () async throws(InventoryError) -> Product?
    ) async throws -> CachedDocument {
        for _ in 0..<2_000 {
            let read = try await cache.document(id, load: load)
            if read.source == .hit { return read }
            try await Task.sleep(for: .milliseconds(5))
        }
        Issue.record("no read ever hit")
        return CachedDocument(document: nil, source: .miss)
    }

    func missThenHit() async throws {
        let product = try Sample.product(id: base, stockVersion: 1)
        let first = try await cache.document(product.id) { product }
        let second = try await readUntilHit(product)
        #expect(first.source != .hit)
        #expect(first.document?.body == second.document?.body)
        #expect(first.document?.etag == second.document?.etag)
        #expect(first.document?.skuKey == second.document?.skuKey)
    }

    /// Fails in a cache that keeps a create from being seen behind an id that nobody had.
    func absentThenCreated() async throws {
        let product = try Sample.product(id: base + 1, stockVersion: 1)
        #expect(try await cache.document(product.id) { nil }.document == nil)
        try await cache.settle([product])
        #expect(try await cache.document(product.id) { product }.document?.etag == product.etag)
    }

    /// Fails in a cache that fills whatever it has loaded: the classic race of cache-aside.
    func lateFill() async throws {
        let old = try Sample.product(id: base + 2, stockVersion: 1)
        let new = try Sample.product(id: base + 2, stockVersion: 2)
        _ = try await cache.document(old.id) { () async throws(InventoryError) in
            // The reader holds the old state in its hands while a writer comes and goes.
            try await cache.settle([new])
            return old
        }
        for _ in 0..<20 {
            #expect(try await cache.document(old.id) { new }.document?.etag == new.etag)
        }
    }

    /// The same with a writer that is registered all the while.
    func lateFillOverAWrite() async throws {
        let old = try Sample.product(id: base + 3, stockVersion: 1)
        let new = try Sample.product(id: base + 3, stockVersion: 2)
        _ = try await cache.document(old.id) { () async throws(InventoryError) in
            try await cache.write(old.id) { () async throws(InventoryError) in Written(outcome: (), product: new) }
            return old
        }
        for _ in 0..<20 {
            #expect(try await cache.document(old.id) { new }.document?.etag == new.etag)
        }
    }

    func writeIsSeen() async throws {
        let old = try Sample.product(id: base + 4, stockVersion: 1)
        let new = try Sample.product(id: base + 4, stockVersion: 2)
        _ = try await readUntilHit(old)
        try await cache.write(old.id) { () async throws(InventoryError) in Written(outcome: (), product: new) }
        #expect(try await cache.document(old.id) { new }.document?.etag == new.etag)
    }

    /// Fails in a cache in which a writer puts in what it brings though another one has been there meanwhile.
    func overlappingWriters() async throws {
        let states = try (1...3).map { try Sample.product(id: base + 5, stockVersion: Int64($0)) }
        _ = try await readUntilHit(states[0])
        try await cache.write(states[0].id) { () async throws(InventoryError) in
            // The other writes after this one and comes back before it.
            try await cache.write(states[0].id) { () async throws(InventoryError) in
                Written(outcome: (), product: states[2])
            }
            return Written(outcome: (), product: states[1])
        }
        #expect(try await cache.document(states[0].id) { states[2] }.document?.etag == states[2].etag)
    }

    func unknownOutcome() async throws {
        let old = try Sample.product(id: base + 6, stockVersion: 1)
        let new = try Sample.product(id: base + 6, stockVersion: 2)
        _ = try await readUntilHit(old)
        await #expect(throws: InventoryError.unavailable(.outcomeUnknown)) {
            try await cache.write(old.id) { () async throws(InventoryError) -> Written<Void> in
                throw .unavailable(.outcomeUnknown)
            }
        }
        #expect(try await cache.document(old.id) { new }.document?.etag == new.etag)
    }

    func refusedWrite() async throws {
        let product = try Sample.product(id: base + 7, stockVersion: 1)
        let refusal = InventoryError.refused(.overMaxPerOrder(requested: 2, maxPerOrder: 1), replayed: false)
        _ = try await readUntilHit(product)
        await #expect(throws: refusal) {
            try await cache.write(product.id) { () async throws(InventoryError) -> Written<Void> in throw refusal }
        }
        _ = try await readUntilHit(product)
    }

    func failedLoad() async throws {
        let product = try Sample.product(id: base + 8, stockVersion: 1)
        await #expect(throws: InventoryError.unavailable(.outOfReach)) {
            try await cache.document(product.id) { () async throws(InventoryError) -> Product? in
                throw .unavailable(.outOfReach)
            }
        }
        _ = try await readUntilHit(product)
    }

    func hints() async throws {
        let product = try Sample.product(id: base + 9, stockVersion: 1)
        #expect(cache.hint(for: product.catalogue.sku) == nil)
        _ = try await cache.document(product.id) { product }
        #expect(cache.hint(for: try SKU("sku-\(base + 9)")) == product.id)
    }

    /// Readers and writers over few products: no read may return less than what was acknowledged before it began. Fails
    /// when a fill needs no lease, and when a settled write may go back.
    func neverStale(writes: Int, reads: Int) async throws {
        let store = VersionedStore(base: base + 100, products: 8)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask { for _ in 0..<writes { await store.writeSomething(through: cache) } }
                group.addTask { for _ in 0..<reads { await store.readSomething(through: cache) } }
            }
        }
        #expect(store.staleReads == 0)
        #expect(store.writes == 4 * writes, "a write that failed would say nothing about reads after it")
        #expect(store.reads == 4 * reads)
        #expect(store.hits > 100, "without hits nothing was shown")
    }

    func figures() async throws {
        let before = cache.statistics
        let product = try Sample.product(id: base + 10, stockVersion: 1)
        _ = try await cache.document(product.id) { product }
        _ = try await readUntilHit(product)
        _ = try await cache.document(try Sample.product(id: base + 11, stockVersion: 1).id) { nil }
        let after = cache.statistics
        #expect(after.products.hits > before.products.hits)
        #expect(after.products.misses > before.products.misses)
        #expect(after.absent.misses > before.absent.misses)
        #expect(after.bytes > before.bytes)
    }
}
