import InventoryKit
import NIOCore

/// A store that writes down the identities that it is given, and does nothing.
actor RecordingStore: InventoryStore {
    private(set) var origins: [Origin] = []
    private(set) var productIDs: [ProductID] = []

    func product(_ reference: ProductReference) async throws(InventoryError) -> Product? { nil }

    func products(_ ids: [ProductID]) async throws(InventoryError) -> [Product] { [] }

    func page(of query: ProductQuery) async throws(InventoryError) -> Page<Product> { Page(items: [], next: nil) }

    func movement(_ id: OperationID) async throws(InventoryError) -> Movement? { nil }

    func page(of query: MovementQuery) async throws(InventoryError) -> Page<Movement> { Page(items: [], next: nil) }

    func stock(of id: ProductID, at time: Timestamp) async throws(InventoryError) -> StockMoment? { nil }

    func create(_ creation: Creation) async throws(InventoryError) -> Created {
        origins.append(creation.origin)
        productIDs.append(creation.id)
        throw .unavailable(.stopping)
    }

    func upsert(_ rows: [UpsertRow]) async -> [Result<Upserted, InventoryError>] {
        origins += rows.map(\.origin)
        productIDs += rows.map(\.id)
        return rows.map { _ in .failure(.unavailable(.stopping)) }
    }

    func revise(_ revision: Revision) async throws(InventoryError) -> Product { throw .unavailable(.stopping) }

    func archive(_ id: ProductID, expectedETags: [ETag]?) async throws(InventoryError) -> Product {
        throw .unavailable(.stopping)
    }

    func move(_ command: StockCommand) async throws(InventoryError) -> StockOutcome {
        origins.append(command.origin)
        throw .unavailable(.stopping)
    }

    func checkReadiness() async throws(InventoryError) {}

    nonisolated var statistics: StoreStatistics { StoreStatistics(waiting: 0, commits: 0, changes: 0) }
    func close() async {}
}

/// A cache that holds nothing.
struct NoCache: ProductCache {
    func document(
        _ id: ProductID, load: @Sendable () async throws(InventoryError) -> Product?
    ) async throws(InventoryError) -> CachedDocument {
        let product = try await load()
        return CachedDocument(document: product.map { ProductDocument($0) }, source: .bypass)
    }

    func write<Outcome: Sendable>(
        _ id: ProductID?, _ body: @Sendable () async throws(InventoryError) -> Written<Outcome>
    ) async throws(InventoryError) -> Outcome {
        try await body().outcome
    }

    func glance(at id: ProductID, on loop: any EventLoop, answer: @escaping (CachedDocument?) -> Void) -> Glance {
        .elsewhere
    }
    func settle(_ products: [Product]) async {}
    var statistics: CacheStatistics { CacheStatistics() }

    func hint(for sku: SKU) -> ProductID? { nil }
}

/// A clock that stands still.
struct StoppedClock: WallClock {
    func now() -> Timestamp { noon }
}
