import InventoryKit
import Testing

extension StoreContract {
    static let repeatedRefusals = [
        Clause("A refusal with a key is final, whatever has changed since", refusalIsFinal),
        Clause("A refusal without a key is forgotten", unkeyedRefusalIsForgotten),
        Clause("Of 50 identical requests that are refused at once, all are told the same", identicalRefusalsAreOne),
    ]

    /// A store that fails it sells to somebody who was told that there is nothing, and has gone elsewhere.
    package func refusalIsFinal() async throws {
        let product = try await given("A-1", opening: 5, most: 50)
        let full = try await given("B-1", opening: Bounds.exactInteger)
        let target = ProductReference.id(product.id)
        let commands = [
            try Sample.purchase(6, of: target, key: "short"),
            try Sample.purchase(51, of: target, key: "over"),
            try Sample.purchase(1, of: target, at: try Sample.money(300), key: "price"),
            try Sample.adjust(-6, of: .sku(product.catalogue.sku), key: "adjust"),
            try Sample.count(9, expecting: 100, of: target, key: "count"),
            try Sample.adjust(1, of: .id(full.id), key: "limit"),
        ]
        var refusals: [Refusal] = []
        for command in commands {
            let told = try #require(await move(command).failure?.refusal)
            #expect(!told.replayed)
            refusals.append(told.refusal)
        }
        #expect(refusals[0] == .insufficientStock(requested: 6, current: product.stock))
        #expect(refusals[5] == .stockLimit(delta: 1, current: full.stock))

        // Now each of them would be possible.
        _ = try await store.move(try Sample.adjust(95, of: target, reason: .receive))
        _ = try await store.move(try Sample.adjust(-100, of: .id(full.id)))
        var change = try Sample.change(amount: 300)
        change.maxPerOrder = .some(nil)
        _ = try await store.revise(Revision(id: product.id, change: .merge(change)))
        let now = try await store.products([product.id, full.id])

        for _ in 0..<2 {
            for (command, refusal) in zip(commands, refusals) {
                #expect(await move(command) == .failure(.refused(refusal, replayed: true)))
                #expect(try await store.movement(command.origin.id) == nil)
            }
        }
        #expect(try await store.products([product.id, full.id]) == now)
        // A new attempt takes a new key.
        #expect(try await store.move(try Sample.purchase(6, of: target, key: "again")).movement.stock.onHand == 94)
    }

    /// A store that fails it keeps every failed attempt for ever, or answers a new request with an old refusal.
    package func unkeyedRefusalIsForgotten() async throws {
        let product = try await given("A-1", opening: 0)
        let command = try Sample.purchase(of: .id(product.id))
        let refusal = InventoryError.refused(.insufficientStock(requested: 1, current: .empty), replayed: false)
        #expect(await move(command) == .failure(refusal))
        #expect(await move(command) == .failure(refusal))
        #expect(try await store.product(.id(product.id)) == product)
        _ = try await store.move(try Sample.adjust(1, of: .id(product.id)))
        let outcome = try await store.move(command)
        #expect(!outcome.replayed && outcome.movement.seq == 2)
    }

    /// A store that fails it decides a request twice when it comes twice at once.
    package func identicalRefusalsAreOne() async throws {
        let product = try await given("A-1", opening: 1)
        let command = try Sample.purchase(2, of: .id(product.id), key: "k-1")
        // Restocked in the middle of it: it is either sold to all or to nobody.
        let outcomes = try await atOnce(51) { number in
            if number == 25 {
                _ = try await store.move(try Sample.adjust(10, of: .id(product.id)))
                return Outcome<StockOutcome>.failure(.notFound(""))
            }
            return await move(command)
        }.filter { $0.failure?.isNotFound != true }
        #expect(outcomes.count == 50)

        let sold = outcomes.compactMap(\.success)
        let refused = outcomes.compactMap { $0.failure?.refusal }
        #expect(sold.count == 50 || refused.count == 50)
        #expect(Set(sold.map(\.movement)).count + Set(refused.map(\.refusal)).count == 1)
        #expect(sold.filter { !$0.replayed }.count + refused.filter { !$0.replayed }.count == 1)
        #expect(try await self.product(product.id).stock.onHand == (sold.isEmpty ? 11 : 9))
    }
}
