import InventoryKit
import NIOCore
import NIOHTTP1

/// A request that asks for nothing special, so that it can be answered without the router: a read of one product, or a
/// purchase. They are nearly all there is under load. What needs a second look (conditions, other media types, CORS, a key
/// that is none) is not plain, and takes the route.
final class PlainRequest: Sendable {
    enum Wish: Sendable {
        case read
        case purchase(IdempotencyKey?)
    }

    let wish: Wish
    let product: ProductID
    let head: HTTPRequestHead
    let caller: Caller
    let settings: ServerSettings
    let requestID: String
    let arrival: ContinuousClock.Instant

    /// Nothing where the request is not plain.
    init?(_ head: HTTPRequestHead, _ caller: Caller, _ settings: ServerSettings, _ ids: RequestIDs) {
        let path = head.uri.utf8
        guard path.starts(with: Self.products.utf8) else { return nil }
        switch head.method {
        case .GET:
            guard path.count == Self.products.utf8.count + 24, caller.entitlement.allows(.scope(.read)),
                Self.isPlain(head.headers, bodyBytes: 0)
            else { return nil }
            wish = .read
        case .POST:
            let keys = head.headers["idempotency-key"]
            let key = keys.first.flatMap { try? IdempotencyKey($0) }
            guard path.count == Self.products.utf8.count + 24 + Self.purchase.utf8.count,
                path.suffix(Self.purchase.utf8.count).elementsEqual(Self.purchase.utf8),
                caller.entitlement.allows(.scope(.purchase)),
                Self.isPlain(head.headers, bodyBytes: Places.bodyAllowance),
                head.headers["content-type"] == ["application/json"],
                keys.count == (key == nil ? 0 : 1), key != nil || !settings.requiresIdempotencyKey
            else { return nil }
            wish = .purchase(key)
        default: return nil
        }
        guard let id = String(path.dropFirst(Self.products.utf8.count).prefix(24)),
            let product = try? ProductID(id)
        else { return nil }
        self.product = product
        self.head = head
        self.caller = caller
        self.settings = settings
        requestID = ids.id(for: head.headers.joined("x-request-id"))
        arrival = .now
    }

    /// As the table of routes has it.
    var route: String {
        switch wish {
        case .read: "/v1/products/{id}"
        case .purchase: "/v1/products/{id}/purchase"
        }
    }

    var kind: RateClass {
        switch wish {
        case .read: .read
        case .purchase: .purchase
        }
    }

    private static let products = "/v1/products/"
    private static let purchase = "/purchase"

    /// Whether nothing in the request asks for more than is always given.
    private static func isPlain(_ headers: HTTPHeaders, bodyBytes: Int) -> Bool {
        headers.allSatisfy { name, value in
            // By their lengths, most need not be compared.
            switch name.utf8.count {
            case 6 where isSame(name, "origin"): false
            case 6 where isSame(name, "expect"): false
            case 6 where isSame(name, "accept"): value == "*/*" || value == "application/json"
            case 13 where isSame(name, "if-none-match"): false
            case 14 where isSame(name, "content-length"): Int(value).map { $0 <= bodyBytes } ?? false
            case 16 where isSame(name, "content-encoding"): false
            // A body may yet break off.
            case 17 where isSame(name, "transfer-encoding"): false
            default: true
            }
        }
    }

    /// Case counts for nothing in names of headers; the second is in lower case.
    private static func isSame(_ name: String, _ other: String) -> Bool {
        name.utf8.elementsEqual(other.utf8) { $0 | 0x20 == $1 }
    }
}

extension HTTPHeaders {
    /// A field's value, of several all in one, as the framework's own type gives it.
    func joined(_ name: String) -> String? {
        let values = self[name]
        return values.count > 1 ? values.joined(separator: ", ") : values.first
    }
}
