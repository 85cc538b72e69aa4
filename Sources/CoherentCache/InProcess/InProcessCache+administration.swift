package import InventoryKit
import NIOCore

extension InProcessCache: CacheAdministration {
    package func entries(matching pattern: SKUPattern?, limit: Int) -> CacheListing {
        let found = documents.filter { $0.entry.isLike(pattern) }
        return CacheListing(entries: found.prefix(limit).map(\.entry), isPartial: found.count > limit)
    }

    package func entry(of id: ProductID) -> (entry: CacheEntry, document: String?)? {
        documents.first { $0.id == id }.map { ($0.entry, String(buffer: $0.document.body)) }
    }

    package func flush(_ ids: [ProductID], dryRun: Bool) -> Flushed {
        let wanted = Set(ids)
        defer { if !dryRun { for id in ids { drop(id) } } }
        return flush(dryRun: dryRun) { wanted.contains($0.id) }
    }

    package func flush(matching pattern: SKUPattern?, dryRun: Bool) -> Flushed {
        // What is not cached yet, and may be meant, has no name here. First, or somebody fills in between.
        if !dryRun { dropLeases() }
        return flush(dryRun: dryRun) { $0.entry.isLike(pattern) }
    }

    private func flush(dryRun: Bool, _ isMeant: (CachedHere) -> Bool) -> Flushed {
        documents.filter(isMeant).reduce(into: Flushed()) { flushed, cached in
            flushed.entries += 1
            flushed.bytes += cached.entry.bytes
            if !dryRun { drop(cached.id) }
        }
    }
}

/// A document in this process's memory.
struct CachedHere {
    let document: ProductDocument
    let timeToLive: Duration

    var id: ProductID { document.id }

    var entry: CacheEntry {
        CacheEntry(
            productId: id.text, sku: document.skuKey, isAbsence: false, etag: document.etag.quoted,
            bytes: document.size, ttlMs: Int64(timeToLive.wholeMilliseconds))
    }
}
