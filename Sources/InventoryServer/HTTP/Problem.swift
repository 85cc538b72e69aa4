import HTTPTypes
import Hummingbird
import InventoryKit
import NIOCore

/// Something that went wrong, as a client is told: RFC 9457.
struct Problem: Error {
    let code: ProblemCode
    let detail: String

    /// What the code means in figures: `available`, `max_per_order`, …
    var members: [(name: String, value: JSON)] = []
    var headers: HTTPFields = [:]

    init(_ code: ProblemCode, _ detail: String, members: [(name: String, value: JSON)] = [], headers: HTTPFields = [:])
    {
        self.code = code
        self.detail = detail
        self.members = members
        self.headers = headers
    }

    var status: HTTPResponse.Status { HTTPResponse.Status(code: code.rendering.status) }

    /// The problem as a JSON object, for a body of its own or a line of a bulk load's answer.
    func write(to writer: inout JSONWriter, path: String, requestID: String) {
        let rendering = code.rendering
        writer.object { writer in
            writer.member("type", "urn:inventoryd:error:\(code.rawValue)")
            writer.member("title", rendering.title)
            writer.member("status", Int64(rendering.status))
            writer.member("detail", detail)
            if !path.isEmpty { writer.member("instance", path) }
            writer.member("code", code.rawValue)
            writer.member("request_id", requestID)
            for member in members { writer.member(member.name, member.value) }
        }
    }

    func body(path: String, requestID: String) -> ByteBuffer {
        var writer = JSONWriter()
        write(to: &writer, path: path, requestID: requestID)
        return ByteBuffer(bytes: writer.bytes)
    }

    /// Of an answer with this body.
    var headersOfAnswer: HTTPFields {
        var headers = headers
        headers[.contentType] = "application/problem+json"
        headers[.cacheControl] = "no-store"
        if status.code == 503, headers[.retryAfter] == nil { headers[.retryAfter] = "1" }
        return headers
    }

    func response(path: String, requestID: String) -> Response {
        let body = ResponseBody(byteBuffer: body(path: path, requestID: requestID))
        return Response(status: status, headers: headersOfAnswer, body: body)
    }
}

extension Problem {
    static func noPlace(of most: Int) -> Problem {
        Problem(.overloaded, "\(most) requests are under way at most. Try again.")
    }

    init(_ trouble: CacheTrouble) { self.init(.cacheUnavailable, trouble.detail) }

    init(_ trouble: KeyTrouble) {
        switch trouble {
        case .exists(let owner):
            self.init(.keyExists, "\(owner.text) has a key. Rotate it, revoke it, or choose another name.")
        case .absent(let owner): self.init(.notFound, "\(owner.text) has no key in force. See the list of keys.")
        case .tooMany:
            self.init(.tooManyKeys, "There are \(Bounds.keys) keys, ended ones included, and no room for more.")
        case .store(let error): self.init(error)
        }
    }

    /// How each error of the domain is told.
    init(_ error: InventoryError) {
        switch error {
        case .invalid(let faults):
            self.init(
                .invalid,
                faults.count == 1 ? "One thing is wrong; see errors." : "\(faults.count) things are wrong; see errors.",
                members: [
                    ("errors", .array(faults.map { ["pointer": .string($0.pointer), "detail": .string($0.detail)] }))
                ]
            )
        case .notFound(let detail):
            self.init(.notFound, detail)
        case .archived(let id, let time):
            self.init(
                .archived, "The product was archived at \(time.rfc3339) and does not change any more.",
                members: [("product_id", .string(id.text)), ("archived_at", .string(time.rfc3339))]
            )
        case .preconditionFailed(let current):
            self.init(
                .preconditionFailed, "It is now at \(current.quoted). Read it again, and decide on what it is now.",
                members: [("current_etag", .string(current.quoted))]
            )
        case .refused(let refusal, let replayed):
            self.init(refusal)
            if replayed { headers[.idempotentReplayed] = "true" }
        case .idempotencyMismatch:
            self.init(
                .idempotencyMismatch,
                "This Idempotency-Key came with another request before. A new request takes a new key."
            )
        case .queryTooBroad:
            self.init(
                .queryTooBroad, "No index bears this combination of filters and sort, and time ran out. Ask for less.")
        case .unavailable(let trouble):
            self.init(trouble)
        }
    }

    private init(_ refusal: Refusal) {
        switch refusal {
        case .insufficientStock(let requested, let current):
            self.init(
                .insufficientStock, "\(requested) requested, \(current.available) available.",
                members: [("requested", .integer(requested))] + Self.members(current)
            )
        case .stockLimit(let delta, let current):
            self.init(
                .stockLimit, "A stock holds at most \(Bounds.exactInteger) units.",
                members: [("delta", .integer(delta))] + Self.members(current)
            )
        case .overMaxPerOrder(let requested, let most):
            self.init(
                .overMaxPerOrder, "\(requested) requested, at most \(most) in one purchase.",
                members: [("requested", .integer(requested)), ("max_per_order", .integer(most))]
            )
        case .priceChanged(let expected, let current):
            self.init(
                .priceChanged,
                "You expected \(expected.decimal) \(expected.currency.code); it is \(current.decimal) \(current.currency.code).",
                members: [("expected_unit_price", Self.json(expected)), ("unit_price", Self.json(current))]
            )
        case .stockChanged(let expected, let current):
            self.init(
                .stockChanged, "You expected \(expected) on hand; there are \(current.onHand). Count again.",
                members: [("expected_on_hand", .integer(expected))] + Self.members(current)
            )
        case .skuTaken(let sku, let id):
            self.init(
                .skuTaken, "Another product is sold as \(sku.text).",
                members: [("sku", .string(sku.text)), ("product_id", .string(id.text))]
            )
        case .useAdjust(let current):
            self.init(
                .useAdjust, "The stock is not what this document says. Change it with adjust, or leave stock out.",
                members: Self.members(current)
            )
        }
    }

    private init(_ trouble: InventoryError.Trouble) {
        switch trouble {
        case .outOfReach: self.init(.storeUnavailable, "The store cannot answer now. Try again.")
        case .overloaded: self.init(.overloaded, "More changes are waiting than there is room for. Try again.")
        case .storageFull:
            self.init(
                .storageFull, "The store's disk is full; reading still works.", headers: [.retryAfter: "30"]
            )
        case .outcomeUnknown:
            self.init(
                .outcomeUnknown,
                "Whether it happened is not known. Ask again with the same Idempotency-Key for the truth."
            )
        case .ledgerBlocked:
            self.init(
                .ledgerBlocked,
                "Too many changes of this product wait to be written to its ledger. Whoever runs the service has to look.",
                headers: [.retryAfter: "30"]
            )
        case .stopping: self.init(.stopping, "The service is stopping. Try again.")
        }
    }

    private static func members(_ stock: StockLevel) -> [(name: String, value: JSON)] {
        [
            ("available", .integer(stock.available)), ("on_hand", .integer(stock.onHand)),
            ("reserved", .integer(stock.reserved)),
        ]
    }

    private static func json(_ money: Money) -> JSON {
        ["amount": .integer(money.amount), "currency": .string(money.currency.code)]
    }
}
