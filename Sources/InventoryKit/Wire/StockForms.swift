/// A stock change as a client asks for it: the body of `purchase` and `adjust`.
package struct StockRequest: Hashable, Sendable {
    package let change: StockCommand.Change
    package let reason: StockReason?
    package let reference: Reference?

    /// Reads the body of `POST /v1/products/{id}/purchase`.
    ///
    /// - Throws: ``InventoryError/invalid(_:)`` with every fault.
    package static func purchase(_ document: JSONDocument) throws(InventoryError) -> StockRequest {
        try JSONForm.read(document) { form in
            let quantity = form.value("quantity", .required, Quantity.init(json:))
            let reference = form.value("reference", .optional, Reference.init(json:))
            let price = form.price("expected_unit_price", .optional)
            return quantity.map {
                StockRequest(change: .purchase($0, expectedUnitPrice: price), reason: nil, reference: reference)
            }
        }
    }

    /// Reads the body of `POST /v1/products/{id}/adjust`, a difference or a count.
    ///
    /// - Throws: ``InventoryError/invalid(_:)`` with every fault.
    package static func adjust(_ document: JSONDocument) throws(InventoryError) -> StockRequest {
        try JSONForm.read(document) { form in
            let reason = form.value("reason", .required) { json throws(InvalidValue) in
                guard let reason = StockReason(rawValue: try json.text()) else {
                    throw InvalidValue("must be one of \(StockReason.allCases.map(\.rawValue).joined(separator: ", "))")
                }
                return reason
            }
            let reference = form.value("reference", .optional, Reference.init(json:))
            guard let change = form.adjustment(), let reason else { return nil }
            return StockRequest(change: change, reason: reason, reference: reference)
        }
    }
}

extension JSONForm {
    fileprivate mutating func adjustment() -> StockCommand.Change? {
        let delta = value("delta", .optional, StockDelta.init(json:))
        let count = value("count", .optional, Balance.init(json:))
        let expected = value("expected_on_hand", .optional, Balance.init(json:))
        switch (has("delta") && !isNull("delta"), has("count") && !isNull("count")) {
        case (true, true):
            fault(at: "count", "must not stand beside delta: adjust by a difference, or set to a count")
        case (false, false):
            fault(at: "delta", "is required, or a count with expected_on_hand")
        case (true, false):
            if expected != nil { fault(at: "expected_on_hand", "goes with a count only") }
            return delta.map(StockCommand.Change.adjust)
        case (false, true):
            if !has("expected_on_hand") || isNull("expected_on_hand") {
                fault(at: "expected_on_hand", "is required with a count: what the books said when you counted")
            }
            if let count, let expected { return .count(count, expectedOnHand: expected) }
        }
        return nil
    }
}

// MARK: Values from JSON

extension SKU {
    package init(json: JSON) throws(InvalidValue) { try self.init(try json.text()) }
}

extension ProductName {
    init(json: JSON) throws(InvalidValue) { try self.init(try json.text()) }
}

extension ProductDescription {
    init(json: JSON) throws(InvalidValue) { try self.init(try json.text()) }
}

extension Reference {
    init(json: JSON) throws(InvalidValue) { try self.init(try json.text()) }
}

extension Currency {
    init(json: JSON) throws(InvalidValue) { try self.init(try json.text()) }
}

extension Quantity {
    init(json: JSON) throws(InvalidValue) { try self.init(try json.integer()) }
}

extension StockDelta {
    init(json: JSON) throws(InvalidValue) { try self.init(try json.integer()) }
}

extension Balance {
    init(json: JSON) throws(InvalidValue) { try self.init(try json.integer()) }
}

extension Money {
    /// The amount of a price before its currency is known.
    static func amount(json: JSON) throws(InvalidValue) -> Int64 {
        let amount = try json.integer()
        guard (0...Bounds.exactInteger).contains(amount) else {
            throw InvalidValue("must be 0 to \(Bounds.exactInteger), in the currency's minor unit")
        }
        return amount
    }
}
