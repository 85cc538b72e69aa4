import InventoryKit
import Testing

private let leastBody = """
    {"sku": "85123A", "name": "Heart", "price": {"amount": 255, "currency": "GBP"}}
    """

private let wholeBody = """
    {"sku": "85123A", "name": "Heart", "description": "A\\nheart.", "price": {"amount": 255, "currency": "GBP"},
     "stock": {"on_hand": 40}, "low_stock_threshold": 5, "max_per_order": 3,
     "attributes": {"colour": "white", "size": ""}}
    """

/// Members of a body that is right but for them, and the place of the one fault in it.
private let faultyMembers: [(String, String)] = [
    (#""sku": 85123"#, "/sku"), (#""sku": """#, "/sku"), (#""sku": " A""#, "/sku"), (#""sku": null"#, "/sku"),
    (#""name": """#, "/name"), (#""name": ["Heart"]"#, "/name"), (#""name": "a\nb""#, "/name"),
    (#""name": null"#, "/name"), (#""description": "\u0000""#, "/description"),
    (#""description": 1"#, "/description"),
    (#""price": null"#, "/price"), (#""price": 255"#, "/price"), (#""price": "2.55""#, "/price"),
    (#""price": {"currency": "GBP"}"#, "/price/amount"), (#""price": {"amount": 255}"#, "/price/currency"),
    (#""price": {"amount": 2.55, "currency": "GBP"}"#, "/price/amount"),
    (#""price": {"amount": "255", "currency": "GBP"}"#, "/price/amount"),
    (#""price": {"amount": -1, "currency": "GBP"}"#, "/price/amount"),
    (#""price": {"amount": 9007199254740992, "currency": "GBP"}"#, "/price/amount"),
    (#""price": {"amount": 1e400, "currency": "GBP"}"#, "/price/amount"),
    (#""price": {"amount": null, "currency": "GBP"}"#, "/price/amount"),
    (#""price": {"amount": 255, "currency": "gbp"}"#, "/price/currency"),
    (#""price": {"amount": 255, "currency": "GBP", "tax": 0}"#, "/price/tax"),
    (#""stock": 40"#, "/stock"), (#""stock": {}"#, "/stock/on_hand"),
    (#""stock": {"on_hand": -1}"#, "/stock/on_hand"),
    (#""stock": {"on_hand": 1, "reserved": 0}"#, "/stock/reserved"),
    (#""low_stock_threshold": -1"#, "/low_stock_threshold"), (#""max_per_order": 0"#, "/max_per_order"),
    (#""max_per_order": 1000001"#, "/max_per_order"), (#""attributes": []"#, "/attributes"),
    (#""attributes": {"a": 1}"#, "/attributes/a"), (#""attributes": {"a": null}"#, "/attributes/a"),
    (#""attributes": {"": "v"}"#, "/attributes/"), (#""attributes": {"a/b": 1}"#, "/attributes/a~1b"),
    (#""colour": "white""#, "/colour"), (#""Name": "Heart""#, "/Name"),
    (#""id": "6655aabbccddeeff00112233""#, "/id"),
    (#""version": 1"#, "/version"), ("\"a/b~c\": 1", "/a~1b~0c"), ("\"\": 1", "/"),
]

/// The least body with a member in the place of its own of that name, if it has one.
private func body(with member: String) throws -> JSONDocument {
    guard case .object(var members) = try parse(leastBody).root, case .object(let other) = try parse("{\(member)}").root
    else {
        throw InvalidValue("the sample is no object")
    }
    members.merge(other) { $1 }
    return try JSONDocument(parsing: JSON.object(members).encoded())
}

@Suite("The body of a new product")
struct ProductDraftTests {
    @Test("needs a SKU, a name and a price; the rest has defaults")
    func least() throws {
        let draft = try ProductDraft(parse(leastBody))
        let expected = Catalogue(sku: try SKU("85123A"), name: try ProductName("Heart"), price: try money(255))
        #expect(draft.catalogue == expected)
        #expect(draft.opening == .zero)
    }

    @Test("may have all fields")
    func whole() throws {
        let draft = try ProductDraft(parse(wholeBody))
        let expected = Catalogue(
            sku: try SKU("85123A"), name: try ProductName("Heart"), description: try ProductDescription("A\nheart."),
            price: try money(255), lowStockThreshold: try Balance(5), maxPerOrder: try Quantity(3),
            attributes: try Attributes(["colour": "white", "size": ""])
        )
        let opening = try Balance(40)
        #expect(draft.catalogue == expected)
        #expect(draft.opening == opening)
    }

    @Test("means the same with null as without, where a field has a default")
    func nulls() throws {
        let names = ["description", "stock", "low_stock_threshold", "max_per_order", "attributes"]
        let draft = try ProductDraft(body(with: names.map { "\"\($0)\": null" }.joined(separator: ", ")))
        let expected = try ProductDraft(parse(leastBody))
        #expect(draft == expected)
    }

    @Test("takes integers however they are written")
    func integers() throws {
        let price = #""price": {"amount": 2.55e2, "currency": "GBP"}"#
        let draft = try ProductDraft(body(with: "\(price), \"stock\": {\"on_hand\": 4.0}"))
        #expect(draft.catalogue.price.amount == 255)
        #expect(draft.opening.units == 4)
    }

    @Test("is refused for a single fault, at its place", arguments: faultyMembers)
    func singleFault(member: String, place: String) throws {
        let document = try body(with: member)
        let places = faults { try ProductDraft(document) }.map(\.pointer)
        #expect(places == [place])
    }

    @Test("is refused for all its faults at once")
    func allFaults() throws {
        let document = try parse(
            """
            {"sku": "", "name": 7, "name": "", "description": "\\u0000", "low_stock_threshold": "5",
             "price": {"amount": -1, "currency": "gbp", "currency": "pounds", "tax": 1},
             "stock": {"on_hand": -1, "reserved": 1}, "max_per_order": 0, "colour": "red",
             "attributes": {"": "v", "a": 1, "b": "fine"}}
            """
        )
        let places = pointers { try ProductDraft(document) }
        #expect(
            places == [
                "/attributes/", "/attributes/a", "/colour", "/description", "/low_stock_threshold", "/max_per_order",
                "/name", "/price/amount", "/price/currency", "/price/tax", "/sku", "/stock/on_hand", "/stock/reserved",
            ]
        )
    }

    @Test("names what is missing")
    func missing() throws {
        let document = try parse("{}")
        let told = faults { try ProductDraft(document) }
        let expected = ["/sku", "/name", "/price"].map { Fault(at: $0, "is required") }
        #expect(told == expected)
    }

    @Test(
        "may not have a member twice, be it the same",
        arguments: [
            (#""name": "n", "name": "n", "price": {"amount": 1, "currency": "GBP"}"#, "/name"),
            (#""name": "n", "price": {"amount": 1, "amount": 1, "currency": "GBP"}"#, "/price/amount"),
        ]
    )
    func doubled(members: String, place: String) throws {
        let document = try parse("{\"sku\": \"A\", \(members)}")
        let told = faults { try ProductDraft(document) }
        #expect(told == [Fault(at: place, "occurs more than once")])
    }

    @Test("is an object", arguments: ["null", "[]", "\"sku\"", "1", "[{}]"])
    func noObject(text: String) throws {
        let document = try parse(text)
        let told = faults { try ProductDraft(document) }
        #expect(told == [Fault(at: "", "must be a JSON object")])
    }

    @Test("has at most 50 attributes")
    func attributeCount() throws {
        func attributes(_ count: Int) -> String {
            let members = (0..<count).map { "\"n\($0)\": \"v\"" }
            return "\"attributes\": {\(members.joined(separator: ", "))}"
        }
        let fifty = try ProductDraft(body(with: attributes(50)))
        #expect(fifty.catalogue.attributes.values.count == 50)
        let document = try body(with: attributes(51))
        let places = pointers { try ProductDraft(document) }
        #expect(places == ["/attributes"])
    }

    /// Whatever is sent, the answer that lists its faults has to stay small.
    @Test("is answered with little, however much is wrong and however long its names are", arguments: Excess.allCases)
    func smallAnswer(excess: Excess) throws {
        let text = excess.body
        let document = try parse(text)
        let told = faults { try ProductDraft(document) }
        #expect(!told.isEmpty)
        #expect(told.count <= 100)
        let size = told.reduce(0) { $0 + $1.pointer.utf8.count + $1.detail.utf8.count }
        #expect(size < 65_536, "for a body of \(text.utf8.count) bytes")
    }
}

/// Bodies that nobody sends in good faith. They are named, for a failure prints its arguments.
enum Excess: CaseIterable, Sendable {
    case manyUnknownMembers, longName, nameOfOneCharacter, manyLongNames, doubledLongNames, longAttributeName

    var body: String {
        let long = String(repeating: "n", count: 5_000)
        switch self {
        case .manyUnknownMembers: return Self.object((0..<5_000).map { "n\($0)" })
        case .longName: return Self.object([String(repeating: long, count: 20)])
        // With its combining marks one character to Swift, and 200 kB to the network.
        case .nameOfOneCharacter: return Self.object(["n" + String(repeating: "\u{301}", count: 100_000)])
        case .manyLongNames: return Self.object((0..<200).map { "\($0)\(long)" })
        case .doubledLongNames: return Self.object((0..<400).map { "\($0 / 2)\(long)" })
        case .longAttributeName: return "{\"attributes\":\(Self.object([String(repeating: long, count: 20)]))}"
        }
    }

    private static func object(_ names: [String]) -> String {
        let members = names.map { "\"\($0)\":0" }
        return "{\(members.joined(separator: ","))}"
    }
}
