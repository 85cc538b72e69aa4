import InventoryKit
import TestSupport
import Testing

@Suite("An ETag")
struct ETagTests {
    @Test(
        "is written in quotes with both versions, and read back",
        arguments: [
            (ETag(version: 1, stockVersion: 0), "\"c1-s0\""), (ETag(version: 3, stockVersion: 17), "\"c3-s17\""),
            (ETag(version: .max, stockVersion: .max), "\"c9223372036854775807-s9223372036854775807\""),
        ]
    )
    func roundTrip(etag: ETag, text: String) {
        #expect(etag.quoted == text)
        #expect(ETag(quoted: text) == etag)
        let partOfHeader = "W, \(text)".dropFirst(3)
        #expect(ETag(quoted: partOfHeader) == etag)
    }

    @Test("of a product moves with its catalogue and with its stock")
    func ofProduct() throws {
        var product = try aProduct()
        #expect(product.etag.quoted == "\"c3-s17\"")
        product.version += 1
        #expect(product.etag.quoted == "\"c4-s17\"")
        product.stockVersion += 1
        #expect(product.etag.quoted == "\"c4-s18\"")
    }

    @Test(
        "that was not handed out here is none",
        arguments: [
            "", "\"", "\"\"", "\"c", "\"c\"", "*", "c1-s0", "\"c1-s0", "c1-s0\"", "W/\"c1-s0\"", "\"c1\"", "\"s0\"",
            "\"c-s0\"", "\"c1-s\"", "\"c-s\"", "\"c0-s0\"", "\"c-1-s0\"", "\"c1-s-1\"", "\"c+1-s0\"", "\"c1-s+0\"",
            "\"c01-s0\"", "\"c1-s00\"", "\"c1-s0-s0\"", "\"c1-s0 \"", " \"c1-s0\"", "\"C1-S0\"", "\"c1_s0\"",
            "\"c9223372036854775808-s0\"", "\"c1-s9223372036854775808\"", "\"c1-s0\"\"", "\"c１-s0\"",
            "\"c1-s0\u{301}\"",
        ]
    )
    func foreign(text: String) {
        #expect(ETag(quoted: text) == nil)
    }

    /// Two spellings of one state would let a client's comparison differ from ours.
    @Test("has one spelling only, and is never a crash", arguments: seeds)
    func fuzz(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        for _ in 0..<2_000 {
            let middle = (0..<random.int(0...6)).map { _ in
                random.pick(["c", "s", "-", "-s", "0", "1", "9", "+", "\""])
            }
            let text = "\"c" + middle.joined() + random.pick(["\"", "\"", "", "0\""])
            if let etag = ETag(quoted: text) { #expect(etag.quoted == text, "seed \(seed), \(text)") }
        }
    }
}
