import InventoryKit
import Testing

extension StoreContract {
    static let archiving = [
        Clause("Archiving takes a product out of sale and changes nothing else of it", archivingEndsSale),
        Clause("Archiving a second time changes nothing", archivingTwiceIsOnce),
        Clause("What is archived does not change any more", archivedDoesNotChange),
        Clause("An archived product's SKU is free for a new one", archivingFreesTheSKU),
    ]

    /// A store that fails it still sells, shows or renumbers what has been archived, or shows a cache the same
    /// validator for the product on sale and the archived one.
    package func archivingEndsSale() async throws {
        let before = try await given("A-1", opening: 5)
        let other = try await given("B-1")
        try await clock.pass()
        let archived = try await store.archive(before.id, expectedETags: nil)

        let archivedAt = try #require(archived.archivedAt)
        #expect(archivedAt > before.createdAt)
        #expect(archived.etag != before.etag, "the document has changed, so its strong validator has to")
        #expect(archived.stockVersion == before.stockVersion)
        #expect(
            archived
                == Product(
                    id: before.id, catalogue: before.catalogue, stock: before.stock, version: archived.version,
                    stockVersion: 1, createdAt: before.createdAt, updatedAt: archived.updatedAt, archivedAt: archivedAt
                )
        )
        #expect(try await store.product(.id(before.id)) == archived)
        #expect(try await listing(ProductQuery()) == [other])
        #expect(try await ledger(of: before.id).count == 1)
    }

    /// A store that fails it moves the time of archiving, or fails a client that only sends its request again.
    package func archivingTwiceIsOnce() async throws {
        let product = try await given("A-1", opening: 5)
        let archived = try await store.archive(product.id, expectedETags: nil)
        try await clock.pass()
        #expect(await archive(product.id) == .success(archived))
        #expect(await archive(product.id, expectedETags: [archived.etag]) == .success(archived))
        #expect(try await store.product(.id(product.id)) == archived)
    }

    /// A store that fails it sells what is no longer sold.
    package func archivedDoesNotChange() async throws {
        let product = try await given("A-1", opening: 5)
        let archived = try await store.archive(product.id, expectedETags: nil)
        let refusal = InventoryError.archived(product.id, at: try #require(archived.archivedAt))

        for command in [
            try Sample.purchase(of: .id(product.id)),
            try Sample.purchase(of: .id(product.id), key: "k-1"),
            try Sample.adjust(4, of: .id(product.id)),
            try Sample.count(5, expecting: 5, of: .id(product.id)),
        ] {
            #expect(await move(command) == .failure(refusal))
            #expect(try await store.movement(command.origin.id) == nil)
        }
        for change in [Revision.Change.merge(try Sample.change(name: "New")), .replace(product.catalogue)] {
            #expect(await revise(Revision(id: product.id, change: change)) == .failure(refusal))
        }
        #expect(await move(try Sample.purchase(of: .sku(product.catalogue.sku))).failure?.isNotFound == true)
        #expect(try await store.product(.id(product.id)) == archived)
        #expect(try await ledger(of: product.id).count == 1)
    }

    /// A store that fails it revives the old product, mixes the two ledgers, or never gives the SKU back.
    package func archivingFreesTheSKU() async throws {
        let first = try await given("A-1", opening: 5)
        let archived = try await store.archive(first.id, expectedETags: nil)
        let second = try await given("a-1", opening: 8)
        #expect(second.id != first.id && second.version == 1)
        #expect(try await product(sku: "A-1") == second)
        let sale = try await store.move(try Sample.purchase(of: .sku(try SKU("A-1"))))
        #expect(sale.product.id == second.id && sale.movement.seq == 2 && sale.movement.stock.onHand == 7)
        #expect(try await store.product(.id(first.id)) == archived)

        // And once more: any number of archived products may have had the same SKU.
        _ = try await store.archive(second.id, expectedETags: nil)
        let third = try await given("A-1")
        #expect(try await product(sku: "A-1") == third)
        var query = ProductQuery(sort: ProductSort(.sku))
        query.filter.archived = .true
        #expect(Set(try await listing(query).map(\.id)) == [first.id, second.id])
    }
}
