package import InventoryKit
import NIOHTTP1

/// The rates that callers are kept to; a class without one is not limited.
package struct RateLimits: Sendable, Equatable {
    /// The rate of a class, and what every answer tells of it, worded once.
    struct Limit: Sendable, Equatable {
        let limited: RateClass
        let policy: RatePolicy
        let field: String

        init(_ limited: RateClass, _ policy: RatePolicy) {
            self.limited = limited
            self.policy = policy
            field = "\"\(limited.rawValue)\";q=\(policy.burst);w=\(policy.window)"
        }
    }

    private var read: Limit?
    private var write: Limit?
    private var purchase: Limit?

    /// Proxies whose word on who calls is taken.
    package var trustedProxies: [AddressRange] = []

    package init() {}

    package subscript(limited: RateClass) -> RatePolicy? {
        get { limit(limited)?.policy }
        set {
            let limit = newValue.map { Limit(limited, $0) }
            switch limited {
            case .read: read = limit
            case .write: write = limit
            case .purchase: purchase = limit
            }
        }
    }

    private func limit(_ limited: RateClass) -> Limit? {
        switch limited {
        case .read: read
        case .write: write
        case .purchase: purchase
        }
    }

    /// What a request counts as, and its rate; nothing where it is not limited.
    func limit(for head: HTTPRequestHead) -> Limit? {
        RateClass(method: head.method.rawValue, uri: head.uri).flatMap(limit)
    }
}

/// What a client is told of its limit: the fields of draft-ietf-httpapi-ratelimit-headers-10.
struct RateFields: Sendable {
    let policy: String
    let limit: String

    init(_ limit: RateLimits.Limit, _ decision: RateDecision) {
        policy = limit.field
        self.limit =
            "\"\(limit.limited.rawValue)\";r=\(decision.remaining);t=\(Self.seconds(decision.resetAfter))"
    }

    func add(to headers: inout HTTPHeaders) {
        headers.add(name: "RateLimit-Policy", value: policy)
        headers.add(name: "RateLimit", value: limit)
    }

    /// Whole seconds, rounded up: who waits for as long does not come too early.
    static func seconds(_ microseconds: Int64) -> Int64 { (microseconds + 999_999) / 1_000_000 }
}
