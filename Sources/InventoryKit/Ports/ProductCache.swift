/// A cache of products in front of a store, which never answers with less than what was acknowledged before the
/// question was asked. Losing what it holds costs speed, never truth.
package protocol ProductCache: Sendable {
    /// Whether it keeps nothing, so that no write has to tell it anything.
    var isOff: Bool { get }

    /// The product's document, from the cache or else by loading it.
    ///
    /// - Parameter load: asks the store; its answer is kept only if no write came between.
    func document(
        _ id: ProductID, load: @Sendable () async throws(InventoryError) -> Product?
    ) async throws(InventoryError) -> CachedDocument

    /// The product's document if it is in this process's memory and may be served: the same answer as ``document(_:load:)``
    /// would give, without waiting for anybody.
    func peek(_ id: ProductID) -> ProductDocument?

    /// Performs a write of one product and brings the cache in line before it returns, which is before anybody is told
    /// of the write.
    func write<Outcome: Sendable>(
        _ id: ProductID, _ body: @Sendable () async throws(InventoryError) -> Written<Outcome>
    ) async throws(InventoryError) -> Outcome

    /// Brings the cache in line with products written otherwise: created just now, or in bulk.
    func settle(_ products: [Product]) async

    /// Which product the SKU was last seen to name. A hint: whoever uses it checks the product's own document.
    func hint(for sku: SKU) -> ProductID?
}

extension ProductCache {
    package var isOff: Bool { false }
}

/// What a write made, and the product after it.
package struct Written<Outcome: Sendable>: Sendable {
    package let outcome: Outcome
    package let product: Product

    package init(outcome: Outcome, product: Product) {
        self.outcome = outcome
        self.product = product
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
