import Hummingbird
import InventoryKit

// MARK: API keys

extension AdminAPI {
    /// How long the old secret of a key that is rotated may go on.
    private static let graceSecondsMax: Int64 = 30 * 24 * 3_600

    var keyRoutes: [Route] {
        [
            Route(.get, Self.path("/keys")) { exchange in
                try exchange.query.finish()
                return try .admin(try await keys.list().map(listing(of:)))
            },
            Route(.post, Self.path("/keys"), createKey),
            Route(.post, Self.path("/keys/{id}/rotate"), rotateKey),
            Route(.delete, Self.path("/keys/{id}"), produces: "application/json") { exchange in
                try exchange.query.finish()
                return try .admin(listing(of: try await keys.revoke(try exchange.keyOwner())))
            },
        ]
    }

    /// `{"owner": "shop", "scopes": ["read", "purchase"]}`.
    @Sendable private func createKey(_ exchange: inout Exchange) async throws -> Response {
        try exchange.query.finish()
        let (owner, scopes) = try JSONForm.read(try await exchange.json()) { form in
            let owner = form.value("owner", .required) { json throws(InvalidValue) in try KeyOwner(json.text()) }
            let scopes = form.value("scopes", .required, Self.scopes)
            return owner.flatMap { owner in scopes.map { (owner, $0) } }
        }
        return try grant(try await keys.create(owner, scopes: scopes))
    }

    private static func scopes(_ json: JSON) throws(InvalidValue) -> Set<Scope> {
        let fault = InvalidValue(
            "must be an array of one or more of \(Scope.allCases.map(\.rawValue).joined(separator: ", "))")
        guard case .array(let items) = json, (1...Scope.allCases.count).contains(items.count) else { throw fault }
        var scopes: Set<Scope> = []
        for item in items {
            guard let scope = item.string.flatMap(Scope.init) else { throw fault }
            scopes.insert(scope)
        }
        return scopes
    }

    /// `{"grace_seconds": 3600}`: how long the old secret goes on.
    @Sendable private func rotateKey(_ exchange: inout Exchange) async throws -> Response {
        try exchange.query.finish()
        let owner = try exchange.keyOwner()
        let seconds = try JSONForm.read(try await exchange.json()) { form in
            form.value("grace_seconds", .required) { json throws(InvalidValue) in
                let seconds = try json.integer()
                guard (0...Self.graceSecondsMax).contains(seconds) else {
                    throw InvalidValue("must be 0 to \(Self.graceSecondsMax)")
                }
                return seconds
            }
        }
        return try grant(try await keys.rotate(owner, grace: .seconds(seconds)))
    }

    private func grant(_ made: (key: APIKey, secret: KeySecret)) throws -> Response {
        try .admin(KeyGrant(key: listing(of: made.key), secret: made.secret.text))
    }

    private func listing(of key: APIKey) -> KeyListing { KeyListing(key, at: SystemClock().now()) }
}

extension Exchange {
    /// The name that the path has in a product's place.
    func keyOwner() throws(Problem) -> KeyOwner {
        do { return try KeyOwner(try pathParameter()) } catch {
            throw Problem(.notFound, "There is no such key: a name \(error.detail).")
        }
    }
}
