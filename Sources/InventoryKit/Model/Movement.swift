/// One entry of the ledger: what happened to a product's stock, with the balances after it.
///
/// Movements are only ever added. A product's movements are numbered by ``seq`` from 1 without gaps, and each one's
/// balances are those of the one before plus its deltas.
package struct Movement: Hashable, Sendable {
    package enum Kind: String, CaseIterable, Sendable {
        case opening, sale, receive, `return`, adjust, count
    }

    /// The identity of the change that caused it; for a sale it is the purchase's.
    package let id: OperationID
    package let productID: ProductID

    /// The SKU the product had at that moment.
    package let sku: SKU
    package let seq: Int64
    package let kind: Kind

    /// What it did to the units on hand.
    package let delta: Int64

    /// What it did to the reserved units.
    package let reservedDelta: Int64

    /// The balances after it.
    package let stock: StockLevel

    /// The price of one unit; only sales have one.
    package let unitPrice: Money?
    package let reason: StockReason?
    package let reference: Reference?

    /// Who caused it: the name of an API key's owner, `anonymous`, or `admin`.
    package let actor: String
    package let requestID: String

    /// Never before the movement that precedes it, even where a clock was set back.
    package let at: Timestamp

    package init(
        id: OperationID, productID: ProductID, sku: SKU, seq: Int64, kind: Kind, delta: Int64, reservedDelta: Int64 = 0,
        stock: StockLevel, unitPrice: Money? = nil, reason: StockReason? = nil, reference: Reference? = nil,
        actor: String, requestID: String, at: Timestamp
    ) {
        self.id = id
        self.productID = productID
        self.sku = sku
        self.seq = seq
        self.kind = kind
        self.delta = delta
        self.reservedDelta = reservedDelta
        self.stock = stock
        self.unitPrice = unitPrice
        self.reason = reason
        self.reference = reference
        self.actor = actor
        self.requestID = requestID
        self.at = at
    }
}

/// Why a stock was adjusted or counted.
package enum StockReason: String, CaseIterable, Sendable {
    case receive, `return`, damaged, lost, stocktake, correction

    /// The kind of movement an adjustment for this reason is.
    package var kind: Movement.Kind {
        switch self {
        case .receive: .receive
        case .return: .return
        case .damaged, .lost, .stocktake, .correction: .adjust
        }
    }
}

/// What the stock of a product was at one moment of the past, read from its ledger.
package struct StockMoment: Hashable, Sendable {
    package let stock: StockLevel

    /// The `seq` of the last movement up to then, 0 where there was none.
    package let stockVersion: Int64

    package init(stock: StockLevel, stockVersion: Int64) {
        self.stock = stock
        self.stockVersion = stockVersion
    }
}
