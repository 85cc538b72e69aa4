import InventoryKit
import Testing

/// One of each, and some at the ends of their range. Figures differ, so that two that were exchanged would show.
private func refusals() throws -> [Refusal] {
    let stock = try StockLevel(onHand: 40, reserved: 2)
    let full = try StockLevel(onHand: most, reserved: most)
    return [
        .insufficientStock(requested: 39, current: stock),
        .insufficientStock(requested: 1_000_000_000_000, current: .empty), .stockLimit(delta: 7, current: stock),
        .stockLimit(delta: most, current: full), .overMaxPerOrder(requested: 6, maxPerOrder: 5),
        .priceChanged(expected: try money(254), current: try money(255, "JPY")),
        .priceChanged(expected: try money(0, "KWD"), current: try money(most)),
        .stockChanged(expected: 41, current: stock), .stockChanged(expected: 0, current: full),
        .skuTaken(try SKU("85123a \"Blue\""), by: try anID()), .useAdjust(current: stock), .useAdjust(current: .empty),
    ]
}

@Suite("The record of a refusal")
struct RefusalRecordTests {
    /// Fails to compile where a case is added, so that it is added to the samples too.
    private func name(of refusal: Refusal) -> String {
        switch refusal {
        case .insufficientStock: "insufficient-stock"
        case .stockLimit: "stock-limit"
        case .overMaxPerOrder: "over-max-per-order"
        case .priceChanged: "price-changed"
        case .stockChanged: "stock-changed"
        case .skuTaken: "sku-taken"
        case .useAdjust: "use-adjust"
        }
    }

    private func parts(of refusal: Refusal) -> [JSON] {
        guard case .array(let parts) = refusal.record else { return [] }
        return parts
    }

    @Test("tells the same refusal again, also after it was stored as text")
    func roundTrip() throws {
        let samples = try refusals()
        #expect(Set(samples.map(name(of:))).count == 7)
        for refusal in samples {
            let stored = refusal.record.encoded()
            let read = try Refusal(record: JSONDocument(parsing: stored).root)
            #expect(read == refusal)
        }
    }

    /// Records live for days, so a daemon reads what another version of it has written.
    @Test("begins with the stable name that is also the problem's code")
    func codes() throws {
        for refusal in try refusals() {
            let name = name(of: refusal)
            #expect(parts(of: refusal).first == .string(name))
            #expect(ProblemCode(rawValue: name) != nil)
        }
    }

    @Test("that misses something, or has something else in its place, is refused")
    func damaged() throws {
        for refusal in try refusals() {
            let parts = parts(of: refusal)
            #expect(parts.count > 1)
            for count in 0..<parts.count {
                let shorter = JSON.array(Array(parts.prefix(count)))
                #expect(throws: InvalidValue.self, "\(shorter)") { try Refusal(record: shorter) }
            }
            for index in parts.indices {
                var changed = parts
                changed[index] = .bool(true)
                let other = JSON.array(changed)
                #expect(throws: InvalidValue.self, "\(other)") { try Refusal(record: other) }
            }
        }
    }

    @Test(
        "that says what cannot be is refused",
        arguments: [
            "null", "{}", "[]", "\"insufficient-stock\"", "[\"sold-out\", 1, 2, 3]", "[\"use-adjust\", 2, 40]",
            "[\"use-adjust\", -1, 0]", "[\"insufficient-stock\", 1, 9007199254740992, 0]",
            "[\"price-changed\", -1, \"GBP\", 1, \"GBP\"]", "[\"price-changed\", 1, \"gbp\", 1, \"GBP\"]",
            "[\"sku-taken\", \"\", \"6655aabbccddeeff00112233\"]", "[\"sku-taken\", \"A\", \"66\"]",
        ]
    )
    func impossible(text: String) throws {
        let record = try parse(text).root
        #expect(throws: InvalidValue.self) { try Refusal(record: record) }
    }
}
