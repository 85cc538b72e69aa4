import InventoryKit
import StoreContract
import TestSupport
import Testing

@testable import MongoStore

@Suite("What was decided is filed exactly once")
struct FilingTests {
    @Test("Operations leave their product for the ledger, all of them, and with a new fence")
    func everythingIsFiled() async throws {
        try await BackDoor.withStore { door, store in
            let product = try await create(store, "A-1", opening: 5)
            let before = try await door.document(product.id).integer("gen")
            for key in ["1", "2", "3"] { _ = try await store.move(try Sample.purchase(of: .id(product.id), key: key)) }
            // A refusal with a key is an answer that stays, though no movement.
            await #expect(throws: InventoryError.self) {
                try await store.move(try Sample.purchase(9, of: .id(product.id), key: "4"))
            }
            try await door.awaitFiling(of: product.id)
            let document = try await door.document(product.id)
            #expect(try document.integer("gen") != before)
            #expect(try document.integer("on_hand") == 2)
            let filed = try await door.filed(product.id)
            #expect(try filed.map { try $0.integer("seq") } == [1, 2, 3, 4])
            #expect(try filed.map { try $0.integer("on_hand") } == [5, 4, 3, 2])
            let outcomes = try await MongoShell(url: door.fixture.url).run(#"{"count": "outcomes"}"#)
            #expect(outcomes["n"].int == 1)
            #expect(try await LedgerAudit.violations(in: store) == [])
        }
    }

    /// It fails where a movement that is there already is an error, or is written a second time.
    @Test("A crash between writing into the ledger and taking out leaves each movement once")
    func crashBetween() async throws {
        try await BackDoor.withStore { door, store in
            let product = try await create(store, "A-1", opening: 5)
            try await door.holdFiling(of: product.id)
            for key in ["1", "2"] { _ = try await store.move(try Sample.purchase(of: .id(product.id), key: key)) }
            // As much as a daemon gets done before it is killed: the first of them, or all.
            let operations = try await door.operations(of: product.id)
            #expect(operations.count == 3)
            for count in [2, 3] {
                let part = Operation.filed(Array(operations.prefix(count)), of: product.id).movements
                _ = try await door.run { connection in try connection.insert(part, into: Collection.movements) }
            }
            try await door.releaseFiling(of: product.id)
            try await door.awaitFiling(of: product.id)
            let filed = try await door.filed(product.id)
            #expect(try filed.map { try $0.integer("seq") } == [1, 2, 3])
            #expect(try filed.map { try $0.text("_id") } == operations.map { try $0.text("id") })
            #expect(door.log.alarms == [])
            #expect(try await LedgerAudit.violations(in: store) == [])
            let again = try await store.move(try Sample.purchase(of: .id(product.id), key: "2"))
            #expect(again.replayed && again.product.stock.onHand == 3)
        }
    }

    /// It fails where "duplicate" is taken for "done": the sale would leave the product, and the ledger has another one.
    @Test("Another movement with the same number stops the filing of its product, and of no other")
    func conflictStops() async throws {
        try await BackDoor.withStore { door, store in
            let (product, other) = (
                try await create(store, "A-1", opening: 5), try await create(store, "B-1", opening: 5)
            )
            try await door.holdFiling(of: product.id)
            try await insertImpostor(of: product, through: door)
            let operations = try await door.operations(of: product.id)
            try await door.releaseFiling(of: product.id)
            _ = try await eventually("an alarm") { door.log.alarms.first { $0.hasPrefix("ledger-conflict") } }
            _ = try await store.move(try Sample.purchase(of: .id(other.id), key: "1"))
            try await door.awaitFiling(of: other.id)
            #expect(try await door.filed(other.id).count == 2)

            // It goes on selling, and nothing leaves it.
            let sale = try await store.move(try Sample.purchase(of: .id(product.id), key: "2"))
            #expect(sale.product.stock.onHand == 4)
            let left = try await door.operations(of: product.id)
            #expect(left.count == operations.count + 1 && Array(left.prefix(operations.count)) == operations)
            #expect(try await door.filed(product.id).map { try $0.text("_id") } == ["impostor"])
            #expect(door.log.alarms.count == 1, "\(door.log.alarms)")
        }
    }

    /// It fails where one document that cannot be read ends the pass for all that come after it.
    @Test("A damaged document is not filed, and keeps nobody else's from being")
    func damagedIsLeft() async throws {
        try await BackDoor.withStore { door, store in
            let (product, other) = try await createHeld(store, door)
            try await door.damage(
                product.id,
                #"{"$unset": {"sku_key": ""}, "$set": {"unfiled_since": {"$date": "2026-01-01T00:00:00Z"}}}"#)
            try await door.releaseFiling(of: other.id)
            try await door.awaitFiling(of: other.id)
            #expect(try await door.filed(other.id).count == 1)
            #expect(try await door.filed(product.id).isEmpty)
            #expect(try await door.operations(of: product.id).count == 1)
            #expect(door.log.alarms == ["A product's document is damaged; it is not filed"])
        }
    }

    /// It fails where those that cannot be filed are the oldest with each look, and nobody behind them has a turn.
    @Test("As many damaged documents as one look takes keep nobody else's from being filed")
    func damagedAreMany() async throws {
        try await BackDoor.withStore { door, store in
            let rows = try (0..<300).map { try Sample.row("D-\($0)", opening: 1) }
            for result in await store.upsert(rows) { _ = try result.get() }
            try await MongoShell(url: door.fixture.url).run(
                #"""
                {"update": "products", "bypassDocumentValidation": true, "updates": [{"q": {}, "multi": true, "u": {
                    "$unset": {"sku_key": ""}, "$set": {"unfiled_since": {"$date": "2026-01-01T00:00:00Z"}}}}]}
                """#)
            let product = try await create(store, "A-1", opening: 5)
            try await door.holdFiling(of: product.id)
            try await door.releaseFiling(of: product.id)
            try await door.awaitFiling(of: product.id)
        }
    }

    /// It fails where the time by which an answer is forgotten is this daemon's: it would be forgotten at once.
    @Test("An answer is kept for its days by the server's clock, however wrong the daemon's is")
    func keptByTheServer() async throws {
        let clock = TestClock()
        try await BackDoor.withStore(clock: clock) { door, store in
            let product = try await create(store, "A-1", opening: 5)
            await #expect(throws: InventoryError.self) {
                try await store.move(try Sample.purchase(9, of: .id(product.id), key: "1"))
            }
            // A refused creation is one too, in another place.
            await #expect(throws: InventoryError.self) {
                try await store.create(try Sample.creation(try Sample.catalogue("A-1"), opening: 1, key: "2"))
            }
            try await door.releaseFiling(of: product.id)
            try await door.awaitFiling(of: product.id)
            let (now, times) = try await door.run { connection in
                let outcomes = try connection.find(Collection.outcomes, [:], freshness: .majority(after: 0)).documents
                let tombstones = try connection.find(
                    Collection.products, ["refused_at": ["$exists": true]], freshness: .majority(after: 0)
                ).documents
                return (
                    try connection.serverTime(),
                    try outcomes.map { try $0.time("at") } + tombstones.map { try $0.time("refused_at") }
                )
            }
            #expect(times.count == 2)
            for time in times { #expect(abs(now.milliseconds - time.milliseconds) < 3_600_000) }
            #expect(now.milliseconds - clock.now().milliseconds > 3_600_000, "the clocks differ")
        }
    }

    /// It fails where a SKU that cannot become free is asked for again and again, on a connection that others wait for.
    @Test("A SKU that its last product cannot let go of is refused at once, and everything else is sold")
    func heldByAConflict() async throws {
        try await BackDoor.withStore { door, store in
            let product = try await create(store, "A-1", opening: 5)
            try await door.holdFiling(of: product.id)
            try await insertImpostor(of: product, through: door)
            try await door.releaseFiling(of: product.id)
            _ = try await eventually("an alarm") { door.log.alarms.first { $0.hasPrefix("ledger-conflict") } }
            _ = try await store.archive(product.id, expectedETags: nil)
            await #expect(throws: InventoryError.unavailable(.ledgerBlocked)) {
                try await create(store, "A-1", opening: 5)
            }
            _ = try await create(store, "B-1", opening: 5)
        }
    }

    /// It fails where one answer that the ledger refuses ends the pass for all others, as one movement did once.
    @Test("An answer that the ledger refuses keeps nobody else's from being filed")
    func refusedAnswer() async throws {
        try await BackDoor.withStore { door, store in
            let (product, other) = try await createHeld(store, door)
            // One without its time.
            try await door.damage(
                product.id, #"{"$push": {"ops": {"id": "x", "kind": "refused", "fp": "y", "record": ["z"]}}}"#)
            // Together, so that they are in one pass.
            for product in [other, product] { try await door.releaseFiling(of: product.id) }
            try await door.awaitFiling(of: other.id)
            _ = try await eventually("an alarm") { door.log.alarms.first }
            #expect(door.log.alarms == ["The ledger refuses an operation; its product is not filed"])
            #expect(try await door.operations(of: product.id).count == 2)
        }
    }

    /// It fails where a holder that cannot be filed is asked again and again to let go.
    @Test("A SKU that a damaged product holds is refused at once")
    func heldByDamage() async throws {
        try await BackDoor.withStore { door, store in
            let product = try await create(store, "A-1", opening: 5)
            try await door.holdFiling(of: product.id)
            try await door.damage(
                product.id,
                #"{"$unset": {"sku_key": ""}, "$set": {"live": false, "archived_at": {"$date": "2200-01-01T00:00:00Z"}}}"#
            )
            await #expect(throws: InventoryError.unavailable(.ledgerBlocked)) {
                try await create(store, "A-1", opening: 5)
            }
            let rows = await store.upsert([
                try Sample.row("A-1", opening: 1), try Sample.row("B-1", opening: 1, line: 2),
            ])
            #expect(rows.map { (try? $0.get()) != nil } == [false, true])
        }
    }

    /// It fails where the limit is not looked at on both ways of deciding: the document would grow until it is too large.
    @Test("With 2,048 operations that cannot be filed a product takes no more, and its stock stays")
    func ledgerIsBlocked() async throws {
        try await BackDoor.withStore { door, store in
            let product = try await create(store, "A-1", opening: 5_000)
            try await door.holdFiling(of: product.id)
            try await insertImpostor(of: product, through: door)
            var isBlocked = false
            for _ in 0..<20 where !isBlocked {
                let results = try await buy(256, of: product, from: store)
                for case .failure(let error) in results {
                    #expect(error == .unavailable(.ledgerBlocked))
                    isBlocked = true
                }
            }
            #expect(isBlocked)
            let document = try await door.document(product.id)
            let count = document.documents("ops").count
            #expect((2_048..<2_048 + Lanes.batchLimit).contains(count))
            #expect(try document.integer("on_hand") == 5_001 - Int64(count))
            for key in ["1", nil] {
                await #expect(throws: InventoryError.unavailable(.ledgerBlocked)) {
                    try await store.move(try Sample.purchase(of: .id(product.id), key: key))
                }
            }
            // Nor does a daemon that comes fresh.
            let second = try await door.makeStore()
            await #expect(throws: InventoryError.unavailable(.ledgerBlocked)) {
                try await second.move(try Sample.purchase(of: .id(product.id), key: "2"))
            }
            await second.close()
            #expect(try await door.document(product.id).integer("on_hand") == 5_001 - Int64(count))
            #expect(try await door.operations(of: product.id).count == count)
        }
    }

    // MARK: Parts

    private func create(_ store: MongoStore, _ sku: String, opening: Int64) async throws -> Product {
        try await store.create(try Sample.creation(try Sample.catalogue(sku), opening: opening)).product
    }

    /// Two products whose operations nobody files yet.
    private func createHeld(_ store: MongoStore, _ door: BackDoor) async throws -> (Product, Product) {
        let pair = (try await create(store, "A-1", opening: 5), try await create(store, "B-1", opening: 5))
        for product in [pair.0, pair.1] { try await door.holdFiling(of: product.id) }
        return pair
    }

    private func buy(
        _ count: Int, of product: Product, from store: MongoStore
    ) async throws -> [Result<StockOutcome, InventoryError>] {
        let commands = try (0..<count).map { _ in try Sample.purchase(of: .id(product.id)) }
        return await withTaskGroup(of: Result<StockOutcome, InventoryError>.self) { group in
            for command in commands {
                group.addTask {
                    await Self.move(command, store)
                }
            }
            var results: [Result<StockOutcome, InventoryError>] = []
            for await result in group { results.append(result) }
            return results
        }
    }

    private static func move(_ command: StockCommand, _ store: MongoStore) async -> Result<StockOutcome, InventoryError>
    {
        do { return .success(try await store.move(command)) } catch { return .failure(error) }
    }

    /// Puts a movement into the ledger that has the number of the product's opening, and is not it.
    private func insertImpostor(of product: Product, through door: BackDoor) async throws {
        let opening = try #require(try await door.operations(of: product.id).first)
        let movement = try #require(Operation.filed([opening], of: product.id).movements.first)
        let impostor = BSONDocument(
            movement.fields.map { name, value in (name, name == "_id" ? "impostor" : BSON(value)) })
        let errors = try await door.run { connection in try connection.insert([impostor], into: Collection.movements) }
        try #require(errors.isEmpty)
    }
}
