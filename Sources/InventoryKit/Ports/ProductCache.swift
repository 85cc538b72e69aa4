package import NIOCore

/// A cache of products in front of a store, which never answers with less than what was acknowledged before the
/// question was asked. Losing what it holds costs speed, never truth.
package protocol ProductCache: Sendable {
    /// The product's document, from the cache or else by loading it.
    ///
    /// - Parameter load: asks the store; its answer is kept only if no write came between.
    func document(
        _ id: ProductID, load: @Sendable () async throws(InventoryError) -> Product?
    ) async throws(InventoryError) -> CachedDocument

    /// The same answer without the store, if the cache has it.
    ///
    /// - Parameters:
    ///   - loop: the event loop this is called on.
    ///   - answer: where the answer comes if it is ``Glance/asked``, on that loop and after this has returned: what the
    ///     cache says of the product, or nothing where it says nothing.
    func glance(at id: ProductID, on loop: any EventLoop, answer: @escaping (CachedDocument?) -> Void) -> Glance

    /// Performs a write of one product and brings the cache in line before it returns, which is before anybody is told
    /// of the write.
    ///
    /// - Parameter id: the product that will be written, where that is known before.
    /// - Throws: what `body` throws, and ``InventoryError/unavailable(_:)`` when the cache could not be brought in line.
    func write<Outcome: Sendable>(
        _ id: ProductID?, _ body: @Sendable () async throws(InventoryError) -> Written<Outcome>
    ) async throws(InventoryError) -> Outcome

    /// Brings the cache in line with products written otherwise: created just now, or in bulk.
    ///
    /// - Throws: ``InventoryError/unavailable(_:)`` when it could not be done, so that nobody may be told of the writes.
    func settle(_ products: [Product]) async throws(InventoryError)

    /// Which product the SKU was last seen to name. A hint: whoever uses it checks the product's own document.
    func hint(for sku: SKU) -> ProductID?

    /// What it has done so far.
    var statistics: CacheStatistics { get }

    var condition: CacheCondition { get }
}

extension ProductCache {
    package var condition: CacheCondition { .ok }
}

/// What a look at the cache alone gives.
package enum Glance {
    /// From this process's memory.
    case here(ProductDocument)
    /// On its way.
    case asked
    /// Not from here: ask for the document.
    case elsewhere
}

/// What a write made, and the product after it.
package struct Written<Outcome: Sendable>: Sendable {
    package let outcome: Outcome
    package let product: Product

    /// Whether this very write made the product what it is. What a repetition is told may have been read before others
    /// wrote, so it must not be cached.
    package let isOwn: Bool

    package init(outcome: Outcome, product: Product, isOwn: Bool = true) {
        self.outcome = outcome
        self.product = product
        self.isOwn = isOwn
    }
}

/// A document and where it came from; no document where there is no such product.
package struct CachedDocument: Sendable {
    package enum Source: String, Sendable {
        /// From the cache.
        case hit
        /// From the store, through the cache.
        case miss
        /// From the store, because the cache could not be used.
        case bypass
    }

    package let document: ProductDocument?
    package let source: Source

    package init(document: ProductDocument?, source: Source) {
        self.document = document
        self.source = source
    }
}
