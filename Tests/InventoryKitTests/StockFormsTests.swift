import InventoryKit
import Testing

@Suite("The body of a purchase")
struct PurchaseFormTests {
    @Test("needs a quantity")
    func least() throws {
        let request = try StockRequest.purchase(parse(#"{"quantity": 3}"#))
        let quantity = try Quantity(3)
        #expect(request.change == .purchase(quantity, expectedUnitPrice: nil))
        #expect(request.reference == nil)
        #expect(request.reason == nil)
    }

    @Test("may say what it is for and what it expects to pay")
    func whole() throws {
        let request = try StockRequest.purchase(
            parse(
                """
                {"quantity": 1, "reference": "$on_hand", "expected_unit_price": {"amount": 255, "currency": "GBP"}}
                """
            )
        )
        let quantity = try Quantity(1)
        let price = try money(255)
        #expect(request.change == .purchase(quantity, expectedUnitPrice: price))
        #expect(request.reference?.text == "$on_hand")
    }

    @Test("means the same with null as without")
    func nulls() throws {
        let nulls = try StockRequest.purchase(
            parse(#"{"quantity": 1, "reference": null, "expected_unit_price": null}"#))
        let without = try StockRequest.purchase(parse(#"{"quantity": 1}"#))
        #expect(nulls == without)
    }

    @Test(
        "is refused at the places of its faults",
        arguments: [
            ("{}", ["/quantity"]), (#"{"quantity": null}"#, ["/quantity"]), (#"{"quantity": 0}"#, ["/quantity"]),
            (#"{"quantity": -1}"#, ["/quantity"]), (#"{"quantity": 1.5}"#, ["/quantity"]),
            (#"{"quantity": "1"}"#, ["/quantity"]), (#"{"quantity": true}"#, ["/quantity"]),
            (#"{"quantity": 1000001}"#, ["/quantity"]), (#"{"quantity": 18446744073709551617}"#, ["/quantity"]),
            (#"{"quantity": 1, "quantity": 1}"#, ["/quantity"]), (#"{"quantity": 1, "reason": "lost"}"#, ["/reason"]),
            (#"{"quantity": 1, "expected_unit_price": {"amount": 1}}"#, ["/expected_unit_price/currency"]),
            (#"{"quantity": 1, "expected_unit_price": 255}"#, ["/expected_unit_price"]),
            (
                #"{"quantity": 0, "reference": "", "expected_unit_price": {"amount": -1}, "note": 1}"#,
                ["/expected_unit_price/amount", "/expected_unit_price/currency", "/note", "/quantity", "/reference"]
            ),
            ("[1]", [""]),
        ] as [(String, [String])]
    )
    func refused(text: String, places: [String]) throws {
        let document = try parse(text)
        let told = pointers { try StockRequest.purchase(document) }
        #expect(told == places)
    }
}

@Suite("The body of an adjustment")
struct AdjustFormTests {
    @Test("may be a difference", arguments: [-1_000_000_000_000, -3, 1, 1_000_000_000_000] as [Int64])
    func difference(units: Int64) throws {
        let request = try StockRequest.adjust(
            parse("{\"delta\": \(units), \"reason\": \"damaged\", \"reference\": \"R\"}"))
        let delta = try StockDelta(units)
        #expect(request.change == .adjust(delta))
        #expect(request.reason == .damaged)
        #expect(request.reference?.text == "R")
    }

    @Test("may be a count with what the books said")
    func counted() throws {
        let request = try StockRequest.adjust(
            parse(#"{"count": 0, "expected_on_hand": 40, "reason": "stocktake"}"#))
        let counted = try Balance(0)
        let expected = try Balance(40)
        #expect(request.change == .count(counted, expectedOnHand: expected))
        #expect(request.reason == .stocktake)
    }

    @Test("knows these reasons", arguments: ["receive", "return", "damaged", "lost", "stocktake", "correction"])
    func reasons(name: String) throws {
        let request = try StockRequest.adjust(parse("{\"delta\": 1, \"reason\": \"\(name)\"}"))
        #expect(request.reason?.rawValue == name)
    }

    @Test("does not mind null for the other way")
    func nulls() throws {
        let delta = try StockRequest.adjust(
            parse(
                #"{"delta": 1, "count": null, "expected_on_hand": null, "reason": "lost", "reference": null}"#
            )
        )
        let count = try StockRequest.adjust(
            parse(#"{"delta": null, "count": 1, "expected_on_hand": 2, "reason": "lost"}"#)
        )
        let one = try (delta: StockDelta(1), balance: Balance(1), expected: Balance(2))
        #expect(delta.change == .adjust(one.delta))
        #expect(count.change == .count(one.balance, expectedOnHand: one.expected))
    }

    @Test(
        "is refused at the places of its faults",
        arguments: [
            ("{}", ["/delta", "/reason"]), (#"{"reason": "lost"}"#, ["/delta"]), (#"{"delta": 1}"#, ["/reason"]),
            (#"{"delta": 0, "reason": "lost"}"#, ["/delta"]),
            (#"{"delta": 1000000000001, "reason": "lost"}"#, ["/delta"]),
            (#"{"delta": 0.5, "reason": "lost"}"#, ["/delta"]), (#"{"delta": 1, "reason": "theft"}"#, ["/reason"]),
            (#"{"delta": 1, "reason": "Lost"}"#, ["/reason"]), (#"{"delta": 1, "reason": null}"#, ["/reason"]),
            (#"{"delta": 1, "reason": 1}"#, ["/reason"]),
            (#"{"delta": null, "count": null, "reason": "lost"}"#, ["/delta"]),
            (#"{"expected_on_hand": 1, "reason": "lost"}"#, ["/delta"]),
            (#"{"delta": 1, "count": 1, "expected_on_hand": 1, "reason": "lost"}"#, ["/count"]),
            (#"{"delta": 1, "expected_on_hand": 1, "reason": "lost"}"#, ["/expected_on_hand"]),
            (#"{"count": 1, "reason": "stocktake"}"#, ["/expected_on_hand"]),
            (#"{"count": 1, "expected_on_hand": null, "reason": "stocktake"}"#, ["/expected_on_hand"]),
            (#"{"count": -1, "expected_on_hand": -1, "reason": "stocktake"}"#, ["/count", "/expected_on_hand"]),
            (#"{"count": "1", "reason": "stocktake"}"#, ["/count", "/expected_on_hand"]),
            (
                #"{"delta": 1, "quantity": 1, "reason": "lost", "reference": " "}"#,
                ["/quantity", "/reference"]
            ),
        ] as [(String, [String])]
    )
    func refused(text: String, places: [String]) throws {
        let document = try parse(text)
        let told = pointers { try StockRequest.adjust(document) }
        #expect(told == places)
    }
}
