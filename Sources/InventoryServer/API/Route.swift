import HTTPTypes
import Hummingbird
import InventoryKit
import NIOCore

/// One line of the table of routes: what is served where, which the router, `Allow`, and the test against
/// `docs/openapi.json` are all made from.
struct Route: Sendable {
    typealias Handler = @Sendable (inout Exchange) async throws -> Response

    let method: HTTPRequest.Method

    /// As OpenAPI writes it: `/v1/products/{id}`.
    let path: String

    /// The query parameters it has; all others are refused.
    let parameters: Set<String>

    /// The media type of its answer when all goes well.
    let produces: String

    /// What a caller must be entitled to.
    let access: Access
    let handler: Handler

    /// - Parameter access: if nothing is said, reading is what `GET` does, and for the rest one has to run the service.
    init(
        _ method: HTTPRequest.Method, _ path: String, parameters: Set<String> = [],
        produces: String = "application/json", access: Access? = nil,
        _ handler: @escaping Handler
    ) {
        self.access = access ?? (method == .get ? .scope(.read) : .operating)
        self.method = method
        self.path = path
        self.parameters = parameters
        self.produces = produces
        self.handler = handler
    }

    /// Wherever `GET` is, `HEAD` is.
    var methods: [HTTPRequest.Method] { method == .get ? [.get, .head] : [method] }

    /// Whether it is a change that comes as JSON: ``Exchange/json(_:)`` takes the request's place when that is there.
    private var takesJSON: Bool { [.post, .put, .patch].contains(method) && produces == "application/json" }

    func register(on router: Router<Call>) {
        for method in methods {
            router.on(RouterPath(path), method: method) { request, call in
                if let problem = call.caller.entitlement.refusal(of: access) { throw problem }
                try MediaTypes.check(request.headers, accept: produces)
                if !takesJSON { try await call.enter() }
                var exchange = Exchange(request: request, call: call, parameters: parameters)
                let response = try await handler(&exchange)
                assert(call.place?.isHeld ?? true, "\(path) has worked without a place: it does not take JSON")
                return response
            }
        }
    }

    func matches(_ path: String) -> Bool {
        let pattern = self.path.split(separator: "/")
        let components = path.split(separator: "/")
        return pattern.count == components.count
            && zip(pattern, components).allSatisfy { $0.hasPrefix("{") || $0 == $1 }
    }
}

/// A request with what a handler asks of it.
struct Exchange {
    let request: Request
    let call: Call
    var query: QueryParameters

    init(request: Request, call: Call, parameters: Set<String>) {
        self.request = request
        self.call = call
        query = QueryParameters(query: request.uri.query, known: parameters)
    }

    // MARK: The path

    /// The product that the path names by id or as `sku:…`.
    ///
    /// - Throws: a ``Problem``: a name that cannot be one is that of no product.
    func productReference() throws(Problem) -> ProductReference {
        do { return try ProductReference(try pathParameter()) } catch {
            throw Problem(.notFound, "There is no such product. Name one by its id, or as sku:<sku>: \(error.detail).")
        }
    }

    /// The product that the path names by id.
    func productID() throws(Problem) -> ProductID {
        guard case .id(let id) = try productReference() else {
            throw Problem(
                .notFound, "Name the product by its id to change or archive it; a sku may move to another product.")
        }
        return id
    }

    func operationID() throws(Problem) -> OperationID {
        do { return try OperationID(try pathParameter()) } catch {
            throw Problem(.notFound, "There is no such purchase.")
        }
    }

    func pathParameter() throws(InvalidValue) -> String {
        guard let raw = call.parameters.get("id"), let text = PercentEncoding.decode(raw) else {
            throw InvalidValue("must be percent-encoded UTF-8")
        }
        return text
    }

    // MARK: Headers

    /// Who asks, and under which key.
    ///
    /// - Throws: a ``Problem`` when the key is unusable, or lacking where one is required.
    func requester() throws(Problem) -> Requester {
        let values = request.headers[values: .idempotencyKey]
        guard values.count <= 1 else { throw Problem(.invalidIdempotencyKey, "Send one Idempotency-Key, not several.") }
        // What operators load has none, and is safe to repeat without.
        if values.isEmpty, call.settings.requiresIdempotencyKey, call.caller.actor != Caller.operatorActor {
            throw Problem(
                .idempotencyKeyRequired, "Send an Idempotency-Key header: a name of your own for this request.")
        }
        let key: IdempotencyKey?
        do {
            key = try values.first.map { value throws(InvalidValue) in try IdempotencyKey(String(value.trimmed)) }
        } catch {
            throw Problem(.invalidIdempotencyKey, "An Idempotency-Key \(error.detail).")
        }
        return Requester(actor: call.caller.actor, requestID: call.requestID, key: key)
    }

    // MARK: The body

    /// The body as JSON. While it is on its way the request has no place: it is the client that is waited for then.
    ///
    /// - Throws: a ``Problem`` when it is of another type, too large, or no JSON, or when there is no room for it.
    func json(_ types: Set<String> = MediaTypes.json) async throws -> JSONDocument {
        try MediaTypes.check(request.headers, isOneOf: types)
        let tooLarge = Problem(
            .bodyTooLarge, "A body may have \(APILimits.bodyBytes) bytes; products:batch takes any number.")
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > APILimits.bodyBytes {
            throw tooLarge
        }
        defer { call.place?.dropBody() }
        var bytes: [UInt8] = []
        var parts = request.body.makeAsyncIterator()
        while let part = try await Self.next(&parts) {
            let count = bytes.count + part.readableBytes
            guard count <= APILimits.bodyBytes else { throw tooLarge }
            guard call.place?.holdBody(of: count) ?? true else {
                throw Problem(.overloaded, "Too many large bodies are on their way. Try again.")
            }
            bytes += part.readableBytesView
        }
        try await call.enter()
        do { return try JSONDocument(parsing: bytes, valuesMax: Bounds.requestValues) } catch {
            throw Problem(.malformedJSON, "At byte \(error.offset): \(error.detail).")
        }
    }

    /// - Throws: a ``Problem`` where the body does not come to its end: that is the client's doing, and no fault of ours.
    private static func next(_ parts: inout RequestBody.AsyncIterator) async throws -> ByteBuffer? {
        do { return try await parts.next() } catch is CancellationError { throw CancellationError() } catch {
            throw Problem(.malformedRequest, "The body breaks off: what came is not HTTP, or the connection has ended.")
        }
    }
}
