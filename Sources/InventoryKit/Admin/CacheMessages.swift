/// What the cache holds of one product.
package struct CacheEntry: Codable, Sendable, Equatable {
    package var productId: String

    /// In folded form; nothing where no such product exists, or it is archived.
    package var sku: String?

    /// Whether it says that there is no such product.
    package var isAbsence: Bool
    package var etag: String?
    package var bytes: Int
    package var ttlMs: Int64?

    package init(productId: String, sku: String?, isAbsence: Bool, etag: String?, bytes: Int, ttlMs: Int64?) {
        self.productId = productId
        self.sku = sku
        self.isAbsence = isAbsence
        self.etag = etag
        self.bytes = bytes
        self.ttlMs = ttlMs
    }
}

/// `GET /admin/v1/cache/entries`: some of what is there, in no order.
package struct CacheListing: Codable, Sendable, Equatable {
    package var entries: [CacheEntry]

    /// Whether there are more than were asked for.
    package var isPartial: Bool

    package init(entries: [CacheEntry], isPartial: Bool) {
        self.entries = entries
        self.isPartial = isPartial
    }
}

/// `GET /admin/v1/cache/entries/{id}`: what the cache says of one product beside what the store says, and why.
package struct CacheExplanation: Codable, Sendable, Equatable {
    package var productId: String
    package var sku: String?
    package var condition: String
    package var entry: CacheEntry?

    /// The document as it is cached, as JSON text.
    package var document: String?

    /// The state that the store has.
    package var storedEtag: String?

    /// What this means, in sentences.
    package var findings: [String]

    package init(
        productId: String, sku: String?, condition: String, entry: CacheEntry?, document: String?,
        storedEtag: String?, findings: [String]
    ) {
        self.productId = productId
        self.sku = sku
        self.condition = condition
        self.entry = entry
        self.document = document
        self.storedEtag = storedEtag
        self.findings = findings
    }
}

/// What a flush took out, or would.
package struct FlushReport: Codable, Sendable, Equatable {
    package var entries: Int
    package var bytes: Int
    package var dryRun: Bool

    /// How many reads a second the whole cache answered of late: as many the store has to answer if all of it goes.
    package var readsPerSecond: Double

    /// SKUs that name no product.
    package var unknown: [String]

    package init(entries: Int, bytes: Int, dryRun: Bool, readsPerSecond: Double, unknown: [String]) {
        self.entries = entries
        self.bytes = bytes
        self.dryRun = dryRun
        self.readsPerSecond = readsPerSecond
        self.unknown = unknown
    }
}

/// How far a warming is, a line each; the last one is done.
package struct WarmReport: Codable, Sendable, Equatable {
    package var products: Int
    package var hits: Int
    package var loaded: Int
    package var bypassed: Int
    package var done: Bool
    package var unknown: [String]

    package init(
        products: Int = 0, hits: Int = 0, loaded: Int = 0, bypassed: Int = 0, done: Bool = false,
        unknown: [String] = []
    ) {
        self.products = products
        self.hits = hits
        self.loaded = loaded
        self.bypassed = bypassed
        self.done = done
        self.unknown = unknown
    }
}
