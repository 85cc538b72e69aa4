import InventoryKit
import Testing

extension StoreContract {
    static let productPages = [
        Clause("In every order, pages neither skip nor repeat", pagesAreTheList),
        Clause("Pages of one product are pages", pagesOfOne),
        Clause("Filters hold on every page, in every order", filtersHoldAcrossPages),
        Clause("A list whose length is a multiple of the page's ends with it", lastPageIsFull),
    ]

    /// A store that fails it loses or doubles products with equal sort keys at a page's border, sorts by its
    /// database's collation, or forgets the id's direction in a descending order.
    package func pagesAreTheList() async throws {
        let products = try await fillShelf()
        for sort in Self.sorts {
            for archived in ProductFilter.Archived.allCases {
                for limit in [7, Bounds.pageSize] {
                    var query = ProductQuery(sort: sort, limit: limit)
                    query.filter.archived = archived
                    query.filter.currency = sort.field == .price ? try Currency("GBP") : nil
                    let expected = Self.expected(query, among: products)
                    #expect(try await listing(query) == expected, "by \(sort.field), archived \(archived)")
                    #expect(expected.count > 14)
                }
            }
        }
    }

    /// A store that fails it compares with the last item by its sort key alone.
    package func pagesOfOne() async throws {
        let products = try await fillShelf()
        for sort in [ProductSort(.name), ProductSort(.available, descending: true)] {
            let query = ProductQuery(sort: sort, limit: 1)
            #expect(try await listing(query) == Self.expected(query, among: products))
        }
    }

    /// A store that fails it drops conditions where it adds the cursor's, or joins them with "or".
    package func filtersHoldAcrossPages() async throws {
        let products = try await fillShelf()
        var filters = Array(repeating: ProductFilter(), count: 5)
        filters[0].inStock = true
        filters[0].archived = .any
        filters[1].lowStock = false
        filters[2].words = ["cafe"]
        filters[3].skuPrefix = "a"
        filters[3].inStock = false
        filters[4].currency = try Currency("GBP")
        filters[4].minPrice = 100
        filters[4].maxPrice = 101
        for sort in Self.sorts {
            for filter in filters {
                var query = ProductQuery(filter: filter, sort: sort, limit: 4)
                if sort.field == .price { query.filter.currency = try Currency("GBP") }
                let expected = Self.expected(query, among: products)
                #expect(try await listing(query) == expected, "by \(sort.field), \(filter)")
                #expect((9..<Self.shelfSize).contains(expected.count))
            }
        }
    }

    /// A store that fails it sends clients to a page that is empty, or does not send them to the last one.
    package func lastPageIsFull() async throws {
        for number in 0..<6 { _ = try await given("A-\(number)") }
        for (limit, sizes) in [(6, [6]), (3, [3, 3]), (2, [2, 2, 2]), (4, [4, 2]), (7, [6])] {
            var query = ProductQuery(sort: ProductSort(.sku), limit: limit)
            for (number, size) in sizes.enumerated() {
                let page = try await store.page(of: query)
                #expect(page.items.count == size)
                #expect((page.next == nil) == (number == sizes.count - 1))
                query.after = page.next
            }
        }
        var nothing = ProductQuery(limit: 5)
        nothing.filter.skuPrefix = "b"
        let page = try await store.page(of: nothing)
        #expect(page.items.isEmpty && page.next == nil)
    }

    static let sorts = ProductSort.Field.allCases.flatMap { field in
        [ProductSort(field), ProductSort(field, descending: true)]
    }
}
