import Crypto

/// Who asks, and under which name the request may be repeated.
package struct Requester: Sendable {
    /// The API key's owner, `anonymous`, or `admin`; never an address, for a retry may come from another one.
    package let actor: String
    package let requestID: String
    package let key: IdempotencyKey?

    package init(actor: String, requestID: String, key: IdempotencyKey?) {
        self.actor = actor
        self.requestID = requestID
        self.key = key
    }
}

/// The identity of requests: what makes two of them the same.
package enum Idempotency {
    /// - Parameters:
    ///   - operation: what is done: `create`, `purchase`, …
    ///   - target: the product as it was named.
    ///   - line: the line of a bulk load, each of which is a request of its own.
    ///   - request: what was asked for, in canonical form.
    package static func origin(
        of requester: Requester, operation: String, target: String, line: Int? = nil, request: [JSON], now: Timestamp
    ) -> Origin {
        guard let key = requester.key else {
            return Origin(
                id: OperationID(at: now), fingerprint: nil, actor: requester.actor, requestID: requester.requestID
            )
        }
        var scope: [JSON] = [.string(requester.actor), .string(operation), .string(target), .string(key.text)]
        if let line { scope.append(.integer(Int64(line))) }
        return Origin(
            id: OperationID(digest: SHA256.hash(data: JSON.array(scope).encoded())),
            fingerprint: Hex.encode(SHA256.hash(data: JSON.array(request).encoded())),
            actor: requester.actor, requestID: requester.requestID
        )
    }
}

extension StockCommand.Change {
    package var operation: String {
        switch self {
        case .purchase: "purchase"
        case .adjust, .count: "adjust"
        }
    }

    fileprivate var canonical: [JSON] {
        switch self {
        case .purchase(let quantity, let price):
            ["purchase", .integer(quantity.units), price.map(\.canonical) ?? .null]
        case .adjust(let delta):
            ["adjust", .integer(delta.units)]
        case .count(let counted, let expected):
            ["count", .integer(counted.units), .integer(expected.units)]
        }
    }
}

extension StockCommand {
    static func canonical(change: Change, reason: StockReason?, reference: Reference?) -> [JSON] {
        change.canonical + [.optional(reason?.rawValue), .optional(reference?.text)]
    }
}

extension Money {
    fileprivate var canonical: JSON { [.integer(amount), .string(currency.code)] }
}

extension ProductDraft {
    var canonical: [JSON] {
        [
            .string(catalogue.sku.text), .string(catalogue.name.text), .string(catalogue.description.text),
            catalogue.price.canonical, .optional(catalogue.lowStockThreshold?.units),
            .optional(catalogue.maxPerOrder?.units), .object(catalogue.attributes.values.mapValues(JSON.string)),
            .integer(opening.units),
        ]
    }
}

extension BatchRow {
    var canonical: [JSON] {
        // Absent and null differ in a row, so a field that is set is wrapped in an array.
        [
            .string(sku.text), .optional(change.name?.text), .optional(change.description?.text),
            .optional(change.price?.amount), .optional(change.price?.currency?.code),
            change.lowStockThreshold.map { [.optional($0?.units)] } ?? .null,
            change.maxPerOrder.map { [.optional($0?.units)] } ?? .null,
            canonicalAttributes, .optional(opening?.units),
        ]
    }

    private var canonicalAttributes: JSON {
        switch change.attributes {
        case nil: .null
        case .removeAll: []
        case .merge(let members): .object(members.mapValues(JSON.optional))
        }
    }
}
