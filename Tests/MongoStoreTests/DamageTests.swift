import InventoryKit
import StoreContract
import TestSupport
import Testing

@testable import MongoStore

/// What a hand in the database has damaged is for its own readers and writers to hear, and for nobody else.
@Suite("Damaged documents")
struct DamageTests {
    private static let damage = #"{"$set": {"name": 1}}"#

    private func create(_ sku: String, in store: MongoStore) async throws -> Product {
        try await store.create(try Sample.creation(try Sample.catalogue(sku), opening: 5)).product
    }

    /// Fails where one document that cannot be read ends the round for all who are in it.
    @Test("In a round with others its buyers are refused, and the others buy")
    func inRound() async throws {
        try await BackDoor.withStore { door, store in
            let (damaged, sound) = (try await create("A-1", in: store), try await create("B-1", in: store))
            try await door.damage(damaged.id, Self.damage)
            var lanes = Lanes()
            let moves = [damaged, sound].map { ($0.id, Waiter<StockOutcome>()) }
            for (id, waiter) in moves {
                lanes.add([PendingMove(try Sample.purchase(of: .id(id)), waiter)], to: id)
            }
            let batches = lanes.nextRound()
            #expect(batches.count == 2)
            let outcomes = try await door.run { try StockRound($0, clock: SystemClock()).perform(batches) }
            #expect(moves.map { $0.1.isAnswered } == [false, true])
            #expect(outcomes.flatMap(\.failed).map(\.command.product) == [.id(damaged.id)])
            #expect(Set(outcomes.filter { $0.error != nil }.map(\.product)) == [damaged.id])
            #expect(try await door.document(sound.id).integer("on_hand") == 4)
        }
    }

    /// Fails where nobody can tell whether to send it again, or where each attempt fills the log.
    @Test(
        "Its buyers hear each time that nothing has happened, and the log says once why",
        arguments: [damage, #"{"$unset": {"ops": 1}}"#])
    func purchases(damage: String) async throws {
        try await BackDoor.withStore { door, store in
            let product = try await create("A-1", in: store)
            // Whoever bought has seen the product, and so would take it for sound.
            try await door.awaitFiling(of: product.id)
            try await door.damage(product.id, damage)
            let purchase = try Sample.purchase(of: .id(product.id), key: "k")
            for _ in 0..<3 {
                await #expect(throws: InventoryError.unavailable(.outOfReach)) { try await store.move(purchase) }
            }
            #expect(door.log.alarms.filter { $0 == "A stock write failed" }.count == 1)
            try await door.damage(product.id, #"{"$set": {"name": "Cup", "ops": []}}"#)
            #expect(try await store.move(purchase).product.stock.onHand == 4)
        }
    }

    /// Fails where the whole round is done again, product by product, whenever somebody repeats it.
    @Test("What was sold of it before is not told again, and the others in the round buy")
    func repeated() async throws {
        try await BackDoor.withStore { door, store in
            let (damaged, sound) = (try await create("A-1", in: store), try await create("B-1", in: store))
            let sale = try Sample.purchase(of: .id(damaged.id), key: "k")
            _ = try await store.move(sale)
            try await door.awaitFiling(of: damaged.id)
            try await door.damage(damaged.id, Self.damage)
            var lanes = Lanes()
            lanes.add([PendingMove(sale, Waiter())], to: damaged.id)
            lanes.add([PendingMove(try Sample.purchase(of: .id(sound.id)), Waiter())], to: sound.id)
            let batches = lanes.nextRound()
            _ = try await door.run { try StockRound($0, clock: SystemClock()).perform(batches) }
            #expect(try await door.document(sound.id).integer("on_hand") == 4)
            await #expect(throws: InventoryError.unavailable(.outcomeUnknown)) { try await store.move(sale) }
        }
    }

    /// Fails where each move that comes together with what is to be taken out is told that nobody knows.
    @Test("What cannot leave it keeps nobody from buying")
    func stuck() async throws {
        try await BackDoor.withStore { door, store in
            let product = try await create("A-1", in: store)
            try await door.awaitFiling(of: product.id)
            // When something filed leaves, its SKU is claimed again, which is another's by now.
            try await door.damage(product.id, #"{"$set": {"held_skus": []}}"#)
            _ = try await create("A-1", in: store)
            for sold in 1...3 {
                #expect(
                    try await store.move(Sample.purchase(of: .id(product.id))).product.stock.onHand == 5 - Int64(sold))
                try await eventually("it to be in the ledger") {
                    try await door.filed(product.id).count == 1 + sold ? () : nil
                }
            }
        }
    }

    /// Fails where it is tried a thousand times: each holds a thread for seconds, and the client hears that nobody knows.
    @Test("Who wants its SKU, which it cannot let go of, is told so at once")
    func keepsSKU() async throws {
        try await BackDoor.withStore { door, store in
            let product = try await create("A-1", in: store)
            try await door.awaitFiling(of: product.id)
            let now = #"{"$date": "2026-01-01T00:00:00Z"}"#
            let change = #"{"live": false, "archived_at": \#(now), "unfiled_since": \#(now)}"#
            try await door.damage(product.id, #"{"$set": \#(change), "$unset": {"name_key": 1}}"#)
            await #expect(throws: InventoryError.unavailable(.ledgerBlocked)) { try await create("A-1", in: store) }
        }
    }

    /// Fails where the rows beside it are refused, or told that they are, though they have happened.
    @Test("In a bulk load its row is refused, and the others happen")
    func inBulkLoad() async throws {
        try await BackDoor.withStore { door, store in
            let (damaged, refused) = (try await create("A-1", in: store), try await create("B-1", in: store))
            _ = try await create("C-1", in: store)
            try await door.damage(damaged.id, Self.damage)
            // It can be read, and with any change the server finds that it is not as it should be.
            try await door.damage(refused.id, #"{"$set": {"available": 77}}"#)
            let rows = try ["A-1", "B-1", "C-1", "D-1"].enumerated().map { line, sku in
                try Sample.row(sku, name: "Other", line: line + 1)
            }
            let results = await store.upsert(rows)
            #expect(results.map { (try? $0.get())?.status } == [nil, nil, .updated, .created])
            #expect(results.prefix(2).allSatisfy { $0.refusal == .unavailable(.outOfReach) })
            #expect(try await store.product(.sku(try SKU("C-1")))?.catalogue.name.text == "Other")
        }
    }

    @Test("In a bulk load that is repeated its row is refused, and the others are told what they were")
    func inRepeatedLoad() async throws {
        try await BackDoor.withStore { door, store in
            let rows = try ["A-1", "B-1"].enumerated().map { line, sku in try Sample.row(sku, line: line + 1, key: "k")
            }
            let created = try (await store.upsert(rows)).map { try $0.get() }
            try await door.damage(created[0].product.id, Self.damage)
            let results = await store.upsert(rows)
            #expect(results[0].refusal == .unavailable(.outOfReach))
            #expect((try? results[1].get())?.replayed == true)
        }
    }
}

extension Result where Failure == InventoryError {
    fileprivate var refusal: InventoryError? { if case .failure(let error) = self { error } else { nil } }
}
