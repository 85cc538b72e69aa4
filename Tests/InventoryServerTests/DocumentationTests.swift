import Foundation
import HTTPTypes
import InventoryKit
import NIOCore
import Testing

@testable import InventoryServer

/// The documents say what the code does, both ways.
@Suite("Documentation")
struct DocumentationTests {
    private static let project = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    private func openAPI() throws -> JSON {
        let data = try Data(contentsOf: Self.project.appending(path: "docs/openapi.json"))
        return try JSONDocument(parsing: Array(data)).root
    }

    private func members(_ json: JSON?) -> [String: JSON] {
        if case .object(let members)? = json { members } else { [:] }
    }

    @Test("openapi.json has exactly the routes that there are")
    func routes() throws {
        let documented = members(members(try openAPI())["paths"]).flatMap { path, operations in
            members(operations).keys.filter { $0 != "parameters" }.map { "\($0.uppercased()) \(path)" }
        }
        let served = InventoryAPI.forDocumentation.routes.map { "\($0.method.rawValue) \($0.path)" }
        #expect(Set(documented) == Set(served))
    }

    @Test("openapi.json has exactly the query parameters that there are")
    func parameters() throws {
        let document = members(try openAPI())
        let components = members(members(document["components"])["parameters"])
        for route in InventoryAPI.forDocumentation.routes {
            let operation = members(members(members(document["paths"])[route.path])[route.method.rawValue.lowercased()])
            guard case .array(let list) = operation["parameters"] ?? [] else { continue }
            let names = list.compactMap { entry -> String? in
                var parameter = members(entry)
                if case .string(let reference)? = parameter["$ref"], let name = reference.split(separator: "/").last {
                    parameter = members(components[String(name)])
                }
                guard parameter["in"] == .string("query"), case .string(let name)? = parameter["name"] else {
                    return nil
                }
                return name
            }
            #expect(Set(names) == route.parameters, "\(route.method) \(route.path)")
        }
    }

    /// Fails where a route was given no scope of its own, which no key could have.
    @Test("openapi.json has exactly the scopes that there are, and every route has one")
    func scopes() throws {
        let document = members(try openAPI())
        for route in InventoryAPI.forDocumentation.routes {
            let operation = members(members(members(document["paths"])[route.path])[route.method.rawValue.lowercased()])
            let documented = (operation["security"] ?? []).items.flatMap { $0["key"].items.compactMap(\.string) }
            switch route.access {
            case .open: #expect(documented == [], "\(route.method) \(route.path)")
            case .scope(let scope): #expect(documented == [scope.rawValue], "\(route.method) \(route.path)")
            case .operating: Issue.record("nobody could call \(route.method) \(route.path) over the network")
            }
        }
    }

    /// Fails where an answer that is given would not be valid by the document.
    @Test("openapi.json has exactly the codes that there are")
    func codes() throws {
        let schemas = members(members(try openAPI())["components"])["schemas"]
        let codes = members(members(schemas)["ProblemCode"])["enum"]?.items.compactMap(\.string) ?? []
        #expect(codes.sorted() == ProblemCode.allCases.map(\.rawValue).sorted())
    }

    /// Browsers take the hash of the style byte for byte; this one was taken by another program (openssl).
    @Test("The page's policy names the hash of its style")
    func style() {
        let page = DocumentationPage(Array("<html><style>a { color: red; }</style><p>x</p></html>".utf8))
        #expect(page.contentSecurityPolicy.contains("style-src 'sha256-oorGWggqQKdAOamst0YRa4dopIT4X8ufm2ydpEk0M7o=';"))
    }

    @Test("errors.md explains every code, and none that does not exist")
    func errors() throws {
        let text = try String(contentsOf: Self.project.appending(path: "docs/errors.md"), encoding: .utf8)
        let explained = text.split(separator: "\n").filter { $0.hasPrefix("## `") || $0.hasPrefix("### `") }
            .map { String($0.drop { $0 != "`" }.dropFirst().prefix { $0 != "`" }) }
        #expect(Set(explained) == Set(ProblemCode.allCases.map(\.rawValue)))
        #expect(explained.count == ProblemCode.allCases.count)
    }
}

extension InventoryAPI {
    /// The table of routes alone; nothing is asked of it.
    fileprivate static var forDocumentation: InventoryAPI {
        InventoryAPI(
            inventory: Inventory(store: NoStore(), cache: NoCache()), state: ServerState(settings: ServerSettings()),
            openAPI: ByteBuffer()
        )
    }
}

private struct NoStore: InventoryStore {
    private func nothing() -> InventoryError { .unavailable(.outOfReach) }

    func product(_ reference: ProductReference) async throws(InventoryError) -> Product? { throw nothing() }
    func products(_ ids: [ProductID]) async throws(InventoryError) -> [Product] { throw nothing() }
    func page(of query: ProductQuery) async throws(InventoryError) -> Page<Product> { throw nothing() }
    func movement(_ id: OperationID) async throws(InventoryError) -> Movement? { throw nothing() }
    func page(of query: MovementQuery) async throws(InventoryError) -> Page<Movement> { throw nothing() }
    func stock(of id: ProductID, at time: Timestamp) async throws(InventoryError) -> StockMoment? { throw nothing() }
    func create(_ creation: Creation) async throws(InventoryError) -> Created { throw nothing() }
    func upsert(_ rows: [UpsertRow]) async -> [Result<Upserted, InventoryError>] {
        rows.map { _ in .failure(nothing()) }
    }
    func revise(_ revision: Revision) async throws(InventoryError) -> Product { throw nothing() }
    func archive(_ id: ProductID, expectedETags: [ETag]?) async throws(InventoryError) -> Product { throw nothing() }
    func move(_ command: StockCommand) async throws(InventoryError) -> StockOutcome { throw nothing() }
    func checkReadiness() async throws(InventoryError) { throw nothing() }
    var statistics: StoreStatistics { StoreStatistics(waiting: 0, commits: 0, changes: 0) }
    func close() async {}
}

private struct NoCache: ProductCache {
    func document(
        _ id: ProductID, load: @Sendable () async throws(InventoryError) -> Product?
    ) async throws(InventoryError) -> CachedDocument { CachedDocument(document: nil, source: .bypass) }

    func write<Outcome: Sendable>(
        _ id: ProductID?, _ body: @Sendable () async throws(InventoryError) -> Written<Outcome>
    ) async throws(InventoryError) -> Outcome { try await body().outcome }

    func glance(at id: ProductID, on loop: any EventLoop, answer: @escaping (CachedDocument?) -> Void) -> Glance {
        .elsewhere
    }
    func settle(_ products: [Product]) async {}
    var statistics: CacheStatistics { CacheStatistics() }
    func hint(for sku: SKU) -> ProductID? { nil }
}
