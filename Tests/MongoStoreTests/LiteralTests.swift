import InventoryKit
import StoreContract
import TestSupport
import Testing

@testable import MongoStore

/// A pipeline evaluates what begins with a dollar sign: unprotected, `$on_hand` is stored as a number, `$$ROOT` as the
/// whole document, and `$` fails the write of everybody in the batch.
@Suite("What clients write is never read as an expression", .serialized)
struct LiteralTests {
    static let texts = ["$on_hand", "$$ROOT", "$", "$$REMOVE"]

    /// The daemon's clock is far ahead of the server's. So what it dates is not filed before the test says so, and the
    /// time of a movement tells who decided it: the daemon by its clock, the server by the movement before, than which
    /// none is older.
    private let clock = TestClock(Timestamp(milliseconds: 4_102_444_800_000))

    @Test("where the daemon decides")
    func ordinary() async throws {
        try await BackDoor.withStore(clock: clock) { door, store in
            let product = try await create(store, "A-1")
            for text in Self.texts {
                clock.advance(milliseconds: 1_000)
                let outcome = try await store.move(try command(text, of: product))
                #expect(outcome.movement.at == clock.now(), "the server has decided it")
                expectLiteral(text, outcome.movement)
            }
            try await expectFiled(product, Self.texts, through: door)
        }
    }

    @Test("where the server does, because two daemons sell the same product")
    func contended() async throws {
        try await BackDoor.withStore(clock: clock) { door, store in
            let other = try await door.makeStore(clock: clock)
            for (number, text) in Self.texts.enumerated() {
                let product = try await create(store, "A-\(number)")
                // Now the first daemon knows the product, and then it is another.
                for (seller, text) in [(store, "first"), (other, "second")] {
                    _ = try await seller.move(try command(text, of: product))
                }
                clock.advance(milliseconds: 1_000)
                let outcome = try await store.move(try command(text, of: product))
                #expect(outcome.movement.at < clock.now(), "the daemon has decided it")
                expectLiteral(text, outcome.movement)
                try await expectFiled(product, ["first", "second", text], through: door)
            }
            await other.close()
        }
    }

    /// One command for several products gives its constants another way than one for a single product.
    @Test("where the server does for several products at once", arguments: [1, 3])
    func several(count: Int) async throws {
        try await BackDoor.withStore(clock: clock) { door, store in
            var products: [Product] = []
            for number in 0..<count { products.append(try await create(store, "A-\(number)")) }
            clock.advance(milliseconds: 1_000)
            let batches = try products.map { product in
                let moves = try Self.texts.map { PendingMove(try command($0, of: product), Waiter()) }
                return LaneBatch(product: product.id, moves: moves, isContended: true, filed: nil)
            }
            let outcomes = try await door.run { [clock] in try StockRound($0, clock: clock).perform(batches) }
            #expect(outcomes.count == count && outcomes.allSatisfy { $0.error == nil && $0.again.isEmpty })
            for product in products {
                for operation in try await door.operations(of: product.id) {
                    #expect(try operation.time("at") < clock.now(), "the daemon has decided it")
                }
                try await expectFiled(product, Self.texts, through: door)
            }
        }
    }

    // MARK: Parts

    private func create(_ store: MongoStore, _ sku: String) async throws -> Product {
        try await store.create(try Sample.creation(try Sample.catalogue(sku), opening: 100)).product
    }

    private func command(_ text: String, of product: Product) throws -> StockCommand {
        StockCommand(
            product: .id(product.id), change: .purchase(try Quantity(1), expectedUnitPrice: nil),
            reference: try Reference(text),
            origin: Origin(id: OperationID(at: SystemClock().now()), fingerprint: text, actor: text, requestID: text))
    }

    private func expectLiteral(_ text: String, _ movement: Movement) {
        #expect(movement.reference?.text == text && movement.actor == text && movement.requestID == text)
        #expect(movement.delta == -1)
    }

    /// In the ledger it stands as it was written, after the opening.
    private func expectFiled(_ product: Product, _ texts: [String], through door: BackDoor) async throws {
        try await door.releaseFiling(of: product.id)
        try await door.awaitFiling(of: product.id)
        let filed = try await door.filed(product.id)
        #expect(filed.count == 1 + texts.count)
        for (text, document) in zip(texts, filed.dropFirst()) {
            expectLiteral(text, try Movement(document))
            #expect(document["fp"] == .string(text))
        }
    }
}
