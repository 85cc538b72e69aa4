import InventoryKit
import Logging
import StoreContract
import TestSupport
import Testing

@testable import MongoStore

@Suite("Reads of single products")
struct ProductReadsTests {
    /// Fails where each read is a query, and where an answer goes to the wrong reader.
    @Test("What waits on a standalone goes as one query, and each reader gets their own product")
    func combined() async throws {
        try await withProducts(100) { products, reads, proxy, shell in
            let absent = ProductID(at: Timestamp(milliseconds: 0))
            let ids = products.map(\.id) + products.map(\.id) + [absent]
            let waiting = try await waiting(for: ids, reads, behind: proxy)
            proxy.heal()
            let known = Dictionary(uniqueKeysWithValues: products.map { ($0.id, $0) })
            for (id, read) in zip(ids, waiting) { #expect(try await read.value == known[id]) }
            // The first, 16 that were worth another, and 184 more by 64.
            #expect(try await queries(shell) == 1 + 1 + 3)
        }
    }

    /// Fails where two queries that hang keep everybody else from theirs.
    @Test("Behind queries that are held up others begin, but not any number")
    func heldUp() async throws {
        try await withProducts(12, patience: .zero) { products, reads, proxy, _ in
            proxy.blackHole()
            let waiting = products.map { product in Task { try await reads.product(product.id) } }
            try await eventually("eight queries") { reads.load.queries == 8 ? () : nil }
            proxy.heal()
            for (product, read) in zip(products, waiting) { #expect(try await read.value == product) }
        }
    }

    /// Fails where reads wait without end while the server says nothing.
    @Test("So many reads wait, and the next is turned away at once")
    func waitingLimit() async throws {
        try await withProducts(1) { products, reads, proxy, _ in
            let id = products[0].id
            proxy.blackHole()
            let all = (0..<4_400).map { _ in
                Task {
                    do { return try await reads.product(id) } catch InventoryError.unavailable(.overloaded) {
                        return nil
                    }
                }
            }
            try await eventually("as many to wait as may") { reads.load.waiting == 4_096 ? () : nil }
            await #expect(throws: InventoryError.unavailable(.overloaded)) { try await reads.product(id) }
            proxy.heal()
            var answered = 0
            for read in all where try await read.value == products[0] { answered += 1 }
            // Those who waited, and those of the queries under way.
            #expect((4_096..<4_400).contains(answered))
            #expect(try await reads.product(id) == products[0])
        }
    }

    @Test("A document that is damaged fails its own readers, and nobody else")
    func damaged() async throws {
        try await withProducts(8) { products, reads, proxy, shell in
            let damaged = products[3].id
            try await shell.run(
                """
                {"update": "products", "bypassDocumentValidation": true, "updates": [
                    {"q": {"_id": {"$oid": "\(damaged.text)"}}, "u": {"$set": {"name": 1}}}]}
                """)
            let waiting = try await waiting(for: products.map(\.id), reads, behind: proxy)
            proxy.heal()
            for (product, read) in zip(products, waiting) {
                #expect((try? await read.value) == (product.id == damaged ? nil : product))
            }
        }
    }

    /// A query of several documents is promised to be linearizable by nobody.
    @Test("On a replica set each read is a query")
    func single() async throws {
        let set = try await MongoReplicaSet.shared()
        let fixture = MongoStoreFixture { set.url(database: $0) }
        let (store, shell) = (try await fixture.makeMongoStore(), MongoShell(url: fixture.url))
        let products = try await create(20, in: store)
        try await shell.run(#"{"profile": 2}"#)
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for product in products {
                group.addTask { try await store.product(.id(product.id)) == product }
            }
            for try await isRead in group { #expect(isRead) }
        }
        // One that was not confirmed in time is asked again.
        #expect(try await queries(shell) >= 20)
        await store.close()
        try await fixture.discard()
    }

    // MARK: Helpers

    /// Products on a standalone, and reads of them by way of a proxy.
    private func withProducts(
        _ count: Int, patience: Duration = .seconds(600),
        _ body: ([Product], ProductReads, FaultyProxy, MongoShell) async throws -> Void
    ) async throws {
        let server = try await MongoServer.shared()
        let fixture = MongoStoreFixture { server.url(database: $0) }
        let (store, shell) = (try await fixture.makeMongoStore(), MongoShell(url: fixture.url))
        let products = try await create(count, in: store)
        await store.close()

        let proxy = try await FaultyProxy.start(to: server.port)
        let deadlines = Deadlines(timeout: .seconds(60))
        deadlines.start()
        let pool = MongoPool(
            url: try MongoURL("mongodb://127.0.0.1:\(proxy.port)/\(shell.database)"), size: 8, timeout: .seconds(60),
            deadlines: deadlines, logger: Logger(label: "test"))
        _ = try await pool.run { connection, _ in try pool.topology(of: connection) }
        try await shell.run(#"{"profile": 2}"#)
        try await body(products, ProductReads(pool: pool, deadlines: deadlines, patience: patience), proxy, shell)
        await pool.close()
        deadlines.stop()
        try await fixture.discard()
    }

    private func create(_ count: Int, in store: MongoStore) async throws -> [Product] {
        var products: [Product] = []
        for number in 0..<count {
            products.append(try await store.create(try Sample.creation(try Sample.catalogue("A-\(number)"))).product)
        }
        return products
    }

    /// Reads that get no answer before the proxy heals: one under way, a query of 16 beside it, and the rest behind them.
    private func waiting(
        for ids: [ProductID], _ reads: ProductReads, behind proxy: FaultyProxy
    ) async throws -> [Task<Product?, any Error>] {
        proxy.blackHole()
        var waiting: [Task<Product?, any Error>] = []
        for (index, id) in ids.enumerated() {
            waiting.append(Task { try await reads.product(id) })
            let expected = index < 16 ? (queries: 1, waiting: index) : (queries: 2, waiting: index - 16)
            try await eventually("read \(index) to wait") { reads.load == expected ? () : nil }
        }
        return waiting
    }

    /// Those for products by their ids.
    private func queries(_ shell: MongoShell) async throws -> Int {
        let reply = try await shell.run(
            """
            {"find": "system.profile", "filter": {"op": "query", "ns": "\(shell.database).products", \
            "command.filter._id": {"$exists": true}}, "batchSize": 1000}
            """)
        return reply["cursor"]["firstBatch"].items.count
    }
}
