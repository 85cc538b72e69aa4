import InventoryKit
import StoreContract
import TestSupport
import Testing

@testable import MongoStore

/// A network may deliver a write twice, the second time whenever it likes. Each of these fails where the fence, or the
/// looking among the operations, is left out of the write.
@Suite("A write that arrives once more changes nothing")
struct DelayedWriteTests {
    /// Who decides: the daemon on what it knows, or the server.
    enum Way: CaseIterable, Sendable {
        case plan, pipeline
    }

    /// Without this one the others would pass on a write that never does anything.
    @Test("The first time it does what it says", arguments: Way.allCases)
    func firstTime(_ way: Way) async throws {
        try await BackDoor.withStore { door, store in
            let product = try await create(store, opening: 5)
            try await door.holdFiling(of: product.id, isDated: true)
            let copy = try await statement(
                way, of: try Sample.purchase(of: .id(product.id), key: "1"), on: product, through: door)
            #expect(try await door.update(copy) == 1)
            #expect(try await door.document(product.id).integer("on_hand") == 4)
            #expect(try await door.update(copy) == 0)
        }
    }

    @Test("of a sale: not while it waits to be filed, nor when it is, nor after a restock", arguments: Way.allCases)
    func sale(_ way: Way) async throws {
        try await BackDoor.withStore { door, store in
            let product = try await create(store, opening: 5)
            try await door.holdFiling(of: product.id, isDated: true)
            let command = try Sample.purchase(2, of: .id(product.id), key: "1")
            let copy = try await statement(way, of: command, on: product, through: door)
            _ = try await store.move(command)
            try await expectNoChange(of: product, by: copy, through: door)

            try await door.releaseFiling(of: product.id)
            try await door.awaitFiling(of: product.id)
            try await expectNoChange(of: product, by: copy, through: door)

            _ = try await store.move(try Sample.adjust(10, of: .id(product.id)))
            try await door.holdFiling(of: product.id, isDated: true)
            try await expectNoChange(of: product, by: copy, through: door)
            #expect(try await door.document(product.id).integer("on_hand") == 13)
        }
    }

    /// The refusal leaves no operation, so only the fence that it sets tells that it has been given.
    @Test("of a purchase without a key that was refused: not even when there is stock again", arguments: Way.allCases)
    func refused(_ way: Way) async throws {
        try await BackDoor.withStore { door, store in
            let product = try await create(store, opening: 1)
            try await door.holdFiling(of: product.id, isDated: true)
            let command = try Sample.purchase(2, of: .id(product.id))
            let copy = try await statement(way, of: command, on: product, through: door)
            await #expect(throws: InventoryError.self) { try await store.move(command) }
            _ = try await store.move(try Sample.adjust(10, of: .id(product.id)))
            // Still held: had anything been filed, that would have changed the fence as well.
            try await door.holdFiling(of: product.id, isDated: true)
            #expect(try await door.operations(of: product.id).count == 2)
            try await expectNoChange(of: product, by: copy, through: door)
            #expect(try await door.document(product.id).integer("on_hand") == 11)
        }
    }

    // MARK: Parts

    private func create(_ store: MongoStore, opening: Int64) async throws -> Product {
        try await store.create(try Sample.creation(try Sample.catalogue("A-1"), opening: opening)).product
    }

    /// The write by which a command would be decided now.
    private func statement(
        _ way: Way, of command: StockCommand, on product: Product, through door: BackDoor
    ) async throws -> BSON {
        let stored = try StoredProduct(try await door.document(product.id))
        let move = PendingMove(command, Waiter())
        switch way {
        case .pipeline:
            let variables = StockPipeline.variables(
                known: stored.fence, fresh: .random(in: .min ... .max), batch: [move.bson], filed: nil)
            return ["q": ["_id": .productID(product.id)], "u": StockPipeline.encoded, "c": .document(variables)]
        case .plan:
            let state = LaneState(stored, at: 0, isDurable: true)
            let batch = LaneBatch(product: product.id, moves: [move], fence: state.fence, state: state, filed: nil)
            return try #require(StockPlan(batch, at: SystemClock().now())).statement
        }
    }

    private func expectNoChange(of product: Product, by copy: BSON, through door: BackDoor) async throws {
        let before = try await door.document(product.id)
        #expect(try await door.update(copy) == 0)
        #expect(try await door.document(product.id) == before)
    }
}
