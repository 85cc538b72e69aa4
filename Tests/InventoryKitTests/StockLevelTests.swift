import InventoryKit
import Testing

@Suite("A stock level")
struct StockLevelTests {
    @Test(
        "has 0 ≤ reserved ≤ on hand ≤ 2⁵³ − 1",
        arguments: [(0, 0), (1, 0), (1, 1), (40, 2), (most, 0), (most, most)] as [(Int64, Int64)]
    )
    func valid(onHand: Int64, reserved: Int64) throws {
        let stock = try StockLevel(onHand: onHand, reserved: reserved)
        #expect(stock.onHand == onHand)
        #expect(stock.reserved == reserved)
        #expect(stock.available == onHand - reserved)
    }

    @Test(
        "has no others",
        arguments: [
            (-1, 0), (0, -1), (-1, -1), (0, 1), (40, 41), (most + 1, 0), (most + 1, most + 1), (.max, .max),
            (.min, .min), (.max, .min), (.min, .max),
        ] as [(Int64, Int64)]
    )
    func invalid(onHand: Int64, reserved: Int64) {
        #expect(throws: InvalidValue.self) { try StockLevel(onHand: onHand, reserved: reserved) }
    }

    @Test("begins with nothing reserved")
    func opening() throws {
        let stock = StockLevel(opening: try Balance(7))
        let expected = try StockLevel(onHand: 7, reserved: 0)
        let nothing = try StockLevel(onHand: 0, reserved: 0)
        #expect(stock == expected)
        #expect(StockLevel.empty == nothing)
    }
}
