import InventoryKit
import TestSupport
import Testing

extension StoreContract {
    static let moving = [
        Clause("A purchase takes units and leaves a sale", purchaseTakesUnits),
        Clause("An adjustment is a movement of its reason's kind", adjustmentHasItsKind),
        Clause("A count sets the stock, and is a movement even where it agrees", countSetsTheStock),
        Clause("A refusal tells the figures, and leaves nothing", refusalLeavesNothing),
        Clause("The store decides as the model does", storeAgreesWithTheModel),
    ]

    /// A store that fails it changes the stock without telling the ledger, or the catalogue with the stock.
    package func purchaseTakesUnits() async throws {
        let before = try await given("A-1", opening: 5)
        try await clock.pass()
        let command = try Sample.purchase(
            2, of: .sku(try SKU("a-1")), at: before.catalogue.price, reference: "order 7", actor: "shop"
        )
        let outcome = try await store.move(command)

        let stock = try StockLevel(onHand: 3, reserved: 0)
        #expect(!outcome.replayed)
        #expect(outcome.movement.at > before.createdAt)
        #expect(
            outcome.movement
                == Movement(
                    id: command.origin.id, productID: before.id, sku: before.catalogue.sku, seq: 2, kind: .sale,
                    delta: -2,
                    stock: stock, unitPrice: before.catalogue.price, reference: try Reference("order 7"), actor: "shop",
                    requestID: command.origin.requestID, at: outcome.movement.at
                )
        )
        #expect(
            outcome.product
                == Product(
                    id: before.id, catalogue: before.catalogue, stock: stock, version: 1, stockVersion: 2,
                    createdAt: before.createdAt, updatedAt: before.updatedAt
                )
        )
        #expect(try await store.product(.id(before.id)) == outcome.product)
        #expect(try await ledger(of: before.id).last == outcome.movement)
    }

    /// A store that fails it cannot tell deliveries from damage.
    package func adjustmentHasItsKind() async throws {
        let product = try await given("A-1", opening: 100)
        let kinds: [StockReason: Movement.Kind] = [
            .receive: .receive, .return: .return, .damaged: .adjust, .lost: .adjust, .stocktake: .adjust,
            .correction: .adjust,
        ]
        var onHand: Int64 = 100
        for (number, reason) in StockReason.allCases.enumerated() {
            let delta = Int64(number * 2 - 5)
            onHand += delta
            let movement = try await store.move(try Sample.adjust(delta, of: .id(product.id), reason: reason)).movement
            #expect(movement.kind == kinds[reason] && movement.reason == reason && movement.delta == delta)
            #expect(movement.stock.onHand == onHand && movement.unitPrice == nil && movement.seq == Int64(number) + 2)
            #expect(try await store.movement(movement.id) == movement)
        }
        #expect(try await self.product(product.id).stock.onHand == onHand)
    }

    /// A store that fails it forgets that somebody counted.
    package func countSetsTheStock() async throws {
        let product = try await given("A-1", opening: 40)
        for (seq, counted, before) in [(2, 37, 40), (3, 37, 37), (4, 0, 37), (5, 9, 0)] as [(Int64, Int64, Int64)] {
            let outcome = try await store.move(try Sample.count(counted, expecting: before, of: .id(product.id)))
            #expect(outcome.movement.kind == .count && outcome.movement.seq == seq)
            #expect(outcome.movement.delta == counted - before && outcome.movement.stock.onHand == counted)
            #expect(outcome.product.stock.onHand == counted && outcome.product.stockVersion == seq)
            #expect(try await ledger(of: product.id).last == outcome.movement)
        }
    }

    /// A store that fails it sells what it has not, at another price than was shown, or leaves traces of what it
    /// refused.
    package func refusalLeavesNothing() async throws {
        let product = try await given("A-1", opening: 5, most: 6)
        let full = try await given("B-1", opening: Bounds.exactInteger)
        let target = ProductReference.id(product.id)
        let (stock, price) = (product.stock, product.catalogue.price)
        let (other, foreign) = (try Sample.money(254), try Sample.money(255, "EUR"))
        let refusals: [(StockCommand, Refusal)] = [
            (try Sample.purchase(6, of: target), .insufficientStock(requested: 6, current: stock)),
            (try Sample.purchase(7, of: target), .overMaxPerOrder(requested: 7, maxPerOrder: 6)),
            (try Sample.purchase(1, of: target, at: other), .priceChanged(expected: other, current: price)),
            (try Sample.purchase(1, of: target, at: foreign), .priceChanged(expected: foreign, current: price)),
            (try Sample.adjust(-6, of: target), .insufficientStock(requested: 6, current: stock)),
            (try Sample.adjust(-Bounds.delta, of: target), .insufficientStock(requested: Bounds.delta, current: stock)),
            (try Sample.count(5, expecting: 4, of: target), .stockChanged(expected: 4, current: stock)),
            (try Sample.adjust(1, of: .id(full.id)), .stockLimit(delta: 1, current: full.stock)),
            (
                try Sample.adjust(Bounds.delta, of: .id(full.id)),
                .stockLimit(delta: Bounds.delta, current: full.stock)
            ),
        ]
        for (command, refusal) in refusals {
            #expect(await move(command) == .failure(.refused(refusal, replayed: false)))
            #expect(try await store.movement(command.origin.id) == nil)
        }
        #expect(try await store.products([product.id, full.id]) == [product, full])
        #expect(try await listing(MovementQuery()).count == 2)
    }

    /// A store that fails it decides in its database's language otherwise than ``StockCommand/decide(on:lastMovementAt:now:)``.
    package func storeAgreesWithTheModel() async throws {
        var numbers = SeededRandom(seed: 7)
        var product = try await given("A-1", opening: 10, most: 5)
        var last = try await ledger(of: product.id).last?.at
        for number in 0..<250 {
            clock.advance(milliseconds: Int64.random(in: -2...5, using: &numbers))
            // With a key a refusal is written down too, so that its words are the store's own.
            let key = Bool.random(using: &numbers) ? "\(number)" : nil
            let command = try Self.randomCommand(on: product, using: &numbers, key: key)
            switch await move(command) {
            case .success(let outcome):
                let now = outcome.movement.at
                #expect(try command.decide(on: product, lastMovementAt: last, now: now) == outcome.movement)
                var expected = product
                expected.stock = outcome.movement.stock
                expected.stockVersion += 1
                #expect(outcome.product == expected && !outcome.replayed)
                (product, last) = (outcome.product, now)
            case .failure(let error):
                #expect(throws: error) { try command.decide(on: product, lastMovementAt: last, now: TestClock.start) }
            }
            try #require(try await store.product(.id(product.id)) == product)
        }
    }

    /// Commands about as often refused as not, and often at the very limit.
    static func randomCommand(
        on product: Product, using numbers: inout SeededRandom, key: String? = nil
    ) throws -> StockCommand {
        let onHand = product.stock.onHand
        let target: ProductReference =
            Bool.random(using: &numbers) ? .id(product.id) : .sku(product.catalogue.sku)
        switch Int.random(in: 0..<10, using: &numbers) {
        case 0...4:
            let quantity = max(1, Int64.random(in: onHand - 3...onHand + 1, using: &numbers))
            let price = [nil, nil, product.catalogue.price, try Sample.money(1)].randomElement(using: &numbers)
            return try Sample.purchase(
                min(quantity, Int64.random(in: 1...14, using: &numbers)), of: target, at: price ?? nil, key: key)
        case 5...7:
            let delta = Int64.random(in: -onHand - 1...8, using: &numbers)
            let reason = StockReason.allCases.randomElement(using: &numbers) ?? .correction
            return try Sample.adjust(delta == 0 ? 1 : delta, of: target, reason: reason, key: key)
        default:
            let expected = onHand + Int64.random(in: 0...1, using: &numbers)
            return try Sample.count(
                Int64.random(in: 0...15, using: &numbers), expecting: expected, of: target, key: key)
        }
    }
}
