import InventoryKit
import Testing

@testable import invctl

@Suite("A line of a purchase, as it is typed")
struct PurchaseLineTests {
    @Test(
        "A SKU, and behind the last colon how many",
        arguments: [("A-1", "A-1", 1), ("A-1:3", "A-1", 3), ("A:B", "A:B", 1), ("A:1:2", "A:1", 2), ("A:+2", "A", 2)])
    func lines(_ text: String, _ sku: String, _ quantity: Int64) throws {
        let line = try PurchaseLine(text)
        #expect(line.sku == sku && line.quantity == quantity)
    }

    /// Fails where a number that is too large is taken for a part of the SKU: then there is "no such product".
    @Test("What can be no quantity is told as one", arguments: ["0", "-1", "1000001", "99999999999999999999"])
    func faults(_ quantity: String) {
        let error = #expect(throws: InvalidValue.self) { try PurchaseLine("A-1:\(quantity)") }
        #expect(error?.detail == "A-1:\(quantity): the quantity must be 1 to 1000000")
    }
}
