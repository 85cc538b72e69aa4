package import InventoryKit

/// No cache: every read asks the store. For a store that several daemons share, where what one of them kept to itself
/// would be out of date as soon as another one writes.
package struct NoCache: ProductCache {
    package init() {}

    package var isOff: Bool { true }

    package func document(
        _ id: ProductID, load: @Sendable () async throws(InventoryError) -> Product?
    ) async throws(InventoryError) -> CachedDocument {
        CachedDocument(document: try await load().map(ProductDocument.init), source: .bypass)
    }

    package func peek(_ id: ProductID) -> ProductDocument? { nil }

    package func write<Outcome: Sendable>(
        _ id: ProductID, _ body: @Sendable () async throws(InventoryError) -> Written<Outcome>
    ) async throws(InventoryError) -> Outcome {
        try await body().outcome
    }

    package func settle(_ products: [Product]) async {}

    package func hint(for sku: SKU) -> ProductID? { nil }
}
