import InventoryKit
import TestSupport
import Testing

extension StoreContract {
    static let reading = [
        Clause("What is not there is nothing, and no error", unknownIsNothing),
        Clause("Many products are read in the order asked for", manyAreReadInOrder),
        Clause("An archived product is read by id, and not by SKU", archivedIsReadByID),
        Clause("Every movement is found by its id", movementIsFoundByID),
        Clause("An open store says that it is ready", openStoreIsReady),
    ]

    /// A store that fails it answers a mistyped id with an internal error, or with some other product.
    package func unknownIsNothing() async throws {
        let product = try await given("A-1", opening: 1)
        let unknown = ProductID(at: TestClock.start)
        #expect(try await store.product(.id(unknown)) == nil)
        for sku in ["A-2", "A", "A-1 1", "%", "_-1", "a-1' OR 'a'='a"] {
            #expect(try await self.product(sku: sku) == nil)
            #expect(await move(try Sample.purchase(of: .sku(try SKU(sku)))).failure?.isNotFound == true)
        }
        #expect(try await store.movement(OperationID(at: TestClock.start)) == nil)
        #expect(try await store.stock(of: unknown, at: TestClock.start) == nil)
        #expect(try await listing(MovementQuery(product: unknown)) == [])

        #expect(await move(try Sample.purchase(of: .id(unknown))).failure?.isNotFound == true)
        let revision = Revision(id: unknown, change: .merge(try Sample.change(name: "New")))
        #expect(await revise(revision).failure?.isNotFound == true)
        #expect(await archive(unknown).failure?.isNotFound == true)
        #expect(try await listing(ProductQuery()) == [product])
    }

    /// A store that fails it returns the rows in the order of its index, or fails all for one that is missing.
    package func manyAreReadInOrder() async throws {
        var products: [Product] = []
        for number in 0..<Bounds.idsPerRead { products.append(try await given("A-\(number)", opening: Int64(number))) }
        products[3] = try await store.archive(products[3].id, expectedETags: nil)

        var numbers = SeededRandom(seed: 1)
        let asked = products.shuffled(using: &numbers)
        #expect(try await store.products(asked.map(\.id)) == asked)
        let missing = (0..<3).map { _ in ProductID(at: TestClock.start) }
        let some = [missing[0], asked[5].id, missing[1], asked[2].id, asked[9].id, missing[2]]
        #expect(try await store.products(some) == [asked[5], asked[2], asked[9]])
        #expect(try await store.products(missing) == [])
        #expect(try await store.products([]) == [])
    }

    /// A store that fails it loses the history of what is no longer sold, or keeps its SKU from being used again.
    package func archivedIsReadByID() async throws {
        let product = try await given("A-1", opening: 4)
        let archived = try await store.archive(product.id, expectedETags: nil)
        #expect(archived.isArchived)
        #expect(try await store.product(.id(product.id)) == archived)
        #expect(try await store.products([product.id]) == [archived])
        #expect(try await self.product(sku: "A-1") == nil)
        #expect(try await ledger(of: product.id).map(\.kind) == [.opening])
        #expect(try await store.stock(of: product.id, at: TestClock.start.later) != nil)
    }

    /// A store that fails it cannot answer `GET /v1/purchases/{id}`, and does not know a request that comes again.
    package func movementIsFoundByID() async throws {
        let product = try await given("A-1", opening: 10)
        for command in [
            try Sample.purchase(2, of: .id(product.id), reference: "order 7"),
            try Sample.adjust(-1, of: .id(product.id), reason: .damaged, key: "k-1"),
            try Sample.count(7, expecting: 7, of: .sku(product.catalogue.sku)),
        ] {
            let movement = try await store.move(command).movement
            #expect(movement.id == command.origin.id)
            #expect(try await store.movement(command.origin.id) == movement)
            #expect(try await ledger(of: product.id).last == movement)
        }
    }

    /// A store that fails it keeps a balancer from sending anybody.
    package func openStoreIsReady() async throws {
        try await store.checkReadiness()
        _ = try await given("A-1")
        try await store.checkReadiness()
    }
}

extension Timestamp {
    /// Long after anything that a clause does, whatever clock the store goes by.
    var later: Timestamp { Timestamp(milliseconds: 4_102_444_800_000) }

    func plus(milliseconds: Int64) -> Timestamp { Timestamp(milliseconds: self.milliseconds + milliseconds) }
}
