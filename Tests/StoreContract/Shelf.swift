import InventoryKit
import Testing

/// A hundred and twenty products that share most of what they can be sorted by, so that the order of equal ones and
/// the borders between pages matter.
extension StoreContract {
    static let shelfSize = 120

    /// - Returns: all of them, as they are now.
    func fillShelf() async throws -> [Product] {
        // Their order by bytes is that of no language, nor that of UTF-16, in which the apple precedes the ligature.
        let names = [
            "Zebra", "zebra", "Äpfel", "apfel", "Café au lait", "Cafe", "🍎", "ﬁsh", "zebra-2", "zebra 10", "ßtrand",
        ]
        let prices: [Int64] = [100, 0, Bounds.exactInteger, 100, 101]
        let openings: [Int64] = [0, 5, 0, 1, Bounds.exactInteger, 5]
        let thresholds: [Int64?] = [nil, 5, 0, nil, 4]
        let prefixes = ["A-", "a_", "b%", "B~"]
        var ids: [ProductID] = []
        for group in 0..<4 {
            let rows = try (0..<Self.shelfSize / 4).map { place in
                let number = group * 31 + place
                return try Sample.row(
                    prefixes[number % 4] + "\(group)-\(place)", name: names[number % names.count],
                    amount: prices[number % 5], currency: number % 11 == 0 ? "EUR" : "GBP",
                    threshold: thresholds[number % 5], opening: openings[number % 6]
                )
            }
            let results = await store.upsert(rows).compactMap(\.success)
            try #require(results.count == rows.count)
            ids += results.map(\.product.id)
            try await clock.pass()
        }
        for group in 0..<2 {
            for id in ids.dropFirst(group).enumerated().filter({ $0.offset % 9 == 4 }).map(\.element) {
                let change = try Sample.change(description: "Edited \(group)")
                _ = try await store.revise(Revision(id: id, change: .merge(change)))
            }
            try await clock.pass()
        }
        for id in ids.enumerated().filter({ $0.offset % 7 == 3 }).map(\.element) {
            _ = try await store.archive(id, expectedETags: nil)
        }
        return try await store.products(Array(ids.prefix(100))) + store.products(Array(ids.dropFirst(100)))
    }

    /// What a query has to find among the products, and in which order: the definition, without an index.
    static func expected(_ query: ProductQuery, among products: [Product]) -> [Product] {
        products.filter { matches($0, query.filter) }.sorted { left, right in
            let (left, right) = query.sort.isDescending ? (right, left) : (left, right)
            return precedes(query.sort.keyset(of: left), query.sort.keyset(of: right))
        }
    }

    static func matches(_ product: Product, _ filter: ProductFilter) -> Bool {
        let (catalogue, available) = (product.catalogue, product.stock.available)
        func holds(_ condition: Bool?, _ fact: Bool) -> Bool { condition.map { $0 == fact } ?? true }
        let isLow = catalogue.lowStockThreshold.map { available <= $0.units } ?? false
        let isListed = filter.archived == .any || product.isArchived == (filter.archived == .true)
        return isListed && holds(filter.inStock, available > 0) && holds(filter.lowStock, isLow)
            && (filter.currency.map { $0 == catalogue.price.currency } ?? true)
            && (filter.minPrice.map { $0 <= catalogue.price.amount } ?? true)
            && (filter.maxPrice.map { catalogue.price.amount <= $0 } ?? true)
            && catalogue.sku.key.utf8.starts(with: (filter.skuPrefix ?? "").utf8)
            && filter.words.allSatisfy { word in
                catalogue.searchWords.contains { $0.utf8.starts(with: word.utf8) }
            }
    }

    /// By bytes, as every store compares texts, and then by id.
    private static func precedes(_ left: Keyset, _ right: Keyset) -> Bool {
        if left.value == right.value { return left.id < right.id }
        switch (left.value, right.value) {
        case (.text(let left), .text(let right)): return left.utf8.lexicographicallyPrecedes(right.utf8)
        case (.integer(let left), .integer(let right)): return left < right
        default: return false
        }
    }
}
