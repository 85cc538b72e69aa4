import InventoryKit
import Logging
import StoreContract
import TestSupport
import Testing

@testable import MongoStore

/// A list that no index bears is still right, only slow, and slower with every product: no other test would notice.
@Suite("Every list of products is read off an index, wherever it begins")
struct IndexTests {
    @Test("in each order, among 100,000 products", arguments: Listing.orders)
    func ordersAreIndexed(_ listing: Listing) async throws {
        try await expectIndexed(listing, on: try await ManyProducts.shared())
    }

    @Test("with each filter, in the order that goes with it", arguments: Listing.filters)
    func filtersAreIndexed(_ listing: Listing) async throws {
        try await expectIndexed(listing, on: try await ManyProducts.shared())
    }

    /// Without this one the others would pass on anything that `explain` does not say.
    @Test("A list that no index bears is told apart")
    func unindexedIsToldApart() async throws {
        let products = try await ManyProducts.shared()
        var query = ProductQuery(sort: ProductSort(.name), limit: 50)
        query.filter.inStock = false
        query.filter.currency = try Currency("EUR")
        let plan = try await products.explain(query)
        #expect(plan.returned > 0 && plan.examined > 3 * plan.returned, "\(plan)")
        let sorting = try await products.explain(query, sortedBy: ["description": 1])
        #expect(sorting.stages.contains("SORT"), "\(sorting)")
    }

    private func expectIndexed(_ listing: Listing, on products: ManyProducts) async throws {
        var query = try listing.query()
        if let offset = listing.offset { query.after = try await products.place(in: query, behind: offset) }
        let plan = try await products.explain(query)
        #expect(plan.returned > 0, "\(plan)")
        #expect(plan.examined <= 3 * plan.returned, "\(plan)")
        #expect(!plan.stages.contains("SORT"), "\(plan)")
        #expect(!plan.stages.contains("COLLSCAN"), "\(plan)")
    }
}

/// A list, named as it is asked for.
struct Listing: Sendable, CustomTestStringConvertible {
    let name: String
    let sort: ProductSort

    /// How many products come before the page; none where it is the first one.
    let offset: Int?
    let filter: @Sendable (inout ProductFilter) throws -> Void

    var testDescription: String {
        "\(name), by \(sort.isDescending ? "-" : "")\(sort.field.rawValue)" + (offset.map { ", from \($0)" } ?? "")
    }

    func query() throws -> ProductQuery {
        var query = ProductQuery(sort: sort, limit: 50)
        try filter(&query.filter)
        return query
    }

    static let orders = ProductSort.Field.allCases.flatMap { field in
        everyWay("all", by: field, deep: 60_000) { filter in
            // Prices of several currencies have no order, so nobody is given one.
            if field == .price { filter.currency = try Currency("GBP") }
        }
    }

    static let filters =
        everyWay("sku_prefix", by: .sku, deep: 5_000) { $0.skuPrefix = "sku-3" }
        + everyWay("min_price and max_price", by: .price, deep: 20_000) { filter in
            filter.currency = try Currency("GBP")
            (filter.minPrice, filter.maxPrice) = (2_000, 7_000)
        }
        + everyWay("currency", by: .price, deep: 5_000) { $0.currency = try Currency("EUR") }
        + everyWay("in_stock", by: .available, deep: 40_000) { $0.inStock = true }
        + everyWay("not in_stock", by: .available, deep: 3_000) { $0.inStock = false }
        + everyWay("low_stock", by: .available, deep: 3_000) { $0.lowStock = true }
        + everyWay("not low_stock", by: .available, deep: 40_000) { $0.lowStock = false }
        + everyWay("a word", by: .createdAt, deep: 3_000) { $0.words = ["lantern"] }
        + everyWay("a word's beginning", by: .createdAt, deep: 3_000) { $0.words = ["lan"] }
        + everyWay("archived", by: .createdAt, deep: 3_000) { $0.archived = .true }
        + everyWay("archived or not", by: .createdAt, deep: 60_000) { $0.archived = .any }

    /// Both ways round, the first page and one far down.
    private static func everyWay(
        _ name: String, by field: ProductSort.Field, deep: Int,
        _ filter: @escaping @Sendable (inout ProductFilter) throws -> Void
    ) -> [Listing] {
        [false, true].flatMap { isDescending in
            [nil, deep].map { offset in
                Listing(name: name, sort: ProductSort(field, descending: isDescending), offset: offset, filter: filter)
            }
        }
    }
}

/// What the server did for a query.
struct Plan: CustomStringConvertible {
    let returned: Int64
    let examined: Int64
    let keysExamined: Int64
    let stages: [String]

    init(_ reply: BSONDocument) throws {
        let execution = try reply.document("executionStats")
        returned = try execution.integer("nReturned")
        examined = try execution.integer("totalDocsExamined")
        keysExamined = try execution.integer("totalKeysExamined")
        stages = Self.stages(try execution.document("executionStages"))
    }

    /// What several queries took together.
    init(_ plans: [Plan]) {
        returned = plans.map(\.returned).reduce(0, +)
        examined = plans.map(\.examined).reduce(0, +)
        keysExamined = plans.map(\.keysExamined).reduce(0, +)
        stages = plans.flatMap(\.stages)
    }

    private static func stages(_ stage: BSONDocument) -> [String] {
        var inputs = stage.documents("inputStages")
        if case .document(let input) = stage["inputStage"] { inputs.append(input) }
        return ([try? stage.text("stage")].compactMap { $0 }) + inputs.flatMap(stages)
    }

    var description: String {
        "\(stages.joined(separator: " ← ")): \(returned) returned, \(examined) examined, \(keysExamined) keys"
    }
}

/// 100,000 products in a database of their own, made once for all tests that only look.
struct ManyProducts: Sendable {
    private static let making = Task { try await make() }
    private static let count = 100_000
    private static let chunk = 5_000
    private static let words = [
        "white", "hanging", "heart", "holder", "wooden", "glass", "star", "frame", "cup", "bag",
    ]

    private let pool: MongoPool

    static func shared() async throws -> ManyProducts { try await making.value }

    private static func make() async throws -> ManyProducts {
        let server = try await MongoServer.shared()
        let deadlines = Deadlines(timeout: .seconds(300))
        deadlines.start()
        let pool = MongoPool(
            url: try MongoURL(server.url(database: MongoServer.freshDatabase())), size: 2, timeout: .seconds(300),
            deadlines: deadlines, logger: Logger(label: "test"))
        for start in stride(from: 0, to: count, by: chunk) {
            let documents = try (start..<start + chunk).map(document)
            let errors = try await pool.run { connection, _ in
                try connection.insert(documents, into: Collection.products)
            }
            try #require(errors.isEmpty)
        }
        // Indexes cost less when everything is there.
        try await pool.run { connection, _ in try Schema.migrate(over: connection) }
        return ManyProducts(pool: pool)
    }

    /// A product whose fields go each its own way, so that no index is good for another one's order.
    private static func document(_ number: Int) throws -> BSONDocument {
        func scattered(_ factor: Int, _ limit: Int) -> Int64 { Int64(number &* factor % 1_000_003 % limit) }
        let time = TestClock.start
        let available = scattered(7_919, 10) == 0 ? 0 : scattered(104_729, 500) + 1
        let isRare = scattered(15_485_863, 20) == 0
        let name =
            "\(words[Int(scattered(31_337, 10))]) \(words[Int(scattered(27_644_437, 10))]) "
            + "\(isRare ? "lantern" : "case") \(scattered(6_151, 5_000))"
        var product = Product(
            id: ProductID(at: time),
            catalogue: try Sample.catalogue(
                "SKU-\(scattered(611_953, 1_000_003))", name: name,
                price: scattered(86_028_121, 10_000), currency: scattered(49_157, 10) == 0 ? "EUR" : "GBP",
                threshold: scattered(3_145_739, 4) == 0 ? 100 : nil),
            stock: try StockLevel(onHand: available, reserved: 0), version: 1, stockVersion: 0,
            createdAt: Timestamp(milliseconds: time.milliseconds + scattered(393_241, 900_000)),
            updatedAt: Timestamp(milliseconds: time.milliseconds + scattered(786_433, 900_000)))
        let origin = Origin(id: OperationID(at: time), fingerprint: nil, actor: "load", requestID: "load")
        if scattered(12_582_917, 20) == 0 { product.archivedAt = product.updatedAt }
        let document = BSONDocument(creating: product, opening: nil, origin: origin, fence: Int64(number))
        guard let archivedAt = product.archivedAt else { return document }
        // As archiving leaves it.
        return BSONDocument(
            document.fields.filter { $0.name != "held_skus" }.map { name, value in
                (name, name == "live" ? false : BSON(value))
            } + [("archived_at", .date(archivedAt))])
    }

    /// The commands that lists are fetched with (``ProductPages/fetch(over:)``).
    private func commands(_ query: ProductQuery, sortedBy sort: BSON? = nil) -> [[(String, BSON)]] {
        let pages = ProductPages(query: query)
        return pages.halves.joined().map { range in
            [
                ("find", .string(Collection.products)), ("filter", range), ("projection", Product.projection),
                ("sort", sort ?? pages.sort), ("limit", .integer(Int64(query.limit + 1))),
            ]
        }
    }

    func explain(_ query: ProductQuery, sortedBy sort: BSON? = nil) async throws -> Plan {
        let commands = commands(query, sortedBy: sort)
        let database = pool.database
        return try await pool.run { connection, _ in
            Plan(
                try commands.map { command in
                    try Plan(
                        connection.read(
                            database, [("explain", .document(command)), ("verbosity", "executionStats")]))
                })
        }
    }

    /// The place of the last one of so many products, as the page that ends with it would tell.
    func place(in query: ProductQuery, behind count: Int) async throws -> Keyset {
        let command =
            commands(query)[0].filter { $0.0 != "limit" } + [("skip", .integer(Int64(count - 1))), ("limit", 1)]
        let database = pool.database
        let reply = try await pool.run { connection, _ in try connection.read(database, command) }
        let document = try #require(try reply.document("cursor").documents("firstBatch").first)
        return query.sort.keyset(of: try Product(document))
    }
}
