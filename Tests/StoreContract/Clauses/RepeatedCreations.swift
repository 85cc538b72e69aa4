import InventoryKit
import Testing

extension StoreContract {
    static let repeatedCreations = [
        Clause("A repeated creation happened once, and tells the product as it is now", creationIsRepeated),
        Clause("A creation's key with other content is a mismatch", creationKeyDoesNotFitAnother),
        Clause("A creation with a key that was refused stays refused", refusedCreationIsFinal),
        Clause("Of 50 identical creations at once, one happens and all are told of it", identicalCreationsAreOne),
        Clause("A repeated creation does not mind who has its SKU now", repeatedCreationOutlivesItsSKU),
    ]

    /// A store that fails it tells a client whose connection broke that the SKU is taken: by its own product.
    package func creationIsRepeated() async throws {
        for opening: Int64 in [0, 5] {
            let catalogue = try Sample.catalogue("A-\(opening)")
            func creation() throws -> Creation { try Sample.creation(catalogue, opening: opening, key: "k-\(opening)") }
            let first = try await store.create(try creation())
            #expect(!first.replayed)
            #expect(try await store.create(try creation()) == Created(product: first.product, replayed: true))

            _ = try await store.move(try Sample.adjust(4, of: .id(first.product.id)))
            let change = try Sample.change(name: "New")
            let now = try await store.revise(Revision(id: first.product.id, change: .merge(change)))
            #expect(await create(try creation()) == .success(Created(product: now, replayed: true)))
            #expect(try await store.product(.id(now.id)) == now)
            #expect(try await ledger(of: now.id).count == (opening == 0 ? 1 : 2))
        }
        #expect(try await listing(ProductQuery()).count == 2)
    }

    /// A store that fails it answers one creation with the product of another.
    package func creationKeyDoesNotFitAnother() async throws {
        let catalogue = try Sample.catalogue("A-1")
        let empty = try Sample.catalogue("B-1")
        let products = [
            try await store.create(try Sample.creation(catalogue, opening: 5, key: "k-1")).product,
            try await store.create(try Sample.creation(empty, opening: 0, key: "k-2")).product,
        ]
        for other in [
            try Sample.creation(catalogue, opening: 6, key: "k-1"),
            try Sample.creation(try Sample.catalogue("A-1", name: "Another"), opening: 5, key: "k-1"),
            try Sample.creation(try Sample.catalogue("C-1"), opening: 5, key: "k-1"),
            try Sample.creation(empty, opening: 1, key: "k-2"),
            try Sample.creation(try Sample.catalogue("C-1"), key: "k-2"),
        ] {
            #expect(await create(other) == .failure(.idempotencyMismatch))
        }
        #expect(try await store.products(products.map(\.id)) == products)
        #expect(try await product(sku: "C-1") == nil)
        #expect(try await listing(MovementQuery()).count == 1)
    }

    /// A store that fails it creates a product after it has told that it did not.
    package func refusedCreationIsFinal() async throws {
        let holder = try await given("A-1")
        let creation = try Sample.creation(try Sample.catalogue("a-1"), opening: 5, key: "k-1")
        let first = try #require(await create(creation).failure?.refusal)
        #expect(!first.replayed)
        _ = try await store.archive(holder.id, expectedETags: nil)

        #expect(await create(creation) == .failure(.refused(first.refusal, replayed: true)))
        guard case .skuTaken(_, by: holder.id) = first.refusal else {
            Issue.record("the refusal has to name the holder, but was \(first.refusal)")
            return
        }
        let other = try Sample.creation(try Sample.catalogue("a-1"), opening: 6, key: "k-1")
        #expect(await create(other) == .failure(.idempotencyMismatch))
        #expect(try await store.product(.id(creation.id)) == nil)
        #expect(try await listing(MovementQuery()) == [])
        // A new attempt takes a new key.
        let again = try Sample.creation(try Sample.catalogue("a-1"), opening: 5, key: "k-2")
        #expect(try await store.create(again).product.id == again.id)
    }

    /// A store that fails it refuses a client what the same client has just got, or opens the stock twice.
    package func identicalCreationsAreOne() async throws {
        let creation = try Sample.creation(try Sample.catalogue("A-1"), opening: 5, key: "k-1")
        let outcomes = try await atOnce(50) { _ in try await store.create(creation) }
        #expect(outcomes.filter { !$0.replayed }.count == 1)
        #expect(Set(outcomes.map(\.product)).count == 1)
        #expect(try await store.product(.id(creation.id)) == outcomes[0].product)
        #expect(try await ledger(of: creation.id).count == 1)
    }

    /// A store that fails it looks at the SKU before it looks at the key.
    package func repeatedCreationOutlivesItsSKU() async throws {
        let archiving = try Sample.creation(try Sample.catalogue("A-1"), opening: 5, key: "k-1")
        let renaming = try Sample.creation(try Sample.catalogue("B-1"), key: "k-2")
        _ = try await store.create(archiving)
        _ = try await store.create(renaming)
        let archived = try await store.archive(archiving.id, expectedETags: nil)
        let change = try Sample.change(sku: "C-1")
        let renamed = try await store.revise(Revision(id: renaming.id, change: .merge(change)))

        // First with the SKUs free, then with other products that have them.
        for round in 0..<2 {
            #expect(await create(archiving) == .success(Created(product: archived, replayed: true)))
            #expect(await create(renaming) == .success(Created(product: renamed, replayed: true)))
            if round == 0 {
                _ = try await given("a-1")
                _ = try await given("b-1")
            }
        }
        var everything = ProductQuery()
        everything.filter.archived = .any
        #expect(try await listing(everything).count == 4)
    }
}
