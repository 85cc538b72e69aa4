import HTTPTypes
import InventoryKit

/// What a route asks of its callers.
enum Access: Hashable, Sendable {
    /// Nothing: health, and what describes the API.
    case open
    case scope(Scope)

    /// That they run the service. No API key gives it; it comes with the admin socket.
    case operating
}

/// Who asks, and what that entitles to.
struct Caller: Sendable {
    /// In whose name things are done: the scope of idempotency keys, and the actor in the ledger.
    let actor: String

    /// For the log.
    let name: String
    let entitlement: Entitlement

    /// The actor of those who run the service. No key's owner is called that.
    static let operatorActor = "admin"

    /// The actor of everybody who comes over the network without a key.
    static let anonymousActor = "anonymous"

    static func anonymous(_ entitlement: Entitlement) -> Caller {
        Caller(actor: anonymousActor, name: anonymousActor, entitlement: entitlement)
    }
}

extension Caller {
    /// Whose limits it counts against: the key's owner's, or else of the address.
    ///
    /// - Parameter forwardedFor: what `X-Forwarded-For` says, for connections of trusted proxies.
    func account(of peer: Peer, forwardedFor: @autoclosure () -> [String], _ limits: RateLimits) -> String {
        if case .key(let key, _) = entitlement { return "key \(key.owner.text)" }
        guard !limits.trustedProxies.isEmpty else { return peer.caller }
        let address = ForwardedCaller.address(
            peer: peer.address, forwardedFor: forwardedFor(), trusted: limits.trustedProxies)
        return address?.caller ?? peer.caller
    }
}

enum Entitlement: Sendable {
    case everything
    /// To read, and why to nothing more.
    case readingOnly(Problem)
    /// - Parameter readsAnyway: whether everybody may read.
    case key(APIKey, readsAnyway: Bool)
    /// To what is open, and why to nothing more.
    case nothing(Problem)

    func allows(_ access: Access) -> Bool { refusal(of: access) == nil }

    /// What the caller is told where the access is not allowed.
    func refusal(of access: Access) -> Problem? {
        switch (self, access) {
        case (.everything, _), (_, .open), (.readingOnly, .scope(.read)), (.key(_, readsAnyway: true), .scope(.read)):
            return nil
        case (.key(let key, _), .scope(let scope)):
            guard !key.allows(scope) else { return nil }
            return Problem(
                .scopeRequired,
                "The key of \(key.owner.text) has not the scope \(scope.rawValue). Use one that has: invctl key create.",
                headers: [.wwwAuthenticate: "Bearer error=\"insufficient_scope\", scope=\"\(scope.rawValue)\""])
        case (.key, .operating): return Problem(.forbidden, "No API key entitles to that; use the admin socket.")
        case (.readingOnly(let problem), _), (.nothing(let problem), _): return problem
        }
    }
}
