package import InventoryKit
import NIOHTTP1

/// The rates that callers are kept to; a class without one is not limited.
package struct RateLimits: Sendable, Equatable {
    package var read: RatePolicy?
    package var write: RatePolicy?
    package var purchase: RatePolicy?

    /// Proxies whose word on who calls is taken.
    package var trustedProxies: [AddressRange] = []

    package init() {}

    /// What a request counts as, and its rate. Probes, documents and preflights are not limited.
    func policy(for head: HTTPRequestHead) -> (RateClass, RatePolicy)? {
        // The router serves `http://host/v1/…` like `/v1/…`, so what does not begin with a path is limited whatever it is.
        guard head.uri.hasPrefix("/v1/") || !head.uri.hasPrefix("/") else { return nil }
        let path = head.uri.prefix { $0 != "?" }
        let limited: RateClass
        switch head.method {
        case .OPTIONS: return nil
        case .GET, .HEAD: limited = .read
        case .POST: limited = path.hasSuffix("/purchase") ? .purchase : .write
        default: limited = .write
        }
        let policy: RatePolicy? =
            switch limited {
            case .read: read
            case .write: write
            case .purchase: purchase
            }
        return policy.map { (limited, $0) }
    }
}

/// What a client is told of its limit: the fields of draft-ietf-httpapi-ratelimit-headers-10.
struct RateFields: Sendable {
    let policy: String
    let limit: String

    init(_ limited: RateClass, _ policy: RatePolicy, _ decision: RateDecision) {
        self.policy = "\"\(limited.rawValue)\";q=\(policy.burst);w=\(policy.window)"
        limit = "\"\(limited.rawValue)\";r=\(decision.remaining);t=\(Self.seconds(decision.resetAfter))"
    }

    func add(to headers: inout HTTPHeaders) {
        headers.add(name: "RateLimit-Policy", value: policy)
        headers.add(name: "RateLimit", value: limit)
    }

    /// Whole seconds, rounded up: who waits for as long does not come too early.
    static func seconds(_ microseconds: Int64) -> Int64 { (microseconds + 999_999) / 1_000_000 }
}
