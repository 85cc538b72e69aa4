import InventoryKit
import Testing

@testable import InventoryServer

@Suite("Query parameters")
struct QueryParametersTests {
    @Test("Everything that is wrong is told at once")
    func allFaults() throws {
        var query = QueryParameters(
            query: "limit=0&limit=5&foo=1&in_stock=maybe&q=%ZZ", known: ["limit", "in_stock", "q"])
        _ = query.integer("limit", in: 1...200)
        _ = query.bool("in_stock")
        let problem = #expect(throws: Problem.self) { try query.finish() }
        guard case .array(let errors)? = problem?.members.first?.value else {
            Issue.record("no errors")
            return
        }
        #expect(errors.count == 4)
        #expect(problem?.code == .invalidParameters)
    }

    /// Fails where a link to the next page would have two of them.
    @Test("The cursor is left out of a link however it was written")
    func disguisedCursor() {
        let query = QueryParameters(query: "limit=1&%63ursor=a&cursor=b&q=cursor", known: ["limit", "cursor", "q"])
        #expect(query.withoutCursor == "limit=1&q=cursor")
    }

    @Test("Integers are digits only", arguments: ["+1", "-0", " 1", "1.0", "0x1", "1e1", "", "99999999999999999999"])
    func strictIntegers(_ text: String) {
        var query = QueryParameters(query: "limit=\(text)", known: ["limit"])
        #expect(query.integer("limit", in: 0...200) == nil)
        #expect(throws: Problem.self) { try query.finish() }
    }

    @Test("The link to the next page keeps the query as it was written, but for the cursor")
    func withoutCursor() {
        let query = QueryParameters(query: "q=a%20b&cursor=ff&limit=5", known: ["q", "cursor", "limit"])
        #expect(query.withoutCursor == "q=a%20b&limit=5")
    }

    @Test("Percent-encoding", arguments: [("a%20b", "a b"), ("%C3%A9", "é"), ("a+b", "a+b"), ("%2F", "/")])
    func decoding(_ encoded: String, _ text: String) {
        #expect(PercentEncoding.decode(encoded) == text)
    }

    @Test("Malformed percent-encoding is refused", arguments: ["%", "%2", "%GG", "%FF", "%C3"])
    func malformedEncoding(_ text: String) {
        #expect(PercentEncoding.decode(text) == nil)
    }
}

@Suite("Listing products")
struct ProductListingTests {
    private func listing(_ text: String) throws(Problem) -> ProductListing {
        var query = QueryParameters(query: text, known: ProductListing.parameters)
        return try ProductListing(&query)
    }

    @Test("Filters and sort are read")
    func filters() throws {
        guard
            case .query(let query, _) = try listing(
                "q=Caf%C3%A9+x&sort=-price&currency=GBP&min_price=5&limit=7&archived=any")
        else { throw Problem(.internalError, "no query") }
        #expect(query.filter.words == ["cafe", "x"])
        #expect(query.sort == ProductSort(.price, descending: true))
        #expect(query.filter.minPrice == 5)
        #expect(query.limit == 7)
        #expect(query.filter.archived == .any)
    }

    @Test(
        "What makes no sense is refused",
        arguments: [
            "sort=price", "min_price=1", "sort=weight", "q=%20", "id=", "id=zz", "sku_prefix=", "archived=maybe",
            "cursor=00",
        ]
    )
    func refused(_ text: String) {
        #expect(throws: Problem.self) { try listing(text) }
    }

    @Test("A cursor does not fit a list with other filters")
    func foreignCursor() throws {
        guard case .query(_, let list) = try listing("in_stock=true") else { return }
        let cursor = Cursor(Keyset(value: .integer(5), id: "x"), list: list).text
        #expect(throws: Never.self) { try listing("in_stock=true&limit=9&cursor=\(cursor)") }
        #expect(throws: Problem.self) { try listing("in_stock=false&cursor=\(cursor)") }
    }
}
