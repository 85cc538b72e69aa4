import InventoryKit
import Testing

extension StoreContract {
    static let reopening = [
        Clause("What was told is still there when the store is opened again", onFixture: storeRemembers),
        Clause("A repetition is known after the store was opened again", onFixture: storeRemembersRequests),
    ]

    /// A store that fails it acknowledges what it has not written down.
    package static func storeRemembers(of fixture: any StoreFixture) async throws {
        let clock = TestClock()
        let seen = Seen()
        try await withStore(of: fixture, clock: clock) { contract in
            _ = try await contract.fillShelf()
            let product = try await contract.given("live", opening: 5)
            _ = try await contract.store.move(try Sample.purchase(of: .id(product.id)))
            await seen.set(try await contract.everything())
        }
        // The machine comes back with its clock set to another time.
        clock.advance(milliseconds: -3_600_000)
        try await withStore(of: fixture, clock: clock) { contract in
            let before = await seen.everything
            #expect(try await contract.everything() == before)
            let product = try #require(try await contract.product(sku: "LIVE"))
            let last = try #require(try await contract.ledger(of: product.id).last)
            let sale = try await contract.store.move(try Sample.purchase(of: .id(product.id))).movement
            #expect(sale.seq == 3 && sale.stock.onHand == 3 && sale.at >= last.at)
            #expect(
                await contract.create(try Sample.creation(try Sample.catalogue("Live"))).failure?.skuHolder?.id
                    == product.id)
        }
    }

    /// A store that fails it keeps keys in memory, and lets a client that retries over a restart buy twice.
    package static func storeRemembersRequests(of fixture: any StoreFixture) async throws {
        let creation = try Sample.creation(try Sample.catalogue("A-1"), opening: 5, key: "k-1")
        let row = try Sample.row("B-1", opening: 1, key: "k-2")
        let sale = try Sample.purchase(3, of: .sku(try SKU("A-1")), key: "k-3")
        let refused = try Sample.purchase(3, of: .id(creation.id), key: "k-4")
        let refusal = Refusal.insufficientStock(requested: 3, current: try StockLevel(onHand: 2, reserved: 0))
        try await withStore(of: fixture) { contract in
            _ = try await contract.store.create(creation)
            #expect(await contract.store.upsert([row]).first?.success?.status == .created)
            _ = try await contract.store.move(sale)
            #expect(await contract.move(refused) == .failure(.refused(refusal, replayed: false)))
            _ = try await contract.store.move(try Sample.adjust(10, of: .id(creation.id)))
        }
        try await withStore(of: fixture) { contract in
            let now = try await contract.product(creation.id)
            #expect(now.stock.onHand == 12 && now.stockVersion == 3)
            #expect(await contract.create(creation) == .success(Created(product: now, replayed: true)))
            #expect(await contract.store.upsert([row]).first?.success?.status == .created)
            #expect(await contract.move(refused) == .failure(.refused(refusal, replayed: true)))
            let again = try await contract.store.move(sale)
            #expect(again.replayed && again.product == now && again.movement.seq == 2)
            #expect(try await contract.everything().movements.count == 4)
        }
    }

    private func everything() async throws -> Everything {
        var query = ProductQuery(limit: Bounds.pageSize)
        query.filter.archived = .any
        return Everything(
            products: try await listing(query), movements: try await listing(MovementQuery(limit: Bounds.pageSize))
        )
    }
}

private struct Everything: Hashable, Sendable {
    var products: [Product] = []
    var movements: [Movement] = []
}

/// What a store held before it was closed.
private actor Seen {
    private(set) var everything = Everything()

    func set(_ everything: Everything) { self.everything = everything }
}
