import HTTPTypes
import Hummingbird
import InventoryKit
import NIOCore

/// The REST API: a table of routes over the use cases. A handler reads its request, calls one use case, and writes the
/// answer; it decides nothing about the inventory.
struct InventoryAPI: Sendable {
    let inventory: Inventory
    let state: ServerState

    /// `docs/openapi.json`, as it is served.
    let openAPI: ByteBuffer
    private let readiness: Readiness
    private let keyCheck: KeyCheck?

    /// - Parameter keyCheck: without which nobody is served; nothing where nobody shows a key.
    init(inventory: Inventory, state: ServerState, openAPI: ByteBuffer, keyCheck: KeyCheck? = nil) {
        self.keyCheck = keyCheck
        self.inventory = inventory
        self.state = state
        self.openAPI = openAPI
        readiness = Readiness(of: inventory.store)
    }

    var routes: [Route] { serviceRoutes + productRoutes + stockRoutes + ledgerRoutes + [batchRoute] }

    // MARK: The service itself

    private var serviceRoutes: [Route] {
        [
            Route(.get, "/healthz", access: .open) { exchange in
                try exchange.query.finish()
                return .json { $0.value(["status": "ok"]) }
            },
            Route(.get, "/readyz", access: .open) { exchange in
                try exchange.query.finish()
                guard !state.isStopping else { throw InventoryError.unavailable(.stopping) }
                guard !state.isDraining else {
                    throw Problem(.stopping, "An operator drains this instance (invctl drain). Ask another.")
                }
                if let problem = Problem(state.importState) { throw problem }
                try await readiness.check()
                guard keyCheck?.isReady ?? true else {
                    throw Problem(.storeUnavailable, "The API keys are not read yet. Try again.")
                }
                // Without its cache the service is slower, and right.
                let cache = inventory.cache.condition
                return .json {
                    $0.value([
                        "status": cache == .off ? "degraded" : "ready", "store": "ok", "cache": .string(cache.rawValue),
                    ])
                }
            },
            Route(.get, "/openapi.json", access: .open) { exchange in
                try exchange.query.finish()
                return .json(text: openAPI)
            },
            Route(.get, "/docs", produces: "text/html", access: .open) { exchange in
                try exchange.query.finish()
                return DocumentationPage.served.response(to: exchange.request)
            },
        ]
    }
}

// MARK: - Products

extension InventoryAPI {
    private var productRoutes: [Route] {
        [
            Route(.post, "/v1/products", access: .scope(.catalogue), createProduct),
            Route(.get, "/v1/products", parameters: ProductListing.parameters, listProducts),
            Route(.get, "/v1/products/{id}", readProduct),
            Route(.put, "/v1/products/{id}", access: .scope(.catalogue), replaceProduct),
            Route(.patch, "/v1/products/{id}", access: .scope(.catalogue), patchProduct),
            Route(.delete, "/v1/products/{id}", access: .scope(.catalogue), archiveProduct),
        ]
    }

    @Sendable private func createProduct(_ exchange: inout Exchange) async throws -> Response {
        try exchange.query.finish()
        let requester = try exchange.requester()
        let draft = try ProductDraft(try await exchange.json())
        let created = try await inventory.create(draft, by: requester)
        var headers: HTTPFields = [.location: "/v1/products/\(created.product.id.text)"]
        if created.replayed { headers[.idempotentReplayed] = "true" }
        return .product(created.product, status: .created, headers: headers)
    }

    @Sendable private func readProduct(_ exchange: inout Exchange) async throws -> Response {
        try exchange.query.finish()
        let (document, source) = try await inventory.document(try exchange.productReference())
        let headers: HTTPFields = [
            .eTag: document.etag.quoted, .cacheControl: "no-cache", .cacheResult: source.rawValue,
        ]
        if Conditions.ifNoneMatch(exchange.request.headers, names: document.etag.quoted) {
            return Response(status: .notModified, headers: headers)
        }
        return .json(text: document.body, headers: headers)
    }

    @Sendable private func listProducts(_ exchange: inout Exchange) async throws -> Response {
        let listing = try ProductListing(&exchange.query)
        return try await inTurn(exchange) { exchange in
            switch listing {
            case .ids(let ids):
                let page = Page(items: try await inventory.products(ids), next: nil)
                return .page(page, of: exchange, list: []) { writer, product in writer.product(product) }
            case .query(let query, let list):
                let page = try await inventory.page(of: query)
                return .page(page, of: exchange, list: list) { writer, product in writer.product(product) }
            }
        }
    }

    /// Lists are read and written out in turn; operators need not wait for theirs.
    ///
    /// - Throws: a ``Problem`` where that would take too long.
    func inTurn(_ exchange: Exchange, _ list: (Exchange) async throws -> Response) async throws -> Response {
        let call = exchange.call
        guard call.place != nil else { return try await list(exchange) }
        let account = call.caller.account(
            of: Peer(call.channel?.remoteAddress), forwardedFor: exchange.request.headers[values: .xForwardedFor],
            call.settings.limits)
        guard await state.listTurns.take(for: account, waitingAtMost: max(1, call.settings.maxInFlight / 4)) else {
            throw Problem(.overloaded, "Too many lists are asked for at once. Try again, or ask for shorter pages.")
        }
        defer { state.listTurns.leave() }
        return try await list(exchange)
    }

    @Sendable private func replaceProduct(_ exchange: inout Exchange) async throws -> Response {
        try await revise(exchange, types: MediaTypes.json, Revision.replacing)
    }

    @Sendable private func patchProduct(_ exchange: inout Exchange) async throws -> Response {
        try await revise(exchange, types: MediaTypes.mergePatch, Revision.merging)
    }

    private func revise(
        _ exchange: Exchange, types: Set<String>,
        _ read: (ProductID, JSONDocument, [ETag]?) throws(InventoryError) -> Revision
    ) async throws -> Response {
        try exchange.query.finish()
        let id = try exchange.productID()
        let document = try await exchange.json(types)
        let revision = try read(id, document, Conditions.ifMatch(exchange.request.headers))
        return .product(try await inventory.revise(revision))
    }

    @Sendable private func archiveProduct(_ exchange: inout Exchange) async throws -> Response {
        try exchange.query.finish()
        try await inventory.archive(
            try exchange.productID(), expectedETags: Conditions.ifMatch(exchange.request.headers)
        )
        return Response(status: .noContent)
    }
}

// MARK: - Stock

extension InventoryAPI {
    private var stockRoutes: [Route] {
        [
            Route(.post, "/v1/products/{id}/purchase", access: .scope(.purchase)) { exchange in
                let outcome = try await move(exchange, StockRequest.purchase)
                return answer(outcome, location: outcome.movement.location) { $0.purchase(outcome) }
            },
            Route(.post, "/v1/products/{id}/adjust", access: .scope(.stock)) { exchange in
                let outcome = try await move(exchange, StockRequest.adjust)
                return answer(outcome, location: nil) { $0.adjustment(outcome) }
            },
            Route(.get, "/v1/purchases/{id}") { exchange in
                try exchange.query.finish()
                let sale = try await inventory.purchase(try exchange.operationID())
                return .json { $0.purchase(sale) }
            },
        ]
    }

    private func move(
        _ exchange: Exchange, _ read: (JSONDocument) throws(InventoryError) -> StockRequest
    ) async throws -> StockOutcome {
        try exchange.query.finish()
        let reference = try exchange.productReference()
        let requester = try exchange.requester()
        let request = try read(try await exchange.json())
        return try await inventory.move(
            reference, request.change, reason: request.reason, note: request.reference, by: requester
        )
    }

    private func answer(
        _ outcome: StockOutcome, location: String?, _ write: (inout JSONWriter) -> Void
    ) -> Response {
        var headers: HTTPFields = [.eTag: outcome.product.etag.quoted]
        if let location { headers[.location] = location }
        if outcome.replayed { headers[.idempotentReplayed] = "true" }
        return .json(.created, headers: headers, write)
    }
}
