package import InventoryKit
package import NIOCore
import Synchronization

/// The cache of the embedded default: finished documents in this process's memory.
///
/// One process is the only writer, yet the race of every cache is here too: a reader misses and reads the store, a
/// writer commits, and then the reader puts back what is out of date. So a reader fills only with a **lease** that it
/// took before it asked the store, and every write revokes it (Nishtala et al., "Scaling Memcache at Facebook",
/// NSDI 2013). A write also brings the document up to date where there is one, and never back: states of a product are
/// ordered by its two versions. Where there is none it leaves none, because a document put in by a late writer could
/// be older than one that has been evicted since.
package final class InProcessCache: ProductCache {
    private static let shardCount = 16

    private let shards: [Shard]
    private let hints = SKUHints()
    private let counters = CacheCounters()
    private let timeToLive: Duration

    /// - Parameters:
    ///   - byteLimit: how much memory documents may take, with an estimate of what keeping them costs.
    ///   - timeToLive: a backstop for writes made past this process; jittered by a tenth either way, so that what came
    ///     together does not leave together.
    package init(byteLimit: Int = 32 * 1_024 * 1_024, timeToLive: Duration = .seconds(60)) {
        shards = (0..<Self.shardCount).map { _ in Shard(byteLimit: byteLimit / Self.shardCount) }
        self.timeToLive = timeToLive
    }

    package func document(
        _ id: ProductID, load: @Sendable () async throws(InventoryError) -> Product?
    ) async throws(InventoryError) -> CachedDocument {
        let shard = shard(of: id)
        let lease: UInt64?
        switch shard.state.withLock({ $0.look(for: id, now: .now) }) {
        case .hit(let document): return counted(CachedDocument(document: document, source: .hit))
        case .miss(let given): lease = given
        }
        let document: ProductDocument?
        do { document = try await load().map(ProductDocument.init) } catch {
            if let lease { shard.state.withLock { $0.giveBack(lease, of: id) } }
            throw error
        }
        if let document, let key = document.skuKey { hints.remember(key, document.id) }
        if let lease {
            if let document {
                let expiry = ContinuousClock.now + timeToLive * Double.random(in: 0.9...1.1)
                shard.state.withLock { $0.fill(document, of: id, with: lease, until: expiry) }
            } else {
                shard.state.withLock { $0.giveBack(lease, of: id) }
            }
        }
        return counted(CachedDocument(document: document, source: .miss))
    }

    private func counted(_ read: CachedDocument) -> CachedDocument {
        counters.count(read)
        return read
    }

    package var statistics: CacheStatistics { counters.statistics }

    package func glance(
        at id: ProductID, on loop: any EventLoop, answer: @escaping (CachedDocument?) -> Void
    ) -> Glance {
        guard let document = shard(of: id).state.withLock({ $0.peek(id, now: .now) }) else { return .elsewhere }
        counters.count(CachedDocument(document: document, source: .hit))
        return .here(document)
    }

    package func write<Outcome: Sendable>(
        _ id: ProductID?, _ body: @Sendable () async throws(InventoryError) -> Written<Outcome>
    ) async throws(InventoryError) -> Outcome {
        do {
            let written = try await body()
            settle(written.product)
            return written.outcome
        } catch {
            // What became of it is not known, so nothing is known of the product either.
            if let id, case .unavailable = error { shard(of: id).state.withLock { $0.remove(id) } }
            throw error
        }
    }

    package func settle(_ products: [Product]) async {
        for product in products { settle(product) }
    }

    package func hint(for sku: SKU) -> ProductID? { hints[sku] }

    private func settle(_ product: Product) {
        if !product.isArchived { hints.remember(product.catalogue.sku.key, product.id) }
        let shard = shard(of: product.id)
        guard shard.state.withLock({ $0.revokeLease(of: product.id, before: product.etag) }) else { return }
        // Encoded outside of the lock; the order of versions decides between two that do this at once.
        let document = ProductDocument(product)
        shard.state.withLock { $0.replace(document, of: product.id) }
    }

    /// All documents that are here now.
    var documents: [CachedHere] {
        let now = ContinuousClock.now
        return shards.flatMap { shard in shard.state.withLock { $0.all(at: now) } }
    }

    /// Takes a document out, and the right to fill with it.
    func drop(_ id: ProductID) { shard(of: id).state.withLock { $0.remove(id) } }

    /// Takes all rights to fill, so that nobody who has read the store before puts something in.
    func dropLeases() { for shard in shards { shard.state.withLock { $0.removeLeases() } } }

    private func shard(of id: ProductID) -> Shard {
        shards[Int(UInt(bitPattern: id.hashValue) % UInt(Self.shardCount))]
    }
}

/// A part of the cache with a lock of its own, so that event loops do not wait for each other.
private final class Shard: Sendable {
    let state: Mutex<Documents>

    init(byteLimit: Int) {
        state = Mutex(Documents(byteLimit: byteLimit))
    }
}
