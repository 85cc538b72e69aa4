import InventoryKit
import Testing

extension StoreContract {
    static let productFilters = [
        Clause("A SKU's beginning is found literally, and in any case", skuPrefixIsLiteral),
        Clause("Prices are compared in one currency, bounds included", priceRangeHasACurrency),
        Clause("In stock is what has a unit available", inStockHasUnits),
        Clause("Low in stock is what has no more than its threshold", lowStockNeedsAThreshold),
        Clause("All conditions hold at once", conditionsHoldAtOnce),
    ]

    /// A store that fails it takes characters of a SKU for wildcards or for an expression.
    package func skuPrefixIsLiteral() async throws {
        let skus = [
            "a", "ab", "AB%", "ab%c", "AbxC", "ab_c", "ab-c", "ab\\c", "ab*c", "ab?c", "ab[c", "ab.c", "ab^c", "ab$c",
            "ab(c", "ab'c", "ab\"c", "ab~", "ab~~", "ac", "b", "~", "~~~", "!",
        ]
        for sku in skus { _ = try await given(sku) }
        let prefixes =
            skus.map(SKU.fold) + [
                "%", "_", "*", ".", "^a", "a.", "ab.*", "[a-z]", "ab[", "ab'", "", "ab~~~", "\\", "ab%%",
            ]
        for prefix in prefixes {
            let expected = skus.filter { SKU.fold($0).utf8.starts(with: prefix.utf8) }
            #expect(try await skusFound { $0.skuPrefix = prefix } == Set(expected), "beginning with \(prefix)")
        }
    }

    /// A store that fails it compares pence with yen, or leaves out a bound.
    package func priceRangeHasACurrency() async throws {
        let prices: [(String, Int64, String)] = [
            ("p0", 0, "GBP"), ("p99", 99, "GBP"), ("p100", 100, "GBP"), ("p101", 101, "GBP"),
            ("most", Bounds.exactInteger, "GBP"), ("yen100", 100, "JPY"), ("yen500", 500, "JPY"),
        ]
        for (sku, price, currency) in prices {
            _ = try await store.create(try Sample.creation(try Sample.catalogue(sku, price: price, currency: currency)))
        }
        func found(_ currency: String, _ least: Int64?, _ most: Int64?) async throws -> Set<String> {
            let currency = try Currency(currency)
            return try await skusFound { filter in
                filter.currency = currency
                filter.minPrice = least
                filter.maxPrice = most
            }
        }
        #expect(try await found("GBP", 100, 100) == ["p100"])
        #expect(try await found("GBP", 99, 100) == ["p99", "p100"])
        #expect(try await found("GBP", 100, nil) == ["p100", "p101", "most"])
        #expect(try await found("GBP", nil, 99) == ["p0", "p99"])
        #expect(try await found("GBP", Bounds.exactInteger, nil) == ["most"])
        #expect(try await found("GBP", 101, 100) == [])
        #expect(try await found("GBP", nil, nil) == ["p0", "p99", "p100", "p101", "most"])
        #expect(try await found("JPY", 100, 499) == ["yen100"])
        #expect(try await found("EUR", 0, nil) == [])
    }

    /// A store that fails it offers what is sold out, or forgets what came back.
    package func inStockHasUnits() async throws {
        _ = try await given("none", opening: 0)
        let one = try await given("one", opening: 1)
        let sold = try await given("sold", opening: 1)
        let back = try await given("back", opening: 0)
        _ = try await store.move(try Sample.purchase(of: .id(sold.id)))
        _ = try await store.move(try Sample.adjust(2, of: .id(back.id), reason: .receive))
        #expect(try await skusFound { $0.inStock = true } == ["one", "back"])
        #expect(try await skusFound { $0.inStock = false } == ["none", "sold"])
        _ = try await store.move(try Sample.purchase(of: .id(one.id)))
        #expect(try await skusFound { $0.inStock = true } == ["back"])
        #expect(try await skusFound { _ in } == ["none", "one", "sold", "back"])
    }

    /// A store that fails it compares with a threshold that is not there: all or none of those products are low.
    package func lowStockNeedsAThreshold() async throws {
        let stocks: [(String, Int64, Int64?)] = [
            ("above", 6, 5), ("at", 5, 5), ("below", 4, 5), ("empty", 0, 0), ("some", 1, 0), ("never", 0, nil),
            ("neverSome", 9, nil),
        ]
        var ids: [String: ProductID] = [:]
        for (sku, opening, threshold) in stocks {
            let catalogue = try Sample.catalogue(sku, threshold: threshold)
            ids[sku] = try await store.create(try Sample.creation(catalogue, opening: opening)).product.id
        }
        #expect(try await skusFound { $0.lowStock = true } == ["at", "below", "empty"])
        #expect(try await skusFound { $0.lowStock = false } == ["above", "some", "never", "neverSome"])

        _ = try await store.move(try Sample.purchase(of: .id(try #require(ids["above"]))))
        _ = try await store.move(try Sample.adjust(9, of: .id(try #require(ids["at"]))))
        var change = CatalogueChange()
        change.lowStockThreshold = .some(try Balance(9))
        _ = try await store.revise(Revision(id: try #require(ids["neverSome"]), change: .merge(change)))
        change.lowStockThreshold = .some(nil)
        _ = try await store.revise(Revision(id: try #require(ids["below"]), change: .merge(change)))
        #expect(try await skusFound { $0.lowStock = true } == ["above", "empty", "neverSome"])
        #expect(try await skusFound { $0.lowStock = false } == ["at", "below", "some", "never"])
    }

    /// A store that fails it answers a narrow question with a wide list.
    package func conditionsHoldAtOnce() async throws {
        let products = try await fillShelf()
        let pounds = try Currency("GBP")
        for inStock in [nil, true, false] {
            for lowStock in [nil, true, false] {
                for archived in ProductFilter.Archived.allCases {
                    for words in [[], ["zeb"], ["cafe", "au"]] {
                        for (prefix, most) in [(nil, nil), ("a", 100), ("b%", nil)] as [(String?, Int64?)] {
                            var query = ProductQuery(sort: ProductSort(.sku), limit: Bounds.pageSize)
                            query.filter.inStock = inStock
                            query.filter.lowStock = lowStock
                            query.filter.archived = archived
                            query.filter.words = words
                            query.filter.skuPrefix = prefix
                            query.filter.maxPrice = most
                            query.filter.currency = most.map { _ in pounds }
                            let expected = Self.expected(query, among: products)
                            #expect(try await listing(query) == expected, "\(query.filter)")
                        }
                    }
                }
            }
        }
    }

    /// The SKUs, as they are written, of all that a filter lets through.
    func skusFound(_ change: (inout ProductFilter) -> Void) async throws -> Set<String> {
        var query = ProductQuery(limit: 5)
        change(&query.filter)
        let found = try await listing(query).map(\.catalogue.sku.text)
        #expect(Set(found).count == found.count)
        return Set(found)
    }
}
