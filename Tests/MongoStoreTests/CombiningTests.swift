import InventoryKit
import Logging
import StoreContract
import TestSupport
import Testing

@testable import MongoStore

@Suite("Moves that wait for their round")
struct CombiningTests {
    /// Fails where moves wait without end while the server says nothing, or where one that was turned away has happened.
    @Test("So many moves wait, the next is turned away at once, and all that waited happen")
    func waitingLimit() async throws {
        let server = try await MongoServer.shared()
        let fixture = MongoStoreFixture { server.url(database: $0) }
        let proxy = try await FaultyProxy.start(to: server.port)
        let database = MongoShell(url: fixture.url).database
        let store = MongoStore(
            url: try MongoURL("mongodb://127.0.0.1:\(proxy.port)/\(database)"), connections: 4, timeout: .seconds(60),
            logger: Logger(label: "test"))
        try await store.prepare()
        let product = try await store.create(
            try Sample.creation(try Sample.catalogue("A-1"), opening: 10_000)
        ).product
        proxy.blackHole()
        @Sendable func sell() async throws { _ = try await store.move(Sample.purchase(of: .id(product.id))) }
        // It has left, and what comes now waits behind it.
        let first = Task { try await sell() }
        try await eventually("the first to be on its way") { proxy.held > 0 ? () : nil }
        let waiting = (0..<8_192).map { _ in Task { try await sell() } }
        try await eventually("as many to wait as may") { store.statistics.waiting == 8_192 ? () : nil }
        await #expect(throws: InventoryError.unavailable(.overloaded)) { try await sell() }
        proxy.heal()
        for sale in [first] + waiting { try await sale.value }
        #expect(try await store.product(.id(product.id))?.stock.onHand == 10_000 - 8_193)
        await store.close()
        try await fixture.discard()
    }
}
