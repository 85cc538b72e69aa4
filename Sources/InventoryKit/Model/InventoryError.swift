/// Everything that can come between a request and its effect, in the words of the trade. Nothing here knows HTTP:
/// one table in the server says how each is told to a REST client.
package enum InventoryError: Error, Hashable, Sendable {
    /// What was asked for is well-formed but cannot be, each fault with its place.
    case invalid([Fault])
    /// There is no such product, purchase or movement.
    case notFound(String)
    /// The product has been archived and does not change any more.
    case archived(ProductID, at: Timestamp)
    /// The product is no longer in a state on which the client based its change.
    case preconditionFailed(current: ETag)
    /// The state of the inventory does not allow it.
    case refused(Refusal, replayed: Bool)
    /// The idempotency key has been used for another request.
    case idempotencyMismatch
    /// No index bears this combination of filters and sort, and time ran out.
    case queryTooBroad
    /// The store cannot answer now.
    case unavailable(Trouble)

    /// Why a store cannot answer. What a client is told is not what the log is told: details go to the log.
    package enum Trouble: Hashable, Sendable {
        /// Out of reach, or failing.
        case outOfReach
        /// More changes are waiting than there is room for.
        case overloaded
        /// No room on the disk; reading still works.
        case storageFull
        /// The change may or may not have happened; the same key will tell.
        case outcomeUnknown
        /// Too much of the product's ledger waits to be filed; something keeps it from being.
        case ledgerBlocked
        /// The daemon is stopping.
        case stopping
    }
}

/// A fault in a document, at a JSON pointer (RFC 6901); empty means the document as a whole.
package struct Fault: Hashable, Sendable {
    package let pointer: String
    package let detail: String

    package init(at pointer: String, _ detail: String) {
        self.pointer = pointer
        self.detail = detail
    }

    package init(at pointer: String, _ invalid: InvalidValue) {
        self.init(at: pointer, invalid.detail)
    }
}

/// Why the state of the inventory refuses a change. With an idempotency key it is remembered, with these figures.
package enum Refusal: Error, Hashable, Sendable {
    case insufficientStock(requested: Int64, current: StockLevel)
    case stockLimit(delta: Int64, current: StockLevel)
    case overMaxPerOrder(requested: Int64, maxPerOrder: Int64)
    case priceChanged(expected: Money, current: Money)
    case stockChanged(expected: Int64, current: StockLevel)
    case skuTaken(SKU, by: ProductID)
    case useAdjust(current: StockLevel)
}
