/// A request to change a product's stock, with everything that has to hold for it to happen.
package struct StockCommand: Sendable {
    package enum Change: Hashable, Sendable {
        /// Sells units, at the price the product then has.
        case purchase(Quantity, expectedUnitPrice: Money?)
        /// Corrects the stock by a difference.
        case adjust(StockDelta)
        /// Sets the stock to what was counted, if it still is what the counter saw in the books.
        case count(Balance, expectedOnHand: Balance)
    }

    package let product: ProductReference
    package let change: Change
    package let reason: StockReason?
    package let reference: Reference?
    package let origin: Origin

    package init(
        product: ProductReference, change: Change, reason: StockReason? = nil, reference: Reference? = nil,
        origin: Origin
    ) {
        self.product = product
        self.change = change
        self.reason = reason
        self.reference = reference
        self.origin = origin
    }

    /// Decides the command on a product as it is now: the movement that results. This is the one place where the rules
    /// of stock are written down; a store that decides elsewhere (in a database's own language) has to agree with it.
    ///
    /// - Parameters:
    ///   - product: the product as it is, all earlier changes included.
    ///   - lastMovementAt: when the product's stock last moved; time never runs backwards in a ledger.
    ///   - now: the time.
    /// - Throws: ``InventoryError/archived(_:at:)`` or ``InventoryError/refused(_:replayed:)``.
    package func decide(
        on product: Product, lastMovementAt: Timestamp?, now: Timestamp
    ) throws(InventoryError) -> Movement {
        if let archivedAt = product.archivedAt { throw .archived(product.id, at: archivedAt) }
        do {
            let delta = try delta(on: product)
            return Movement(
                id: origin.id, productID: product.id, sku: product.catalogue.sku, seq: product.stockVersion + 1,
                kind: kind,
                delta: delta, stock: try balance(of: product, after: delta), unitPrice: unitPrice(of: product),
                reason: reason, reference: reference, actor: origin.actor, requestID: origin.requestID,
                at: max(now, lastMovementAt ?? now)
            )
        } catch { throw .refused(error, replayed: false) }
    }

    /// What kind of movement it is, if it happens.
    package var kind: Movement.Kind {
        switch change {
        case .purchase: .sale
        case .adjust: reason?.kind ?? .adjust
        case .count: .count
        }
    }

    private func unitPrice(of product: Product) -> Money? {
        if case .purchase = change { product.catalogue.price } else { nil }
    }

    private func delta(on product: Product) throws(Refusal) -> Int64 {
        switch change {
        case .purchase(let quantity, let expectedUnitPrice):
            let price = product.catalogue.price
            if let expectedUnitPrice, expectedUnitPrice != price {
                throw .priceChanged(expected: expectedUnitPrice, current: price)
            }
            if let most = product.catalogue.maxPerOrder, quantity.units > most.units {
                throw .overMaxPerOrder(requested: quantity.units, maxPerOrder: most.units)
            }
            return -quantity.units
        case .adjust(let delta):
            return delta.units
        case .count(let counted, let expectedOnHand):
            guard expectedOnHand.units == product.stock.onHand else {
                throw .stockChanged(expected: expectedOnHand.units, current: product.stock)
            }
            return counted.units - product.stock.onHand
        }
    }

    private func balance(of product: Product, after delta: Int64) throws(Refusal) -> StockLevel {
        // Neither side can overflow: both are below 2⁵³ in magnitude.
        let onHand = product.stock.onHand + delta
        guard onHand <= Bounds.exactInteger else { throw .stockLimit(delta: delta, current: product.stock) }
        do {
            return try StockLevel(onHand: onHand, reserved: product.stock.reserved)
        } catch {
            throw .insufficientStock(requested: -delta, current: product.stock)
        }
    }
}

/// Where a change comes from: its identity, and who asked for it.
package struct Origin: Hashable, Sendable {
    package let id: OperationID

    /// What was asked, as a digest, where an idempotency key came with it: a repetition has to ask for the same.
    package let fingerprint: String?
    package let actor: String
    package let requestID: String

    /// Whether a repetition of the request would have the same identity, so that its outcome has to be remembered.
    package var isRepeatable: Bool { fingerprint != nil }

    package init(id: OperationID, fingerprint: String?, actor: String, requestID: String) {
        self.id = id
        self.fingerprint = fingerprint
        self.actor = actor
        self.requestID = requestID
    }
}

/// What became of a stock command that happened.
package struct StockOutcome: Hashable, Sendable {
    package let movement: Movement

    /// The product as it is now, which for a repetition is later than the movement.
    package let product: Product

    /// Whether the change had happened before, and this is its answer again.
    package let replayed: Bool

    package init(movement: Movement, product: Product, replayed: Bool) {
        self.movement = movement
        self.product = product
        self.replayed = replayed
    }
}
