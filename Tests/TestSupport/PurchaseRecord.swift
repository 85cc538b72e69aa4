package import InventoryKit
import Synchronization

/// One sending of a purchase, and what its buyer was told.
package struct PurchaseRecord: Hashable, Sendable {
    package enum Answer: Hashable, Sendable {
        case acknowledged(movement: String, seq: Int64, onHandAfter: Int64, status: Int)
        /// It did not happen and never will: an answer that is remembered with the key.
        case refused(code: String)
        /// No answer, or one that promises nothing: it happened once or not at all.
        case unknown
    }

    /// The idempotency key, and the reference by which the purchase is found in the ledger. Sent again, it is the same
    /// purchase of the same product.
    package let key: String

    /// The product's id.
    package let product: String
    package let quantity: Int64
    package let answer: Answer

    package init(key: String, product: String, quantity: Int64, answer: Answer) {
        self.key = key
        self.product = product
        self.quantity = quantity
        self.answer = answer
    }
}

extension PurchaseRecord.Answer {
    /// Refusals that are final. What else a client is told, such as that the store is out of reach, promises nothing.
    private static let refusals = ["insufficient-stock", "over-max-per-order", "price-changed"]

    /// What a reply of `POST /v1/products/{ref}/purchase` says; `nil` is none that came.
    package init(_ reply: HTTPTestClient.Reply?) {
        guard let reply else {
            self = .unknown
            return
        }
        let purchase = reply.json["purchase"]
        if (200..<300).contains(reply.status), let id = purchase["id"].string, let seq = purchase["seq"].int,
            let onHand = purchase["on_hand_after"].int
        {
            self = .acknowledged(movement: id, seq: seq, onHandAfter: onHand, status: reply.status)
        } else if let code = reply.json["code"].string, Self.refusals.contains(code) {
            self = .refused(code: code)
        } else {
            self = .unknown
        }
    }
}

/// What all buyers were told, noted down as it happens.
package final class PurchaseHistory: Sendable {
    private let state = Mutex<[PurchaseRecord]>([])

    package init() {}

    package var records: [PurchaseRecord] { state.withLock { $0 } }

    /// Purchases that were acknowledged, each counted once.
    package var acknowledged: Int { keys { if case .acknowledged = $0 { true } else { false } } }

    /// Purchases of which somebody was told that they were refused.
    package var refused: Int { keys { if case .refused = $0 { true } else { false } } }

    /// Sendings of which nobody knows what came.
    package var unknown: Int { records.count { $0.answer == .unknown } }

    package func add(_ record: PurchaseRecord) { state.withLock { $0.append(record) } }

    private func keys(_ isWanted: (PurchaseRecord.Answer) -> Bool) -> Int {
        Set(records.filter { isWanted($0.answer) }.map(\.key)).count
    }
}

/// One entry of a product's ledger, as far as the audit goes into it.
package struct LedgerEntry: Hashable, Sendable {
    package var id: String
    package var seq: Int64
    package var kind: String
    package var delta: Int64
    package var onHand: Int64
    package var reference: String?

    package init(id: String, seq: Int64, kind: String, delta: Int64, onHand: Int64, reference: String? = nil) {
        self.id = id
        self.seq = seq
        self.kind = kind
        self.delta = delta
        self.onHand = onHand
        self.reference = reference
    }

    package init(_ movement: Movement) {
        self.init(
            id: movement.id.text, seq: movement.seq, kind: movement.kind.rawValue, delta: movement.delta,
            onHand: movement.stock.onHand, reference: movement.reference?.text)
    }

    /// A movement as the API writes it; `nil` where that is none.
    package init?(json: JSON) {
        guard let id = json["id"].string, let seq = json["seq"].int, let kind = json["kind"].string,
            let delta = json["delta"].int, let onHand = json["on_hand"].int
        else { return nil }
        self.init(id: id, seq: seq, kind: kind, delta: delta, onHand: onHand, reference: json["reference"].string)
    }
}

/// What the system holds of a product when all is over.
package struct AuditedProduct: Sendable {
    package var id: String

    /// The stock it was created with.
    package var opening: Int64
    package var onHand: Int64

    /// Its whole ledger, in any order.
    package var ledger: [LedgerEntry]

    package init(id: String, opening: Int64, onHand: Int64, ledger: [LedgerEntry]) {
        self.id = id
        self.opening = opening
        self.onHand = onHand
        self.ledger = ledger
    }
}
