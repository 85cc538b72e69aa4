import InventoryKit
import Testing

// The bounds are written out here, not taken from `Bounds`: they are a public contract.

@Suite("A quantity")
struct QuantityTests {
    @Test("is 1 to 1,000,000", arguments: [1, 2, 999_999, 1_000_000] as [Int64])
    func valid(units: Int64) throws {
        let quantity = try Quantity(units)
        #expect(quantity.units == units)
    }

    @Test("is nothing else", arguments: [0, -1, 1_000_001, .min, .max] as [Int64])
    func invalid(units: Int64) {
        #expect(throws: InvalidValue("must be 1 to 1000000")) { try Quantity(units) }
    }
}

@Suite("A difference of stock")
struct StockDeltaTests {
    @Test("is within 10¹² either way", arguments: [-1_000_000_000_000, -1, 1, 1_000_000_000_000] as [Int64])
    func valid(units: Int64) throws {
        let delta = try StockDelta(units)
        #expect(delta.units == units)
    }

    @Test("is not 0, nor beyond", arguments: [0, -1_000_000_000_001, 1_000_000_000_001, .min, .max] as [Int64])
    func invalid(units: Int64) {
        #expect(throws: InvalidValue.self) { try StockDelta(units) }
    }
}

@Suite("A balance")
struct BalanceTests {
    @Test("is 0 to 2⁵³ − 1", arguments: [0, 1, 9_007_199_254_740_991] as [Int64])
    func valid(units: Int64) throws {
        let balance = try Balance(units)
        #expect(balance.units == units)
    }

    @Test("is nothing else", arguments: [-1, 9_007_199_254_740_992, .min, .max] as [Int64])
    func invalid(units: Int64) {
        #expect(throws: InvalidValue("must be 0 to 9007199254740991")) { try Balance(units) }
    }

    @Test("of zero is zero")
    func zero() throws {
        let zero = try Balance(0)
        #expect(Balance.zero == zero)
    }
}
