/// What a cache has done since the process began: totals, which only grow.
///
/// Of each class, hits + misses + bypasses are its reads.
package struct CacheStatistics: Sendable, Equatable {
    /// Reads of one kind of answer.
    package struct Class: Sendable, Equatable {
        package var hits: UInt64 = 0
        package var misses: UInt64 = 0
        package var bypasses: UInt64 = 0

        package init() {}

        package var reads: UInt64 { hits &+ misses &+ bypasses }
    }

    /// Reads that found a product.
    package var products = Class()

    /// Reads of ids that no product has.
    package var absent = Class()

    /// Hits that shared another's question to Redis, so that Redis has counted fewer.
    package var joined: UInt64 = 0
    package var fills: UInt64 = 0

    /// Fills that came too late: a write had come between.
    package var refusedFills: UInt64 = 0

    /// Writes that took a product's document out, or brought it up to date.
    package var invalidations: UInt64 = 0

    /// Questions to Redis that had no answer, or none that could be used.
    package var errors: UInt64 = 0

    /// Bytes of documents served from the cache.
    package var bytes: UInt64 = 0

    /// How long fills took in all, from the lease to the value, in nanoseconds.
    package var fillNanoseconds: UInt64 = 0

    package init() {}
}

/// Whether a cache can be used now.
package enum CacheCondition: String, Sendable {
    case ok
    /// It cannot be used, and everything comes from the store.
    case off
    /// There is none.
    case none
}
