import InventoryKit
import Testing

/// The store's calls in the forms that clauses need: outcomes as values, whole lists, many calls at once.
extension StoreContract {
    typealias Outcome<Value> = Result<Value, InventoryError>

    /// A product that is simply there.
    func given(_ sku: String, opening: Int64 = 0, most: Int64? = nil) async throws -> Product {
        try await store.create(
            try Sample.creation(try Sample.catalogue(sku, most: most), opening: opening)
        ).product
    }

    func create(_ creation: Creation) async -> Outcome<Created> {
        do { return .success(try await store.create(creation)) } catch { return .failure(error) }
    }

    func revise(_ revision: Revision) async -> Outcome<Product> {
        do { return .success(try await store.revise(revision)) } catch { return .failure(error) }
    }

    func archive(_ id: ProductID, expectedETags: [ETag]? = nil) async -> Outcome<Product> {
        do { return .success(try await store.archive(id, expectedETags: expectedETags)) } catch {
            return .failure(error)
        }
    }

    func move(_ command: StockCommand) async -> Outcome<StockOutcome> {
        do { return .success(try await store.move(command)) } catch { return .failure(error) }
    }

    func product(_ id: ProductID) async throws -> Product {
        try #require(try await store.product(.id(id)), "the product \(id.text) has to be there")
    }

    func product(sku: String) async throws -> Product? {
        try await store.product(.sku(try SKU(sku)))
    }

    /// All movements of a product, the oldest first.
    func ledger(of id: ProductID) async throws -> [Movement] {
        try await listing(MovementQuery(product: id)).reversed()
    }

    /// The units on hand, and the movements that there have been.
    func stock(of id: ProductID) async throws -> StockMoment {
        let product = try await product(id)
        return StockMoment(stock: product.stock, stockVersion: product.stockVersion)
    }

    // MARK: Lists

    /// All products that a query finds, page by page.
    ///
    /// - Parameter between: what happens before each further page, which is counted from 1.
    func listing(
        _ query: ProductQuery, between: (Int) async throws -> Void = { _ in }
    ) async throws -> [Product] {
        try await Self.allPages(limit: query.limit, between: between) { place in
            var query = query
            query.after = place
            return try await store.page(of: query)
        }
    }

    /// All movements that a query finds, page by page.
    func listing(
        _ query: MovementQuery, between: (Int) async throws -> Void = { _ in }
    ) async throws -> [Movement] {
        try await Self.allPages(limit: query.limit, between: between) { place in
            var query = query
            query.after = place
            return try await store.page(of: query)
        }
    }

    private static func allPages<Item>(
        limit: Int, between: (Int) async throws -> Void, _ page: (Keyset?) async throws -> Page<Item>
    ) async throws -> [Item] {
        var items: [Item] = []
        var place: Keyset?
        for number in 1... {
            try #require(number <= 2_000, "the pages have to end")
            let page = try await page(place)
            try #require(page.items.count <= limit, "a page has at most \(limit) items")
            // A list whose length is a multiple of the limit ends with a full page.
            #expect(!page.items.isEmpty || number == 1, "no page that was announced is empty")
            items += page.items
            guard let next = page.next else { break }
            place = next
            try await between(number)
        }
        return items
    }

    // MARK: Many at once

    /// Performs `body` that many times at once; the results are in the order of the numbers 0, 1, ….
    func atOnce<Value: Sendable>(
        _ count: Int, _ body: @escaping @Sendable (Int) async throws -> Value
    ) async throws -> [Value] {
        try await withThrowingTaskGroup(of: (Int, Value).self) { group in
            for number in 0..<count { group.addTask { (number, try await body(number)) } }
            var results: [Int: Value] = [:]
            for try await (number, value) in group { results[number] = value }
            return (0..<count).compactMap { results[$0] }
        }
    }
}

extension Result {
    var success: Success? { if case .success(let value) = self { value } else { nil } }
    var failure: Failure? { if case .failure(let error) = self { error } else { nil } }
}

extension InventoryError {
    var isNotFound: Bool { if case .notFound = self { true } else { false } }

    /// The refusal and whether it was told before.
    var refusal: (refusal: Refusal, replayed: Bool)? {
        if case .refused(let refusal, let replayed) = self { (refusal, replayed) } else { nil }
    }

    /// Which product has the SKU that the change wanted.
    var skuHolder: (key: String, id: ProductID)? {
        if case .skuTaken(let sku, let id)? = refusal?.refusal { (sku.key, id) } else { nil }
    }
}
