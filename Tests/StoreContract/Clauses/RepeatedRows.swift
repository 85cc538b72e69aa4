import InventoryKit
import Testing

extension StoreContract {
    static let repeatedRows = [
        Clause("A repeated row that created has created", creatingRowIsRepeated),
        Clause("A repeated row that updated does not undo what came after it", updatingRowIsRepeated),
        Clause("A repeated row that left all as it was does so again", idleRowIsRepeated),
        Clause("A load that broke off is sent again as a whole", loadIsRepeated),
        Clause("A row's key with other content is a mismatch, and the other rows happen", rowKeyDoesNotFitAnother),
    ]

    /// A store that fails it tells a client that its own product was there already, or fills its stock twice, or does
    /// not tell what was done before from what is done now.
    package func creatingRowIsRepeated() async throws {
        for opening: Int64? in [nil, 0, 5] {
            let sku = "A-\(opening ?? -1)"
            func row() throws -> UpsertRow { try Sample.row(sku, opening: opening, key: sku) }
            let first = try #require(await store.upsert([try row()]).first?.success)
            #expect(first.status == .created && !first.replayed)
            _ = try await store.move(try Sample.adjust(4, of: .id(first.product.id)))
            let change = try Sample.change(name: "New")
            var now = try await store.revise(Revision(id: first.product.id, change: .merge(change)))
            #expect(
                await store.upsert([try row()]) == [
                    .success(Upserted(status: .created, product: now, keptStock: false, replayed: true))
                ])
            #expect(try await store.product(.id(now.id)) == now)

            // Nor does it create another when its product is gone.
            now = try await store.archive(now.id, expectedETags: nil)
            #expect(
                await store.upsert([try row()]) == [
                    .success(Upserted(status: .created, product: now, keptStock: false, replayed: true))
                ])
            #expect(try await product(sku: sku) == nil)
            #expect(try await ledger(of: now.id).count == (opening == 5 ? 2 : 1))
        }
    }

    /// A store that fails it puts yesterday's price back when a load is sent again.
    package func updatingRowIsRepeated() async throws {
        let product = try await given("A-1", opening: 5)
        let row = try Sample.row("A-1", name: "Loaded", amount: 100, opening: 7, key: "k-1")
        let first = try #require(await store.upsert([row]).first?.success)
        #expect(first.status == .updated && first.keptStock && !first.replayed)
        let change = try Sample.change(name: "Edited", amount: 200)
        let now = try await store.revise(Revision(id: product.id, change: .merge(change)))
        for _ in 0..<2 {
            let again = await store.upsert([row])
            #expect(again == [.success(Upserted(status: .updated, product: now, keptStock: true, replayed: true))])
        }
        #expect(try await store.product(.id(product.id)) == now)
    }

    /// A store that fails it remembers only the rows that did something: the others do it when they are sent again.
    package func idleRowIsRepeated() async throws {
        let product = try await given("A-1", opening: 5)
        let row = try Sample.row("A-1", key: "k-1")
        #expect(await store.upsert([row]).first?.success?.status == .unchanged)
        let change = try Sample.change(name: "Edited", amount: 200)
        let now = try await store.revise(Revision(id: product.id, change: .merge(change)))
        #expect(
            await store.upsert([row]) == [
                .success(Upserted(status: .unchanged, product: now, keptStock: false, replayed: true))
            ])
        #expect(try await store.product(.id(product.id)) == now)
    }

    /// A store that fails it has loads that cannot be resumed, or takes lines of one file for each other.
    package func loadIsRepeated() async throws {
        func rows(_ count: Int) throws -> [UpsertRow] {
            try (0..<count).map {
                try Sample.row("A-\($0 % 20)", name: "Line \($0)", opening: 2, line: $0 + 1, key: "load")
            }
        }
        let first = await store.upsert(try rows(25)).compactMap(\.success)
        #expect(first.map(\.status) == Array(repeating: .created, count: 20) + Array(repeating: .updated, count: 5))
        let second = await store.upsert(try rows(30)).compactMap(\.success)
        #expect(second.map(\.status) == first.map(\.status) + Array(repeating: .updated, count: 5))
        #expect(first.allSatisfy { !$0.replayed })
        #expect(second.map(\.replayed) == (0..<30).map { $0 < 25 })
        let products = try await listing(ProductQuery())
        #expect(products.count == 20)
        for product in products {
            // Ten lines named a product once more.
            let number = try #require(Int(product.catalogue.sku.text.dropFirst(2)))
            #expect(product.version == (number < 10 ? 2 : 1) && product.stock.onHand == 2 && product.stockVersion == 1)
        }
        #expect(try await product(sku: "A-3")?.catalogue.name.text == "Line 23")
    }

    /// A store that fails it answers a row with the outcome of another one.
    package func rowKeyDoesNotFitAnother() async throws {
        let existing = try await given("B-1")
        let first = await store.upsert([
            try Sample.row("A-1", name: "First", opening: 5, line: 1, key: "k-1"),
            try Sample.row("B-1", name: "Second", line: 2, key: "k-1"),
        ]).compactMap(\.success)
        #expect(first.map(\.status) == [.created, .updated])

        let results = await store.upsert([
            try Sample.row("A-1", name: "Another", opening: 5, line: 1, key: "k-1"),
            try Sample.row("B-1", name: "Another", line: 2, key: "k-1"),
            try Sample.row("C-1", line: 3, key: "k-1"),
            try Sample.row("A-1", name: "First", opening: 6, line: 1, key: "k-1"),
            try Sample.row("D-1", line: 1, key: "k-1"),
        ])
        #expect(results.map(\.success?.status) == [nil, nil, .created, nil, nil])
        #expect(results.compactMap(\.failure) == Array(repeating: .idempotencyMismatch, count: 4))
        #expect(try await store.products(first.map(\.product.id)) == first.map(\.product))
        #expect(first[1].product.id == existing.id)
        #expect(try await product(sku: "D-1") == nil)
    }
}
