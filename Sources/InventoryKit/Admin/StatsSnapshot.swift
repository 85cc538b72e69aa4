/// All figures at one moment: totals since the daemon began, so whoever reads them twice has what happened between, and
/// reading never resets. `GET /admin/v1/stats`; with `?interval=` one after another.
package struct StatsSnapshot: Codable, Sendable, Equatable {
    package struct Requests: Codable, Sendable, Equatable {
        package var read: UInt64 = 0
        package var write: UInt64 = 0
        package var purchase: UInt64 = 0

        /// Probes, documents, what came over the admin channel, and what is nothing of all that.
        package var other: UInt64 = 0

        package init() {}

        package var total: UInt64 { read &+ write &+ purchase &+ other }
    }

    package struct Responses: Codable, Sendable, Equatable {
        package var ok: UInt64 = 0
        package var redirected: UInt64 = 0

        /// Status 4xx but 409 and 429.
        package var refused: UInt64 = 0

        /// Status 409: the state of the stock did not allow it.
        package var conflict: UInt64 = 0
        package var limited: UInt64 = 0
        package var failed: UInt64 = 0

        package init() {}
    }

    package struct Cache: Codable, Sendable, Equatable {
        package var condition: String
        package var hits: UInt64 = 0
        package var misses: UInt64 = 0
        package var bypasses: UInt64 = 0
        package var joined: UInt64 = 0
        package var fills: UInt64 = 0
        package var refusedFills: UInt64 = 0
        package var invalidations: UInt64 = 0
        package var errors: UInt64 = 0

        /// Bytes of documents served from the cache.
        package var bytes: UInt64 = 0
        package var fillNanoseconds: UInt64 = 0

        /// The part of reads that the cache answered, over the last 10 s, the last minute, and ever; nothing where
        /// nothing was read.
        package var rate10s: Double?
        package var rate60s: Double?
        package var rateEver: Double?

        package init(_ condition: CacheCondition, _ statistics: CacheStatistics) {
            let (products, absent) = (statistics.products, statistics.absent)
            self.condition = condition.rawValue
            hits = products.hits &+ absent.hits
            misses = products.misses &+ absent.misses
            bypasses = products.bypasses &+ absent.bypasses
            joined = statistics.joined
            fills = statistics.fills
            refusedFills = statistics.refusedFills
            invalidations = statistics.invalidations
            errors = statistics.errors
            bytes = statistics.bytes
            fillNanoseconds = statistics.fillNanoseconds
        }

        package var reads: UInt64 { hits &+ misses &+ bypasses }
    }

    package var at: String
    package var uptimeSeconds: Double
    package var requests = Requests()
    package var responses = Responses()

    /// Requests under way.
    package var inFlight: Int

    /// How long answers took: how many by bucket of ``LatencyBuckets``, as pairs.
    package var latency: [[UInt64]]

    /// Of the last minute, in nanoseconds; nothing where nothing was asked.
    package var latencyP50Ns: Double?
    package var latencyP99Ns: Double?
    package var requestsPerSecond: Double
    package var cache: Cache

    /// Of the process, in bytes.
    package var residentBytes: Int64

    package init(
        at: String, uptimeSeconds: Double, inFlight: Int, latency: [[UInt64]], requestsPerSecond: Double, cache: Cache,
        residentBytes: Int64
    ) {
        self.at = at
        self.uptimeSeconds = uptimeSeconds
        self.inFlight = inFlight
        self.latency = latency
        self.requestsPerSecond = requestsPerSecond
        self.cache = cache
        self.residentBytes = residentBytes
    }

    /// The counts by bucket.
    package var latencyCounts: [Int: UInt64] {
        Dictionary(
            latency.compactMap { pair in
                pair.count == 2 && pair[0] < UInt64(LatencyBuckets.count) ? (Int(pair[0]), pair[1]) : nil
            },
            uniquingKeysWith: &+)
    }
}
