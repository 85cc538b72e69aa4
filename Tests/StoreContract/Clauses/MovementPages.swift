import InventoryKit
import Testing

extension StoreContract {
    static let movementPages = [
        Clause("A product's movements are listed by number, the newest first", productMovementsAreListed),
        Clause("All movements are listed by time, the newest first", allMovementsAreListed),
        Clause("Movements are found by reference and time", movementsAreFound),
        Clause("A place that nobody was given is as good as any other", madeUpPlaces),
    ]

    /// A store that fails it mixes products, or orders a product's movements by a time that several of them share.
    package func productMovementsAreListed() async throws {
        let products = [try await given("A-1", opening: 100), try await given("B-1", opening: 100)]
        for number in 0..<30 {
            if number % 7 == 0 { clock.advance(milliseconds: -50) }
            _ = try await store.move(try Sample.purchase(of: .id(products[number % 2].id), key: "k-\(number)"))
        }
        for product in products {
            for limit in [1, 4, 8, 16, 50] {
                let movements = try await listing(MovementQuery(product: product.id, limit: limit))
                #expect(movements.map(\.seq) == (1...16).reversed())
                #expect(movements.allSatisfy { $0.productID == product.id })
            }
        }
        let page = try await store.page(of: MovementQuery(product: products[0].id, limit: 4))
        #expect(page.items.map(\.seq) == [16, 15, 14, 13] && page.next != nil)
    }

    /// A store that fails it believes that a place is one it gave, and may be brought down by another.
    package func madeUpPlaces() async throws {
        let product = try await given("A-1", opening: 100)
        for _ in 0..<3 { _ = try await store.move(try Sample.purchase(of: .id(product.id))) }
        for value in [Int64.min, -1, 0, 1, 3, Int64.max] {
            for id in ["", "x", product.id.text] {
                let place = Keyset(value: .integer(value), id: id)
                let page = try await store.page(of: MovementQuery(product: product.id, after: place))
                // Whether the one at that very place comes after it is for its id to say.
                let listed = page.items.map(\.seq).filter { $0 != value }
                #expect(listed == [4, 3, 2, 1].filter { $0 < value }, "after \(value)")
                _ = try await store.page(of: MovementQuery(after: place))
                for field in ProductSort.Field.allCases {
                    _ = try await store.page(of: ProductQuery(sort: ProductSort(field), after: place))
                }
            }
        }
    }

    /// A store that fails it has no order among movements of one millisecond, and loses some at a page's border.
    package func allMovementsAreListed() async throws {
        var products: [Product] = []
        for number in 0..<4 { products.append(try await given("A-\(number)", opening: 100)) }
        _ = try await given("empty", opening: 0)
        for number in 0..<40 {
            if number % 15 == 14 { try await clock.pass() }
            // Identities of both kinds: made from keys, and from times.
            let key = number.isMultiple(of: 3) ? "k-\(number)" : nil
            _ = try await store.move(try Sample.purchase(of: .id(products[number % 4].id), key: key))
        }
        _ = try await store.archive(products[0].id, expectedETags: nil)

        var expected: [Movement] = []
        for product in products { expected += try await ledger(of: product.id) }
        expected.sort(by: Self.isNewer)
        #expect(expected.count == 44)
        for limit in [1, 4, 10, 44, Bounds.pageSize] {
            #expect(try await listing(MovementQuery(limit: limit)) == expected)
        }
    }

    /// A store that fails it finds another order's movements, or leaves out those of the very moment.
    package func movementsAreFound() async throws {
        let products = [try await given("A-1", opening: 100), try await given("B-1", opening: 100)]
        for reference in ["order 7", "order 70", "Order 7", "order%", "$order", nil] {
            for product in products {
                try await clock.pass()
                _ = try await store.move(try Sample.purchase(of: .id(product.id), reference: reference))
                _ = try await store.move(try Sample.adjust(1, of: .id(product.id), reference: reference))
            }
        }
        let all = try await listing(MovementQuery())
        #expect(all.count == 26)
        let references = try ["order 7", "order 70", "Order 7", "order%", "$order", "order", "order 7 "].map(
            Reference.init)
        let moments = Set(all.map(\.at)).flatMap { [$0, $0.plus(milliseconds: 1)] } + [TestClock.start.later]
        for reference in [nil] + references.map(Optional.some) {
            for since in [nil] + moments.map(Optional.some) {
                let expected = all.filter { movement in
                    (reference.map { $0 == movement.reference } ?? true) && (since.map { $0 <= movement.at } ?? true)
                }
                let query = MovementQuery(reference: reference, since: since, limit: 3)
                try #require(try await listing(query) == expected, "\(query)")
            }
        }
        #expect(try await listing(MovementQuery(reference: references[0])).count == 4)
    }
}
