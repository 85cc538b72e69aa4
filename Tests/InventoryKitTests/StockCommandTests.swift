import InventoryKit
import Testing

private func purchase(_ quantity: Int64, expecting price: Money? = nil) throws -> StockCommand {
    try aCommand(.purchase(try Quantity(quantity), expectedUnitPrice: price))
}

private func adjust(_ delta: Int64, _ reason: StockReason? = .correction) throws -> StockCommand {
    try aCommand(.adjust(try StockDelta(delta)), reason: reason)
}

private func count(_ counted: Int64, expecting expected: Int64) throws -> StockCommand {
    try aCommand(.count(try Balance(counted), expectedOnHand: try Balance(expected)), reason: .stocktake)
}

@Suite("A stock command that happens")
struct StockCommandTests {
    private func decide(_ command: StockCommand, on product: Product) throws -> Movement {
        try command.decide(on: product, lastMovementAt: nil, now: noon)
    }

    @Test("is a movement that says all about it")
    func movement() throws {
        let product = try aProduct()
        let command = try aCommand(.purchase(try Quantity(3), expectedUnitPrice: nil), reference: "PO-1")
        let movement = try decide(command, on: product)
        let expected = Movement(
            id: command.origin.id, productID: product.id, sku: product.catalogue.sku, seq: 18, kind: .sale, delta: -3,
            stock: try StockLevel(onHand: 37, reserved: 2), unitPrice: try money(255), reason: nil,
            reference: try Reference("PO-1"), actor: "till-1", requestID: "r-1", at: noon
        )
        #expect(movement == expected)
    }

    @Test("sells to the last unit that is not reserved, and at the price that was expected")
    func lastUnits() throws {
        let movement = try decide(purchase(38, expecting: money(255)), on: aProduct(onHand: 40, reserved: 2))
        #expect(movement.stock.available == 0)
        #expect(movement.stock.reserved == 2)
    }

    @Test("sells as many as one order may have")
    func wholeOrder() throws {
        let movement = try decide(purchase(5), on: aProduct(aCatalogue(most: 5)))
        #expect(movement.delta == -5)
    }

    @Test("adjusts up to the bound and down to what is reserved, without a price")
    func adjustment() throws {
        let filled = try decide(adjust(1, .receive), on: aProduct(onHand: most - 1, reserved: 2))
        #expect(filled.stock.onHand == most)
        let emptied = try decide(adjust(-38, .lost), on: aProduct(onHand: 40, reserved: 2))
        #expect(emptied.stock.onHand == 2)
        #expect(emptied.delta == -38)
        #expect(emptied.unitPrice == nil)
        #expect(emptied.reason == .lost)
    }

    @Test(
        "is of the kind that its reason says",
        arguments: [
            (.receive, .receive), (.return, .return), (.damaged, .adjust), (.lost, .adjust), (.stocktake, .adjust),
            (.correction, .adjust),
        ] as [(StockReason, Movement.Kind)]
    )
    func kind(reason: StockReason, kind: Movement.Kind) throws {
        let movement = try decide(adjust(1, reason), on: aProduct())
        #expect(movement.kind == kind)
        #expect(movement.reason == reason)
    }

    @Test(
        "counts to what was counted, be it the same",
        arguments: [(37, -3), (40, 0), (41, 1), (2, -38), (most, most - 40)] as [(Int64, Int64)]
    )
    func counting(counted: Int64, delta: Int64) throws {
        let movement = try decide(count(counted, expecting: 40), on: aProduct(onHand: 40, reserved: 2))
        let expected = try StockLevel(onHand: counted, reserved: 2)
        #expect(movement.kind == .count)
        #expect(movement.delta == delta)
        #expect(movement.stock == expected)
        #expect(movement.seq == 18)
    }

    @Test("takes the time of the last movement where the clock was set back")
    func time() throws {
        let product = try aProduct()
        let hour: Int64 = 3_600_000
        let earlier = Timestamp(milliseconds: noon.milliseconds - hour)
        let later = Timestamp(milliseconds: noon.milliseconds + hour)
        let command = try purchase(1)
        let usual = try command.decide(on: product, lastMovementAt: earlier, now: noon)
        let clockSetBack = try command.decide(on: product, lastMovementAt: later, now: noon)
        let first = try command.decide(on: product, lastMovementAt: nil, now: noon)
        let times = [usual, clockSetBack, first].map(\.at)
        #expect(times == [noon, later, noon])
    }
}

@Suite("A stock command that is refused")
struct StockCommandRefusalTests {
    private func refusal(_ command: StockCommand, on product: Product) throws -> Refusal? {
        do {
            _ = try command.decide(on: product, lastMovementAt: nil, now: noon)
            return nil
        } catch InventoryError.refused(let refusal, replayed: let replayed) {
            #expect(!replayed, "whoever decides tells it for the first time")
            return refusal
        }
    }

    @Test("wanted an archived product, whatever else was wrong with it")
    func archived() throws {
        let product = try aProduct(archivedAt: noon)
        for command in [try purchase(1), try purchase(1_000), try adjust(1), try count(1, expecting: 1)] {
            #expect(throws: InventoryError.archived(product.id, at: noon)) {
                try command.decide(on: product, lastMovementAt: nil, now: noon)
            }
        }
    }

    @Test("bought more than there is and nobody has reserved", arguments: [39, 40, 41, 1_000_000] as [Int64])
    func insufficient(quantity: Int64) throws {
        let product = try aProduct(onHand: 40, reserved: 2)
        let refusal = try refusal(purchase(quantity), on: product)
        #expect(refusal == .insufficientStock(requested: quantity, current: product.stock))
    }

    @Test("took away what is not there, or reserved", arguments: [39, 40, 41, 1_000_000_000_000] as [Int64])
    func takingAway(units: Int64) throws {
        let product = try aProduct(onHand: 40, reserved: 2)
        let refusal = try refusal(adjust(-units), on: product)
        #expect(refusal == .insufficientStock(requested: units, current: product.stock))
    }

    @Test("counted fewer than are reserved", arguments: [0, 1] as [Int64])
    func countingTooFew(counted: Int64) throws {
        let product = try aProduct(onHand: 40, reserved: 2)
        let refusal = try refusal(count(counted, expecting: 40), on: product)
        #expect(refusal == .insufficientStock(requested: 40 - counted, current: product.stock))
    }

    @Test(
        "went beyond the bound of a balance",
        arguments: [(most, 1), (most - 5, 6), (most, 1_000_000_000_000)] as [(Int64, Int64)]
    )
    func limit(onHand: Int64, delta: Int64) throws {
        let product = try aProduct(onHand: onHand)
        let refusal = try refusal(adjust(delta), on: product)
        #expect(refusal == .stockLimit(delta: delta, current: product.stock))
    }

    @Test("bought more than one order may have, be there enough or not", arguments: [6, 1_000] as [Int64])
    func overMaxPerOrder(quantity: Int64) throws {
        let refusal = try refusal(purchase(quantity), on: aProduct(aCatalogue(most: 5)))
        #expect(refusal == .overMaxPerOrder(requested: quantity, maxPerOrder: 5))
    }

    @Test("expected another price", arguments: [("GBP", 254), ("GBP", 256), ("EUR", 255)] as [(String, Int64)])
    func priceChanged(code: String, amount: Int64) throws {
        let expected = try money(amount, code)
        let refusal = try refusal(purchase(1, expecting: expected), on: aProduct())
        let current = try money(255)
        #expect(refusal == .priceChanged(expected: expected, current: current))
    }

    @Test("counted on other books, be the count what there is", arguments: [0, 39, 41, most] as [Int64])
    func stockChanged(expected: Int64) throws {
        let product = try aProduct(onHand: 40)
        let refusal = try refusal(count(40, expecting: expected), on: product)
        #expect(refusal == .stockChanged(expected: expected, current: product.stock))
    }
}
