import InventoryKit
import Testing

extension StoreContract {
    static let upserting = [
        Clause("A row creates, changes or leaves a product, and says which", rowSaysWhatItDid),
        Clause("A row keeps the stock of a product that exists", rowKeepsTheStock),
        Clause("A row changes the fields it names and no others", rowChangesSomeFields),
        Clause("A row that fails keeps no other from happening", failingRowStandsAlone),
        Clause("Rows happen in their order", rowsHappenInOrder),
        Clause("A row for an archived product's SKU creates a new one", rowCreatesTheSuccessor),
        Clause("500 rows are one call", manyRowsAreOneCall),
    ]

    /// A store that fails it moves versions and times where nothing has changed, so every nightly load empties every
    /// cache; or it hides what a load has done.
    package func rowSaysWhatItDid() async throws {
        let row = try Sample.row("A-1", name: "First", amount: 100, threshold: 3, opening: 7)
        let created = try #require(await store.upsert([row]).first?.success)
        #expect(created.status == .created && !created.keptStock)
        #expect(
            created.product
                == Product(
                    id: row.id, catalogue: try Sample.catalogue("A-1", name: "First", price: 100, threshold: 3),
                    stock: try StockLevel(onHand: 7, reserved: 0), version: 1, stockVersion: 1,
                    createdAt: created.product.createdAt, updatedAt: created.product.createdAt
                )
        )
        let opening = try #require(try await store.movement(row.origin.id))
        #expect(opening.kind == .opening && opening.delta == 7 && opening.productID == row.id)
        #expect(try await ledger(of: row.id) == [opening])

        try await clock.pass()
        let same = await store.upsert([try Sample.row("A-1", name: "First", amount: 100, threshold: 3)])
        #expect(same == [.success(Upserted(status: .unchanged, product: created.product, keptStock: false))])

        let updated = try #require(
            await store.upsert([try Sample.row("A-1", name: "Second", amount: nil)]).first?.success)
        #expect(updated.status == .updated && updated.product.updatedAt > created.product.updatedAt)
        #expect(
            updated.product
                == Product(
                    id: row.id, catalogue: try Sample.catalogue("A-1", name: "Second", price: 100, threshold: 3),
                    stock: created.product.stock, version: 2, stockVersion: 1, createdAt: created.product.createdAt,
                    updatedAt: updated.product.updatedAt
                )
        )
        #expect(try await store.product(.id(row.id)) == updated.product)
        #expect(await store.upsert([]) == [])
    }

    /// A store that fails it sells again what has been sold since a spreadsheet was written.
    package func rowKeepsTheStock() async throws {
        let before = try await given("A-1", opening: 5)
        let rows = [
            try Sample.row("A-1", opening: 99), try Sample.row("A-1", name: "New", opening: 5),
            try Sample.row("A-1", name: "Newer", opening: 0), try Sample.row("A-1", name: "Newest"),
        ]
        let results = await store.upsert(rows).compactMap(\.success)
        #expect(results.map(\.status) == [.unchanged, .updated, .updated, .updated])
        #expect(results.map(\.keptStock) == [true, true, true, false])
        #expect(results.allSatisfy { $0.product.stock == before.stock && $0.product.stockVersion == 1 })
        #expect(try await product(before.id).stock == before.stock)
        #expect(try await ledger(of: before.id).count == 1)
        for row in rows { #expect(try await store.movement(row.origin.id) == nil) }
    }

    /// A store that fails it clears what a file with few columns does not have, or takes a spelling for a product.
    package func rowChangesSomeFields() async throws {
        let catalogue = try Sample.catalogue(
            "ab-1", description: "Kept", price: 100, threshold: 5, most: 2, attributes: ["a": "1", "b": "2"]
        )
        let before = try await store.create(try Sample.creation(catalogue, opening: 1)).product
        let row = try Sample.row(
            "AB-1", name: nil, amount: 200, currency: nil, attributes: .merge(["a": nil, "c": "3"])
        )
        let after = try #require(await store.upsert([row]).first?.success)
        #expect(after.status == .updated && after.product.id == before.id && after.product.version == 2)
        #expect(
            after.product.catalogue
                == (try Sample.catalogue(
                    "AB-1", description: "Kept", price: 200, threshold: 5, most: 2, attributes: ["b": "2", "c": "3"]
                ))
        )
        #expect(try await listing(ProductQuery()) == [after.product])
    }

    /// A store that fails it throws a file of 500 lines away for one misspelt one, or does not say what is missing.
    package func failingRowStandsAlone() async throws {
        let most = Dictionary(uniqueKeysWithValues: (0..<Bounds.attributeCount).map { ("a\($0)", "") })
        let full = try await store.create(try Sample.creation(try Sample.catalogue("Full", attributes: most))).product
        let rows = [
            try Sample.row("A-1", opening: 1),
            try Sample.row("A-2", name: nil, opening: 1),
            try Sample.row("A-3", name: nil, amount: nil, currency: nil, opening: 1),
            try Sample.row("full", name: "New", attributes: .merge(["one more": ""])),
            try Sample.row("A-1", name: "New"),
            try Sample.row("A-4", opening: 1),
        ]
        let results = await store.upsert(rows)
        #expect(results.map(\.success?.status) == [.created, nil, nil, nil, .updated, .created])
        let pointers = results.map { result -> [String]? in
            if case .invalid(let faults)? = result.failure { faults.map(\.pointer) } else { nil }
        }
        #expect(
            pointers == [nil, ["/name"], ["/name", "/price/amount", "/price/currency"], ["/attributes"], nil, nil])

        #expect(try await store.product(.id(full.id)) == full)
        for failed in rows[1...3] {
            #expect(try await store.product(.id(failed.id)) == nil)
            #expect(try await store.movement(failed.origin.id) == nil)
        }
        #expect(try await product(sku: "A-2") == nil)
        let skus = try await listing(ProductQuery(sort: ProductSort(.sku))).map(\.catalogue.sku.text)
        #expect(skus == ["A-1", "A-4", "Full"])
    }

    /// A store that fails it lets an earlier line of a file win over a later one.
    package func rowsHappenInOrder() async throws {
        let rows = [
            try Sample.row("A-1", name: "First", opening: 1), try Sample.row("B-1", name: "Other"),
            try Sample.row("a-1", name: "Second", opening: 2), try Sample.row("A-1", name: "Third", amount: 9),
        ]
        let results = await store.upsert(rows).compactMap(\.success)
        #expect(results.map(\.status) == [.created, .created, .updated, .updated])
        #expect(results.map(\.product.catalogue.name.text) == ["First", "Other", "Second", "Third"])
        #expect(results.map(\.product.version) == [1, 1, 2, 3])
        let product = try #require(try await product(sku: "A-1"))
        #expect(product == results[3].product && product.id == rows[0].id && product.stock.onHand == 1)
        #expect(product.catalogue == (try Sample.catalogue("A-1", name: "Third", price: 9)))
    }

    /// A store that fails it changes what is archived, or cannot load its SKU any more.
    package func rowCreatesTheSuccessor() async throws {
        let product = try await given("A-1", opening: 5)
        let archived = try await store.archive(product.id, expectedETags: nil)
        let row = try Sample.row("a-1", opening: 3)
        let created = try #require(await store.upsert([row]).first?.success)
        #expect(created.status == .created && created.product.id == row.id && created.product.stock.onHand == 3)
        #expect(try await store.product(.id(product.id)) == archived)
        #expect(try await self.product(sku: "A-1") == created.product)
    }

    /// A store that fails it has a limit on statements, parameters or batches below what the service sends.
    package func manyRowsAreOneCall() async throws {
        let rows = try (0..<500).map { try Sample.row("A-\($0)", name: "Number \($0)", opening: Int64($0)) }
        let results = await store.upsert(rows)
        try #require(results.count == 500)
        for (number, result) in results.enumerated() {
            let created = try #require(result.success)
            #expect(created.status == .created && created.product.id == rows[number].id)
            #expect(created.product.catalogue.sku == rows[number].sku && created.product.stock.onHand == Int64(number))
        }
        let again = await store.upsert(
            try (0..<500).reversed().map { try Sample.row("A-\($0)", name: "Number \($0 / 2 * 2)") })
        #expect(again.compactMap(\.success).filter { $0.status == .updated }.count == 250)
        #expect(again.compactMap(\.success).filter { $0.status == .unchanged }.count == 250)
        let found = try await listing(ProductQuery(limit: Bounds.pageSize))
        #expect(Set(found.map(\.id)) == Set(rows.map(\.id)) && found.count == 500)
        #expect(try await listing(MovementQuery(limit: Bounds.pageSize)).count == 499)
    }
}
