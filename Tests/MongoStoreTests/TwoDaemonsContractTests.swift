import InventoryKit
import MongoStore
import StoreContract
import Synchronization
import TestSupport
import Testing

/// With one daemon alone, moves are decided by the model and written if nothing has changed (``StockPlan``). Where two take
/// turns with the same product, something always has, and the server decides (``StockPipeline``): by the same rules, in
/// another language. Fails where that decides otherwise, or forgets an answer.
@Suite("Two daemons that take turns keep the contract of stores", .serialized)
struct TwoDaemonsContractTests {
    @Test(arguments: StoreContract.moves)
    func keeps(_ clause: StoreContract.Clause) async throws {
        let server = try await MongoServer.shared()
        try await clause.check(on: TwoDaemons(place: MongoStoreFixture { server.url(database: $0) }))
    }
}

private struct TwoDaemons: StoreFixture {
    let place: MongoStoreFixture

    func makeStore(clock: any WallClock) async throws -> any InventoryStore {
        AlternatingStore(
            try await place.makeMongoStore(clock: clock), try await place.makeMongoStore(clock: clock))
    }

    func discard() async throws { try await place.discard() }
}

/// Two stores on one database, of which each move meets the one that has not made the last.
private final class AlternatingStore: InventoryStore {
    private let stores: [MongoStore]
    private let turns = Atomic<Int>(0)
    private let questions = Atomic<Int>(0)

    init(_ stores: MongoStore...) {
        self.stores = stores
    }

    private var next: MongoStore { stores[questions.add(1, ordering: .relaxed).newValue % stores.count] }

    func move(_ command: StockCommand) async throws(InventoryError) -> StockOutcome {
        try await stores[turns.add(1, ordering: .relaxed).newValue % stores.count].move(command)
    }
    func product(_ reference: ProductReference) async throws(InventoryError) -> Product? {
        try await next.product(reference)
    }
    func products(_ ids: [ProductID]) async throws(InventoryError) -> [Product] { try await next.products(ids) }
    func page(of query: ProductQuery) async throws(InventoryError) -> Page<Product> { try await next.page(of: query) }
    func movement(_ id: OperationID) async throws(InventoryError) -> Movement? { try await next.movement(id) }
    func page(of query: MovementQuery) async throws(InventoryError) -> Page<Movement> { try await next.page(of: query) }
    func stock(of id: ProductID, at time: Timestamp) async throws(InventoryError) -> StockMoment? {
        try await next.stock(of: id, at: time)
    }
    func create(_ creation: Creation) async throws(InventoryError) -> Created { try await next.create(creation) }
    func upsert(_ rows: [UpsertRow]) async -> [Result<Upserted, InventoryError>] { await next.upsert(rows) }
    func revise(_ revision: Revision) async throws(InventoryError) -> Product { try await next.revise(revision) }
    func archive(_ id: ProductID, expectedETags: [ETag]?) async throws(InventoryError) -> Product {
        try await next.archive(id, expectedETags: expectedETags)
    }
    func checkReadiness() async throws(InventoryError) { try await next.checkReadiness() }
    var statistics: StoreStatistics { stores[0].statistics }
    func close() async { for store in stores { await store.close() } }
}
