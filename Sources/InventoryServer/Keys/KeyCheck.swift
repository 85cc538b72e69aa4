import HTTPTypes
import InventoryKit

/// Which requests over the network need an API key.
package enum Authentication: String, CaseIterable, Sendable {
    /// None. What stands in an `Authorization` field is not looked at: it may be meant for a proxy.
    case off
    /// Those that change something.
    case writes
    /// All but health and what describes the API.
    case all
}

/// Knows callers over the network by the key they show.
struct KeyCheck: Sendable {
    let authentication: Authentication
    let keys: APIKeys

    /// Who shows that; nothing stands for no `Authorization` field.
    func caller(showing authorization: String?) -> Caller {
        guard authentication != .off else { return Self.anybody }
        guard let authorization else { return authentication == .writes ? Self.reader : Self.nobody }
        guard let token = Self.token(of: authorization) else { return Self.stranger }
        switch keys.check(token) {
        case .known(let key):
            return Caller(
                actor: key.owner.text, name: key.owner.text,
                entitlement: .key(key, readsAnyway: authentication == .writes))
        case .unknown: return Self.stranger
        case .unavailable: return Self.unsure
        }
    }

    /// What follows `Bearer` (RFC 6750, 2.1), which is written in any case.
    private static func token(of authorization: String) -> String? {
        let (scheme, rest) = (authorization.utf8.prefix(6), authorization.utf8.dropFirst(6))
        let blank = UInt8(ascii: " ")
        guard scheme.elementsEqual("bearer".utf8, by: { $0 | 0x20 == $1 }), rest.first == blank else { return nil }
        return String(Substring(rest.drop { $0 == blank }))
    }

    /// Whether keys can be told from what is none, as far as that is asked for.
    var isReady: Bool { authentication == .off || keys.areKnown }

    private static let anybody = Caller.anonymous(.everything)
    private static let reader = Caller.anonymous(.readingOnly(missing))
    private static let nobody = Caller.anonymous(.nothing(missing))
    private static let stranger = Caller.anonymous(
        .nothing(
            Problem(
                .keyUnknown, "The key is not known here, or has ended. Ask whoever runs the service for another.",
                headers: [.wwwAuthenticate: "Bearer error=\"invalid_token\""])))
    private static let unsure = Caller.anonymous(
        .nothing(Problem(.storeUnavailable, "Keys cannot be checked: the store does not answer. Try again.")))

    private static let missing = Problem(
        .keyRequired, "Send an API key, as in Authorization: Bearer inv_…. Whoever runs the service makes one.",
        headers: [.wwwAuthenticate: "Bearer"])
}
