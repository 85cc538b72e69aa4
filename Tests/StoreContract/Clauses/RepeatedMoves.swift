import InventoryKit
import Testing

extension StoreContract {
    static let repeatedMoves = [
        Clause("A repeated purchase happened once, and is told the same again", purchaseIsRepeated),
        Clause("The same key with another request is a mismatch, and does nothing", keyDoesNotFitAnotherRequest),
        Clause("Of 50 identical purchases at once, one happens and all are told of it", identicalPurchasesAreOne),
        Clause("A repetition after the product was archived is told the old answer", repetitionOutlivesTheProduct),
        Clause("A repetition by SKU buys nothing of the SKU's next product", repetitionDoesNotBuyTheSuccessor),
        Clause("Equal requests without keys are different changes", unkeyedRequestsDiffer),
    ]

    /// A store that fails it sells twice to a client whose connection broke, or tells it something else than before.
    package func purchaseIsRepeated() async throws {
        let product = try await given("A-1", opening: 10)
        for command in [
            try Sample.purchase(2, of: .id(product.id), reference: "order 7", key: "p-1"),
            try Sample.adjust(-1, of: .sku(product.catalogue.sku), reason: .lost, key: "a-1"),
            try Sample.count(50, expecting: 7, of: .id(product.id), key: "c-1"),
        ] {
            let first = try await store.move(command)
            #expect(!first.replayed)
            #expect(
                try await store.move(command)
                    == StockOutcome(movement: first.movement, product: first.product, replayed: true))
        }
        // Much happens, and then the first requests come again: other request ids, the same movements.
        let ledger = try await ledger(of: product.id)
        _ = try await store.move(try Sample.adjust(-40, of: .id(product.id)))
        let change = try Sample.change(sku: "B-1", amount: 999)
        let now = try await store.revise(Revision(id: product.id, change: .merge(change)))
        try await clock.pass()
        let repetitions = [
            try Sample.purchase(2, of: .id(product.id), reference: "order 7", key: "p-1"),
            try Sample.adjust(-1, of: .sku(product.catalogue.sku), reason: .lost, key: "a-1"),
            try Sample.count(50, expecting: 7, of: .id(product.id), key: "c-1"),
        ]
        for (movement, command) in zip(ledger.dropFirst(), repetitions) {
            #expect(await move(command) == .success(StockOutcome(movement: movement, product: now, replayed: true)))
        }
        #expect(try await store.product(.id(product.id)) == now)
        #expect(try await self.ledger(of: product.id).count == 5)
    }

    /// A store that fails it answers one request with the outcome of another.
    package func keyDoesNotFitAnotherRequest() async throws {
        let product = try await given("A-1", opening: 10)
        let first = try await store.move(try Sample.purchase(2, of: .id(product.id), key: "k-1"))
        let refused = try Sample.purchase(99, of: .id(product.id), key: "k-2")
        #expect(await move(refused).failure?.refusal != nil)
        for other in [
            try Sample.purchase(3, of: .id(product.id), key: "k-1"),
            try Sample.purchase(2, of: .id(product.id), reference: "order 7", key: "k-1"),
            try Sample.purchase(99_999, of: .id(product.id), key: "k-1"),
            try Sample.purchase(1, of: .id(product.id), key: "k-2"),
        ] {
            #expect(await move(other) == .failure(.idempotencyMismatch))
        }
        #expect(try await store.product(.id(product.id)) == first.product)
        #expect(try await ledger(of: product.id).count == 2)
        // The first request still has its answer.
        #expect(
            try await store.move(try Sample.purchase(2, of: .id(product.id), key: "k-1")).movement == first.movement)
    }

    /// A store that fails it lets a client that sends twice at once buy twice.
    package func identicalPurchasesAreOne() async throws {
        let product = try await given("A-1", opening: 10)
        let outcomes = try await atOnce(50) { _ in
            try await store.move(try Sample.purchase(3, of: .id(product.id), key: "k-1"))
        }
        #expect(Set(outcomes.map(\.movement)).count == 1)
        #expect(outcomes.filter { !$0.replayed }.count == 1)
        let stock = StockMoment(stock: try StockLevel(onHand: 7, reserved: 0), stockVersion: 2)
        #expect(try await self.stock(of: product.id) == stock)
        #expect(outcomes.allSatisfy { $0.product.stock == stock.stock && $0.product.stockVersion == 2 })
        #expect(try await ledger(of: product.id).count == 2)
    }

    /// A store that fails it tells a buyer that the product is gone, who has bought it.
    package func repetitionOutlivesTheProduct() async throws {
        let product = try await given("A-1", opening: 10)
        let byID = try Sample.purchase(2, of: .id(product.id), key: "k-1")
        let bySKU = try Sample.purchase(1, of: .sku(product.catalogue.sku), key: "k-1")
        let movements = [try await store.move(byID).movement, try await store.move(bySKU).movement]
        #expect(Set(movements.map(\.id)).count == 2, "a key's scope is the product as it was named")
        let archived = try await store.archive(product.id, expectedETags: nil)

        for (command, movement) in zip([byID, bySKU], movements) {
            #expect(
                await move(command) == .success(StockOutcome(movement: movement, product: archived, replayed: true)))
        }
        let other = try Sample.purchase(3, of: .sku(product.catalogue.sku), key: "k-1")
        #expect(await move(other) == .failure(.idempotencyMismatch))
        #expect(try await store.product(.id(product.id)) == archived)
    }

    /// A store that fails it looks for a key only in the ledger of the product that has the SKU now, and sells a second
    /// time what was sold under it before.
    package func repetitionDoesNotBuyTheSuccessor() async throws {
        let archived = try await given("A-1", opening: 10)
        let renamed = try await given("B-1", opening: 10)
        let commands = try ["A-1", "B-1"].map { try Sample.purchase(2, of: .sku(try SKU($0)), key: "k-1") }
        let refused = try ["A-1", "B-1"].map { try Sample.purchase(11, of: .sku(try SKU($0)), key: "k-2") }
        let movements = [try await store.move(commands[0]).movement, try await store.move(commands[1]).movement]
        let refusals = [
            await move(refused[0]).failure?.refusal?.refusal, await move(refused[1]).failure?.refusal?.refusal,
        ]
        let short = Refusal.insufficientStock(requested: 11, current: try StockLevel(onHand: 8, reserved: 0))
        #expect(refusals == [short, short])

        _ = try await store.archive(archived.id, expectedETags: nil)
        _ = try await store.revise(Revision(id: renamed.id, change: .merge(try Sample.change(sku: "C-1"))))
        let successors = [try await given("a-1", opening: 50), try await given("b-1", opening: 50)]

        for (command, movement) in zip(commands, movements) {
            let now = try await product(movement.productID)
            #expect(await move(command) == .success(StockOutcome(movement: movement, product: now, replayed: true)))
        }
        for command in refused { #expect(await move(command) == .failure(.refused(short, replayed: true))) }
        #expect(try await store.products(successors.map(\.id)) == successors)
        // A new key buys the successor.
        let sale = try await store.move(try Sample.purchase(2, of: .sku(try SKU("A-1")), key: "k-3"))
        #expect(sale.product.id == successors[0].id && !sale.replayed)
    }

    /// A store that fails it takes two requests without keys for one because they ask the same.
    package func unkeyedRequestsDiffer() async throws {
        let product = try await given("A-1", opening: 10)
        let outcomes = try await atOnce(5) { _ in try await store.move(try Sample.purchase(1, of: .id(product.id))) }
        #expect(outcomes.allSatisfy { !$0.replayed })
        #expect(Set(outcomes.map(\.movement.id)).count == 5)
        #expect(try await self.product(product.id).stock.onHand == 5)
    }
}
