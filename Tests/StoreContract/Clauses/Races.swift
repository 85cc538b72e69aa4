import InventoryKit
import Testing

extension StoreContract {
    static let races = [
        Clause("Of 50 that create one SKU at once, one does", oneCreatesTheSKU),
        Clause("Of 20 that revise to one SKU at once, one does", oneTakesTheSKU),
        Clause("Of 100 that buy the last unit at once, one gets it", oneGetsTheLastUnit),
        Clause("Of 20 counts that expect the same stock, one happens", oneCountHappens),
        Clause("Of 20 edits of the same version, one happens", oneEditHappens),
        Clause("Sales and edits of one product at once lose nothing of each other", salesAndEditsMeet),
        Clause("Once a product is archived, nothing more of it is sold", archivingStopsBuyers),
        Clause("Bulk loads of the same SKUs at once create each product once", loadsCreateOnce),
    ]

    /// A store that fails it looks whether a SKU is free, and takes it later.
    package func oneCreatesTheSKU() async throws {
        let spellings = ["race-1", "RACE-1", "Race-1", "rAcE-1"]
        let creations = try (0..<50).map {
            try Sample.creation(try Sample.catalogue(spellings[$0 % 4], name: "Number \($0)"), opening: Int64($0))
        }
        let outcomes = try await atOnce(50) { number in await create(creations[number]) }
        let winners = outcomes.compactMap(\.success?.product)
        try #require(winners.count == 1)
        let winner = winners[0]
        #expect(outcomes.filter { $0.failure?.skuHolder?.id == winner.id }.count == 49)
        #expect(
            outcomes.compactMap(\.failure).allSatisfy { $0.skuHolder?.key == "race-1" && $0.refusal?.replayed == false }
        )
        #expect(try await product(sku: "RACE-1") == winner)
        #expect(try await store.products(creations.map(\.id)) == [winner])
        #expect(try await listing(ProductQuery()) == [winner])
    }

    /// A store that fails it gives one SKU to several products that existed before.
    package func oneTakesTheSKU() async throws {
        var products: [Product] = []
        for number in 0..<20 { products.append(try await given("A-\(number)")) }
        let change = try Sample.change(sku: "wanted")
        let outcomes = try await atOnce(20) { [products] number in
            await revise(Revision(id: products[number].id, change: .merge(change)))
        }
        let winners = outcomes.compactMap(\.success)
        try #require(winners.count == 1)
        #expect(outcomes.filter { $0.failure?.skuHolder?.id == winners[0].id }.count == 19)
        #expect(try await product(sku: "WANTED") == winners[0])
        let expected = products.map { $0.id == winners[0].id ? winners[0] : $0 }
        #expect(try await store.products(products.map(\.id)) == expected)
    }

    /// A store that fails it oversells: it reads the stock, decides, and writes what may have become wrong meanwhile.
    package func oneGetsTheLastUnit() async throws {
        let product = try await given("A-1", opening: 1)
        let commands = try (0..<100).map { number in
            try Sample.purchase(1, of: number.isMultiple(of: 2) ? .id(product.id) : .sku(product.catalogue.sku))
        }
        let outcomes = try await atOnce(100) { number in await move(commands[number]) }
        let sold = outcomes.compactMap(\.success)
        try #require(sold.count == 1)
        let refusal = InventoryError.refused(.insufficientStock(requested: 1, current: .empty), replayed: false)
        #expect(outcomes.filter { $0.failure == refusal }.count == 99)
        #expect(try await stock(of: product.id) == StockMoment(stock: .empty, stockVersion: 2))
        let ledger = try await ledger(of: product.id)
        #expect(ledger.map(\.kind) == [.opening, .sale] && ledger.last == sold[0].movement)
    }

    /// A store that fails it lets one count overwrite what another has found.
    package func oneCountHappens() async throws {
        let product = try await given("A-1", opening: 50)
        let outcomes = try await atOnce(20) { number in
            await move(try Sample.count(Int64(number), expecting: 50, of: .id(product.id)))
        }
        let counted = outcomes.compactMap(\.success?.movement)
        try #require(counted.count == 1)
        let refusal = InventoryError.refused(.stockChanged(expected: 50, current: counted[0].stock), replayed: false)
        #expect(outcomes.filter { $0.failure == refusal }.count == 19)
        #expect(try await stock(of: product.id) == StockMoment(stock: counted[0].stock, stockVersion: 2))
    }

    /// A store that fails it loses edits, for all its preconditions.
    package func oneEditHappens() async throws {
        let product = try await given("A-1", opening: 5)
        let outcomes = try await atOnce(20) { number in
            let change = try Sample.change(name: "Number \(number)")
            return number.isMultiple(of: 2)
                ? await revise(Revision(id: product.id, change: .merge(change), expectedVersion: 1))
                : await revise(Revision(id: product.id, change: .merge(change), expectedETags: [product.etag]))
        }
        let edited = outcomes.compactMap(\.success)
        try #require(edited.count == 1)
        #expect(outcomes.filter { $0.failure == .preconditionFailed(current: edited[0].etag) }.count == 19)
        #expect(edited[0].version == 2)
        #expect(try await store.product(.id(product.id)) == edited[0])
    }

    /// A store that fails it writes a whole product back where it should change a part.
    package func salesAndEditsMeet() async throws {
        let product = try await given("A-1", opening: 100)
        _ = try await atOnce(80) { number in
            if number.isMultiple(of: 2) {
                _ = try await store.move(try Sample.purchase(of: .id(product.id)))
            } else {
                let attributes = CatalogueChange.AttributesChange.merge(["a\(number)": "\(number)"])
                let change = try Sample.change(attributes: attributes)
                _ = try await store.revise(Revision(id: product.id, change: .merge(change)))
            }
        }
        let after = try await self.product(product.id)
        #expect(after.stock.onHand == 60 && after.stockVersion == 41 && after.version == 41)
        let expected = Dictionary(uniqueKeysWithValues: (0..<40).map { ("a\($0 * 2 + 1)", "\($0 * 2 + 1)") })
        #expect(after.catalogue.attributes.values == expected)
    }

    /// A store that fails it sells after the answer that the product is gone.
    package func archivingStopsBuyers() async throws {
        let product = try await given("A-1", opening: 1_000)
        let buyers = Task {
            try await atOnce(60) { _ in await move(try Sample.purchase(of: .id(product.id))) }
        }
        _ = try await store.move(try Sample.purchase(of: .id(product.id)))
        let archived = try await store.archive(product.id, expectedETags: nil)
        let outcomes = try await buyers.value

        let refusal = InventoryError.archived(product.id, at: try #require(archived.archivedAt))
        let sold = outcomes.compactMap(\.success).count
        #expect(outcomes.filter { $0.failure == refusal }.count == 60 - sold)
        #expect(archived.stock.onHand == 999 - Int64(sold))
        #expect(try await store.product(.id(product.id)) == archived)
        #expect(try await ledger(of: product.id).count == sold + 2)
    }

    /// A store that fails it doubles products, or fails rows, when two files with the same SKUs are loaded at once.
    package func loadsCreateOnce() async throws {
        let results = try await atOnce(8) { load in
            await store.upsert(
                try (0..<20).map {
                    try Sample.row("\(load.isMultiple(of: 2) ? "a" : "A")-\($0)", name: "Load \(load)", opening: 3)
                }
            )
        }
        for number in 0..<20 {
            let rows = results.compactMap { $0[number].success }
            try #require(rows.count == 8)
            #expect(rows.filter { $0.status == .created }.count == 1)
            #expect(Set(rows.map(\.product.id)).count == 1)
            #expect(rows.filter(\.keptStock).count == 7)
            let product = try #require(try await product(sku: "A-\(number)"))
            #expect(product.stock.onHand == 3 && product.stockVersion == 1)
        }
        #expect(try await listing(ProductQuery()).count == 20)
    }
}
