import InventoryKit
import Testing

extension StoreContract {
    static let changingPages = [
        Clause("While products come, sell and go, pages neither skip nor repeat", pagesWithstandChanges),
        Clause("While movements come, a product's pages neither skip nor repeat", productMovementsWithstandSales),
        Clause("While movements come, pages over all products neither skip nor repeat", movementsWithstandSales),
    ]

    /// A store that fails it counts off rows (an offset) instead of going on after the last one seen.
    package func pagesWithstandChanges() async throws {
        let products = try await fillShelf()
        for field in [ProductSort.Field.sku, .createdAt] {
            for isDescending in [false, true] {
                let listed = Self.expected(ProductQuery(), among: try await asTheyAre(products))
                var gone: Set<ProductID> = []
                let query = ProductQuery(sort: ProductSort(field, descending: isDescending), limit: 5)
                let sort = "\(field.rawValue)\(isDescending)"
                let seen = try await listing(query) { number in
                    guard number <= 12 else { return }
                    // Before, between and behind everything that is there.
                    for prefix in ["!", "a-1", "b", "~"] { _ = try await given("\(prefix)\(sort)\(number)") }
                    // Some of them have nothing to sell.
                    for product in listed.dropFirst(number * 3).prefix(4) {
                        _ = await move(try Sample.purchase(of: .id(product.id)))
                    }
                    let left = listed[number.isMultiple(of: 2) ? number : listed.count - number].id
                    gone.insert(left)
                    let change = try Sample.change(name: "Renamed \(number)", amount: Int64(number))
                    for id in [left, listed[number + 20].id] {
                        _ = try await store.revise(Revision(id: id, change: .merge(change)))
                    }
                    _ = try await store.archive(left, expectedETags: nil)
                }.map(\.id)
                #expect(Set(seen).count == seen.count, "nothing is repeated")
                let staying = Set(listed.map(\.id)).subtracting(gone)
                #expect(staying.isSubset(of: seen), "nothing is skipped")
                #expect(gone.count == 12 && staying.count > 40)
                let order = try await asTheyAre(seen)
                #expect(order == Self.expected(query.ofAnything, among: order), "and all are in order")
            }
        }
    }

    /// A store that fails it shows an auditor a sale twice, or never.
    package func productMovementsWithstandSales() async throws {
        let product = try await given("A-1", opening: 1_000)
        for _ in 0..<40 { _ = try await store.move(try Sample.purchase(of: .id(product.id))) }
        let before = try await ledger(of: product.id)
        for limit in [1, 6] {
            let seen = try await listing(MovementQuery(product: product.id, limit: limit)) { _ in
                _ = try await store.move(try Sample.purchase(of: .id(product.id)))
            }
            #expect(seen.suffix(41) == before.reversed())
            #expect(Set(seen.map(\.seq)).count == seen.count)
            #expect(seen.map(\.seq) == seen.map(\.seq).sorted(by: >))
        }
    }

    /// A store that fails it compares times alone, and loses the rest of a millisecond at a page's border.
    package func movementsWithstandSales() async throws {
        var products: [Product] = []
        for number in 0..<5 { products.append(try await given("A-\(number)", opening: 1_000)) }
        for number in 0..<40 {
            if number % 10 == 0 { try await clock.pass() }
            _ = try await store.move(try Sample.purchase(of: .id(products[number % 5].id)))
        }
        let before = try await listing(MovementQuery(limit: Bounds.pageSize))
        #expect(before.count == 45)
        for limit in [1, 7] {
            let seen = try await listing(MovementQuery(limit: limit)) { number in
                _ = try await store.move(try Sample.purchase(of: .id(products[number % 5].id)))
            }
            #expect(Set(seen.map(\.id)).count == seen.count, "nothing is repeated")
            #expect(Set(before.map(\.id)).isSubset(of: seen.map(\.id)), "nothing is skipped")
            #expect(seen == seen.sorted(by: Self.isNewer))
        }
    }

    /// The order over all products: by time, those of one moment by id, both downward.
    static func isNewer(_ left: Movement, _ right: Movement) -> Bool {
        left.at == right.at ? left.id > right.id : left.at > right.at
    }

    private func asTheyAre(_ products: [Product]) async throws -> [Product] {
        try await asTheyAre(products.map(\.id))
    }

    private func asTheyAre(_ ids: [ProductID]) async throws -> [Product] {
        var products: [Product] = []
        for start in stride(from: 0, to: ids.count, by: Bounds.idsPerRead) {
            products += try await store.products(Array(ids.dropFirst(start).prefix(Bounds.idsPerRead)))
        }
        return products
    }
}

extension ProductQuery {
    /// The same order, of whatever there is.
    fileprivate var ofAnything: ProductQuery {
        var query = self
        query.filter = ProductFilter()
        query.filter.archived = .any
        return query
    }
}
