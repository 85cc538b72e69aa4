import InventoryKit

/// A stock command that waits to be decided, and whoever waits for its answer.
struct PendingMove: Sendable {
    let command: StockCommand
    let waiter: Waiter<StockOutcome>

    /// Tells an operation that this one has left from one that an earlier request with the same key has.
    let token = Int64.random(in: .min ... .max)

    /// The fence that was known before its key was looked for in the ledger, and not found. Only a write that finds that
    /// same fence may decide it.
    var clearedAt: Int64?

    /// Whether it has been in a round that has not answered it, so that it may have happened, and be filed by now.
    var mayHaveHappened = false

    /// Whether it has to be looked for in the ledger before a write may decide it: what has a key may have been sent by
    /// anybody before, and what has none by this process.
    var isLookedFor: Bool { command.origin.isRepeatable || mayHaveHappened }

    /// Whether the product that its SKU names has just been asked for, and not remembered from before.
    var isResolved = false

    init(_ command: StockCommand, _ waiter: Waiter<StockOutcome>) {
        self.command = command
        self.waiter = waiter
    }

    var id: String { command.origin.id.text }

    /// The SKU, in key form, by which the product was named: it has to be the product's when it is decided.
    var via: String? { if case .sku(let sku) = command.product { sku.key } else { nil } }

    /// What the pipeline has to know of it.
    var bson: BSON {
        let origin = command.origin
        var members: [(String, BSON?)] = [
            (
                "op",
                .members([
                    ("id", .string(origin.id.text)), ("by", .integer(token)),
                    ("fp", origin.fingerprint.map(BSON.string)), ("via", via.map(BSON.string)),
                    ("kind", .string(command.kind.rawValue)), ("reason", (command.reason?.rawValue).map(BSON.string)),
                    ("reference", (command.reference?.text).map(BSON.string)), ("actor", .string(origin.actor)),
                    ("request_id", .string(origin.requestID)),
                ])
            ), ("keyed", .bool(origin.isRepeatable)),
        ]
        switch command.change {
        case .purchase(let quantity, let price):
            members += [("delta", .integer(-quantity.units)), ("expected_price", price?.bson)]
        case .adjust(let delta): members.append(("delta", .integer(delta.units)))
        case .count(let counted, let expected):
            members += [("counted", .integer(counted.units)), ("expected_on_hand", .integer(expected.units))]
        }
        return .members(members)
    }

    func answer(_ result: Result<StockOutcome, InventoryError>) { waiter.answer(result) }

    /// The answer that was given before to a request with the same key: this one's, if it asks for the same.
    ///
    /// - Parameters:
    ///   - operation: as it was filed, or as it stands in its product.
    ///   - product: the product as it is now.
    func answer(
        by operation: Operation, movement: () throws -> Movement, product: Product?
    ) throws -> Result<StockOutcome, InventoryError> {
        // Nobody else has sent what has no key.
        let isMine = operation.token == token || !command.origin.isRepeatable
        guard operation.fingerprint == command.origin.fingerprint else { return .failure(.idempotencyMismatch) }
        if let record = try operation.record() {
            return .failure(.refused(try Refusal(record: record), replayed: !isMine))
        }
        guard let product else { throw DamagedDocument(detail: "movement \(id) has no product") }
        return .success(StockOutcome(movement: try movement(), product: product, replayed: !isMine))
    }
}
