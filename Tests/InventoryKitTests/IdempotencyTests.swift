import InventoryKit
import Testing

@Suite("An idempotency key")
struct IdempotencyKeyTests {
    @Test(
        "is 1 to 255 visible characters, quoted or bare, which is the same",
        arguments: [
            "a", "a-1", "8e03978e-40d5-43e8-bc93-6894a57f9324", "!#$%&'()*+,-./:;<=>?@[]^_`{|}~", "\\",
            String(repeating: "k", count: 255),
        ]
    )
    func quotedOrBare(text: String) throws {
        let bare = try IdempotencyKey(text)
        let quoted = try IdempotencyKey("\"\(text)\"")
        #expect(bare.text == text)
        #expect(quoted == bare)
    }

    @Test(
        "is nothing else",
        arguments: [
            "", "\"", "\"\"", "\"\"\"", "a b", " a", "a ", "\"a", "a\"", "a\"b", "\"a\"b\"", "\"a\" ", "\t", "a\n",
            "\u{0}", "a\u{7F}", "é", "\"é\"", "😀", String(repeating: "k", count: 256),
            "\"\(String(repeating: "k", count: 256))\"",
        ]
    )
    func invalid(text: String) {
        #expect(throws: InvalidValue.self) { try IdempotencyKey(text) }
    }
}

/// What makes two requests with a key the same; each sample differs from the first in one thing.
private struct Scope: Sendable {
    var actor = "till-1"
    var operation = "purchase"
    var target = "6655aabbccddeeff00112233"
    var key = "k-1"
    var line: Int?

    func origin(requestID: String = "r-1", request: [JSON] = ["x"], at time: Timestamp = noon) throws -> Origin {
        Idempotency.origin(
            of: Requester(actor: actor, requestID: requestID, key: try IdempotencyKey(key)), operation: operation,
            target: target, line: line, request: request, now: time
        )
    }
}

@Suite("The identity of a request with a key")
struct RequestIdentityTests {
    @Test("is the same whenever it is sent, under whatever request id, and whatever it asks")
    func repeatable() throws {
        let scope = Scope()
        let first = try scope.origin()
        let again = try scope.origin(requestID: "r-2", at: Timestamp(milliseconds: noon.milliseconds + 86_400_000))
        let other = try scope.origin(request: ["y"])
        #expect(again.id == first.id)
        #expect(again.fingerprint == first.fingerprint)
        #expect(other.id == first.id, "else a key used twice would happen twice")
        #expect(other.fingerprint != first.fingerprint)
        #expect(first.isRepeatable)
        #expect(first.actor == "till-1")
        #expect(again.requestID == "r-2")
    }

    @Test("is another with any other scope, also where the parts join to the same text")
    func scopes() throws {
        let scopes = [
            Scope(), Scope(actor: "till-2"), Scope(operation: "adjust"), Scope(target: "6655aabbccddeeff00112234"),
            Scope(key: "k-2"), Scope(line: 1), Scope(line: 2), Scope(actor: "till-1purchase", operation: ""),
            Scope(actor: "till-", operation: "1purchase"), Scope(target: "6655aabbccddeeff00112233k", key: "-1"),
            Scope(actor: "till-1\",\"purchase", operation: ""), Scope(key: "k-1,1"), Scope(key: "K-1"),
        ]
        let ids = try Set(scopes.map { try $0.origin().id })
        #expect(ids.count == scopes.count)
    }

    @Test("does not depend on quotes around the key")
    func quotes() throws {
        let bare = try Scope(key: "k-1").origin()
        let quoted = try Scope(key: "\"k-1\"").origin()
        #expect(bare == quoted)
    }

    @Test("is fresh each time where there is no key, and nothing is remembered")
    func withoutKey() {
        let requester = Requester(actor: "anonymous", requestID: "r-1", key: nil)
        let origins = (0..<100).map { _ in
            Idempotency.origin(of: requester, operation: "purchase", target: "t", request: ["x"], now: noon)
        }
        #expect(Set(origins.map(\.id)).count == 100)
        let remembered = origins.filter(\.isRepeatable)
        #expect(remembered.isEmpty)
    }
}

/// These go through the service, for it is there that a request gets its canonical form.
@Suite("The fingerprint of a request")
struct FingerprintTests {
    private func performed(
        by key: String = "k-1", _ request: (Inventory, Requester) async throws -> Void
    ) async throws -> (origin: Origin, productID: ProductID?) {
        let store = RecordingStore()
        let inventory = Inventory(store: store, cache: NoCache(), clock: StoppedClock())
        let requester = Requester(actor: "till-1", requestID: "r-1", key: try IdempotencyKey(key))
        try await request(inventory, requester)
        let (origins, productIDs) = await (store.origins, store.productIDs)
        let origin = try #require(origins.first)
        return (origin, productIDs.first)
    }

    /// The different fingerprints of requests.
    private func fingerprints(
        of bodies: [String], _ origin: (String) async throws -> Origin
    ) async throws -> Set<String> {
        var fingerprints: Set<String> = []
        for body in bodies {
            let made = try await origin(body)
            fingerprints.insert(try #require(made.fingerprint))
        }
        return fingerprints
    }

    private func purchase(_ body: String, of product: String = "sku:A") async throws -> Origin {
        let (request, reference) = (try StockRequest.purchase(parse(body)), try ProductReference(product))
        return try await move(reference, request)
    }

    private func adjust(_ body: String) async throws -> Origin {
        let request = try StockRequest.adjust(parse(body))
        return try await move(.id(try anID()), request)
    }

    private func move(_ reference: ProductReference, _ request: StockRequest) async throws -> Origin {
        try await performed { inventory, requester in
            _ = try? await inventory.move(
                reference, request.change, reason: request.reason, note: request.reference, by: requester
            )
        }.origin
    }

    private func create(_ body: String) async throws -> (origin: Origin, productID: ProductID?) {
        let draft = try ProductDraft(parse(body))
        return try await performed { inventory, requester in _ = try? await inventory.create(draft, by: requester) }
    }

    private func load(_ body: String, line: Int = 1) async throws -> Origin {
        let row = try BatchRow(line: line, parse(body))
        return try await performed { inventory, requester in _ = await inventory.load([row], by: requester) }.origin
    }

    @Test(
        "of a purchase ignores how its JSON is written",
        arguments: [
            #"{"reference":"R","quantity":2,"expected_unit_price":{"currency":"GBP","amount":255}}"#,
            """
             { "quantity" : 2.0 , "reference" : "\\u0052" ,
               "expected_unit_price" : { "amount" : 2.55e2 , "currency" : "\\u0047BP" } }

            """,
        ]
    )
    func purchaseFormatting(body: String) async throws {
        let plain = try await purchase(
            #"{"quantity":2,"expected_unit_price":{"amount":255,"currency":"GBP"},"reference":"R"}"#
        )
        let other = try await purchase(body)
        #expect(other == plain)
    }

    @Test("of stock changes differs with every value")
    func stockValues() async throws {
        let purchases = [
            #"{"quantity":1}"#, #"{"quantity":2}"#, #"{"quantity":1,"reference":"R"}"#,
            #"{"quantity":1,"reference":"S"}"#, #"{"quantity":1,"expected_unit_price":{"amount":1,"currency":"GBP"}}"#,
            #"{"quantity":1,"expected_unit_price":{"amount":2,"currency":"GBP"}}"#,
            #"{"quantity":1,"expected_unit_price":{"amount":1,"currency":"EUR"}}"#,
        ]
        let adjustments = [
            #"{"delta":1,"reason":"lost"}"#, #"{"delta":-1,"reason":"lost"}"#, #"{"delta":1,"reason":"receive"}"#,
            #"{"delta":1,"reason":"lost","reference":"lost"}"#, #"{"count":1,"expected_on_hand":1,"reason":"lost"}"#,
            #"{"count":1,"expected_on_hand":2,"reason":"lost"}"#, #"{"count":2,"expected_on_hand":1,"reason":"lost"}"#,
        ]
        let asked = try await fingerprints(of: purchases) { try await purchase($0) }
        let adjusted = try await fingerprints(of: adjustments) { try await adjust($0) }
        #expect(asked.count == purchases.count)
        #expect(adjusted.count == adjustments.count)
        #expect(asked.isDisjoint(with: adjusted))
    }

    @Test("of an adjustment and of a count share one scope, so that one key does not do both")
    func adjustScope() async throws {
        let delta = try await adjust(#"{"delta":1,"reason":"lost"}"#)
        let count = try await adjust(#"{"count":1,"expected_on_hand":0,"reason":"lost"}"#)
        #expect(delta.id == count.id)
        #expect(delta.fingerprint != count.fingerprint)
    }

    @Test("does not depend on the case in which a product was named, but on whether it was by id or by SKU")
    func target() async throws {
        let body = #"{"quantity":1}"#
        let lower = try await purchase(body, of: "sku:ab-1")
        let upper = try await purchase(body, of: "sku:AB-1")
        let id = try await purchase(body, of: "6655aabbccddeeff00112233")
        let upperID = try await purchase(body, of: "6655AABBCCDDEEFF00112233")
        #expect(lower == upper)
        #expect(id == upperID)
        #expect(lower.id != id.id)
    }

    @Test("of a new product ignores how its JSON is written, and what is said by default")
    func creationFormatting() async throws {
        let plain = try await create(#"{"sku":"A","name":"n","price":{"amount":1,"currency":"GBP"}}"#)
        let other = try await create(
            """
            {"attributes": {}, "description": "", "max_per_order": null, "stock": {"on_hand": 0},
             "price": {"currency": "GBP", "amount": 1.0}, "name": "\\u006e", "sku": "A"}
            """
        )
        #expect(other.origin == plain.origin)
        #expect(other.productID == plain.productID)
        #expect(plain.productID == ProductID(of: plain.origin.id), "a repetition has to meet what the first one made")
    }

    @Test("of a new product differs with every value")
    func creationValues() async throws {
        let beginning = #""name":"n","price":{"amount":1,"currency":"GBP"}"#
        let bodies = [
            "{\"sku\":\"A\",\(beginning)}", "{\"sku\":\"a\",\(beginning)}",
            "{\"sku\":\"A\",\(beginning),\"description\":\"d\"}",
            "{\"sku\":\"A\",\(beginning),\"stock\":{\"on_hand\":1}}",
            "{\"sku\":\"A\",\(beginning),\"low_stock_threshold\":1}",
            "{\"sku\":\"A\",\(beginning),\"max_per_order\":1}",
            "{\"sku\":\"A\",\(beginning),\"attributes\":{\"a\":\"b\"}}",
            "{\"sku\":\"A\",\(beginning),\"attributes\":{\"a\":\"\"}}",
            #"{"sku":"A","name":"m","price":{"amount":1,"currency":"GBP"}}"#,
            #"{"sku":"A","name":"n","price":{"amount":2,"currency":"GBP"}}"#,
            #"{"sku":"A","name":"n","price":{"amount":1,"currency":"EUR"}}"#,
        ]
        let different = try await fingerprints(of: bodies) { try await create($0).origin }
        #expect(different.count == bodies.count)
    }

    @Test("of a row differs with every value, and between nothing and null")
    func rowValues() async throws {
        let members = [
            "", ",\"name\":\"n\"", ",\"description\":\"\"", #","price":{"amount":1}"#, #","price":{"currency":"GBP"}"#,
            ",\"low_stock_threshold\":null", ",\"low_stock_threshold\":0", ",\"max_per_order\":null",
            ",\"max_per_order\":1", ",\"attributes\":null", #","attributes":{"a":null}"#, #","attributes":{"a":""}"#,
            #","stock":{"on_hand":0}"#,
        ]
        let different = try await fingerprints(of: members) { try await load("{\"sku\":\"A\"\($0)}") }
        #expect(different.count == members.count)
    }

    @Test("of a row belongs to its line: each is a request of its own")
    func rowLines() async throws {
        let first = try await load(#"{"sku":"A"}"#, line: 1)
        let again = try await load(#" {"sku" : "A"} "#, line: 1)
        let second = try await load(#"{"sku":"A"}"#, line: 2)
        #expect(first == again)
        #expect(first.id != second.id)
    }
}
