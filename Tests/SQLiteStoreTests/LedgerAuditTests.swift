import InventoryKit
import StoreContract
import Testing

/// An audit that finds nothing has to be one that could have found something.
@Suite("The audit of a ledger finds what is wrong with it")
struct LedgerAuditTests {
    @Test func findsNothingInASoundLedger() throws {
        let ledger = try Ledger()
        #expect(LedgerAudit.violations(of: ledger.product, movements: ledger.movements) == [])
        #expect(LedgerAudit.violations(of: ledger.product, movements: ledger.movements.reversed()) == [])
        #expect(LedgerAudit.violations(of: try Ledger.empty(), movements: []) == [])
    }

    @Test func findsAGap() throws {
        var ledger = try Ledger()
        ledger.movements.remove(at: 1)
        #expect(ledger.violations == ["A-1: movement 3: seq 2 is missing before it"])
    }

    @Test func findsAMissingBeginning() throws {
        var ledger = try Ledger()
        ledger.movements.removeFirst()
        #expect(ledger.violations == ["A-1: movement 2: seq 1 is missing before it"])
    }

    @Test func findsAMissingEnd() throws {
        var ledger = try Ledger()
        ledger.movements.removeLast()
        #expect(ledger.violations == ["A-1: stock_version is 4, the last movement 3"])
        ledger.movements.removeAll()
        #expect(ledger.violations == ["A-1: stock_version is 4, the last movement 0"])
    }

    /// No movement can carry a negative balance, so one that sold too much shows in what it would have to be.
    @Test func findsAnOversell() throws {
        var ledger = try Ledger()
        try ledger.append(.sale, delta: -9, onHand: 0)
        #expect(
            ledger.violations == [
                "A-1: movement 5: oversold: 8 on hand, 0 reserved, then -9 and 0",
                "A-1: movement 5: wrong balance: 8 on hand, 0 reserved, then -9 and 0, "
                    + "but 0 on hand, 0 reserved after it",
            ]
        )
    }

    @Test func findsUnitsPromisedThatAreNotThere() throws {
        var ledger = try Ledger()
        try ledger.append(.adjust, delta: -8, reservedDelta: 1, onHand: 0)
        #expect(ledger.violations.first == "A-1: movement 5: oversold: 8 on hand, 0 reserved, then -8 and 1")
    }

    @Test func findsAWrongBalance() throws {
        var ledger = try Ledger()
        try ledger.append(.adjust, delta: 1, onHand: 10)
        #expect(
            ledger.violations == [
                "A-1: movement 5: wrong balance: 8 on hand, 0 reserved, then 1 and 0, "
                    + "but 10 on hand, 0 reserved after it"
            ]
        )
    }

    @Test func findsADoubledMovement() throws {
        var ledger = try Ledger()
        ledger.movements.append(ledger.movements[2])
        #expect(
            ledger.violations == [
                "A-1: movement 3: id occurs more than once", "A-1: movement 3: seq occurs more than once",
            ]
        )
    }

    @Test func findsOneChangeUnderTwoNumbers() throws {
        var ledger = try Ledger()
        try ledger.append(.sale, delta: -2, onHand: 6, id: ledger.movements[1].id)
        #expect(ledger.violations == ["A-1: movement 5: id occurs more than once"])
    }

    @Test func findsAStockThatTheLedgerDoesNotExplain() throws {
        var ledger = try Ledger()
        ledger.product.stock = try StockLevel(onHand: 9, reserved: 0)
        #expect(ledger.violations == ["A-1: the product has 9 on hand, 0 reserved, its ledger 8 on hand, 0 reserved"])
        var unexplained = try Ledger.empty()
        unexplained.stock = ledger.product.stock
        #expect(
            LedgerAudit.violations(of: unexplained, movements: [])
                == ["A-1: the product has 9 on hand, 0 reserved, its ledger 0 on hand, 0 reserved"]
        )
    }

    @Test func findsTimeThatRunsBack() throws {
        var ledger = try Ledger()
        try ledger.append(.sale, delta: -1, onHand: 7, milliseconds: 1)
        #expect(ledger.violations == ["A-1: movement 5: is earlier than the one before it"])
    }

    @Test func findsAnotherProductsMovement() throws {
        var ledger = try Ledger()
        let other = try ProductID("ffffffffffffffffffffffff")
        try ledger.append(.sale, delta: -1, onHand: 7, product: other)
        #expect(ledger.violations == ["A-1: movement 5: belongs to product \(other.text)"])
    }

    @Test func findsMovementsThatContradictThemselves() throws {
        for (kind, delta, contradiction) in [
            (.sale, 1, "sells nothing"), (.opening, 1, "is no beginning"), (.receive, 0, "changes nothing"),
        ] as [(Movement.Kind, Int64, String)] {
            var ledger = try Ledger()
            try ledger.append(kind, delta: delta, onHand: 8 + delta)
            #expect(ledger.violations == ["A-1: movement 5: \(contradiction)"])
        }
    }
}

/// A sound ledger, and ways to spoil it.
private struct Ledger {
    var product: Product
    var movements: [Movement] = []

    var violations: [String] { LedgerAudit.violations(of: product, movements: movements) }

    init() throws {
        product = try Self.empty()
        try append(.opening, delta: 10, onHand: 10)
        try append(.sale, delta: -4, onHand: 6)
        try append(.count, delta: 0, onHand: 6)
        try append(.receive, delta: 2, onHand: 8)
    }

    static func empty() throws -> Product {
        Product(
            id: try ProductID("0123456789abcdef01234567"), catalogue: try Sample.catalogue("A-1"), stock: .empty,
            version: 1,
            stockVersion: 0, createdAt: TestClock.start, updatedAt: TestClock.start
        )
    }

    /// Adds a movement with the next number, and lets the product have the stock after it.
    mutating func append(
        _ kind: Movement.Kind, delta: Int64, reservedDelta: Int64 = 0, onHand: Int64, id: OperationID? = nil,
        product other: ProductID? = nil, milliseconds: Int64? = nil
    ) throws {
        let seq = Int64(movements.count) + 1
        let stock = try StockLevel(onHand: onHand, reserved: 0)
        movements.append(
            Movement(
                id: id ?? OperationID(at: TestClock.start), productID: other ?? product.id, sku: product.catalogue.sku,
                seq: seq, kind: kind, delta: delta, reservedDelta: reservedDelta, stock: stock,
                unitPrice: kind == .sale ? product.catalogue.price : nil, actor: "till-1", requestID: "r-\(seq)",
                at: Timestamp(milliseconds: milliseconds ?? TestClock.start.milliseconds + seq)
            )
        )
        product.stock = stock
        product.stockVersion = seq
    }
}
