import InventoryKit
import Testing

private let longest = String(repeating: "x", count: 64)

@Suite("A SKU")
struct SKUTests {
    @Test(
        "is 1 to 64 printable ASCII characters",
        arguments: ["8", "85123A", "A B", "~!\"#/\\:,", "sku:1", longest]
    )
    func valid(text: String) throws {
        let sku = try SKU(text)
        #expect(sku.text == text)
    }

    @Test(
        "is nothing else",
        arguments: [
            "", longest + "x", " ", " A", "A ", "A\t", "A\tB", "A\nB", "A\u{0}", "A\u{7F}", "\u{80}", "É", "A\u{301}",
            "\u{212A}", "Ａ", "😀",
        ]
    )
    func invalid(text: String) {
        #expect(throws: InvalidValue.self) { try SKU(text) }
    }

    @Test("has a key without case, and keeps the spelling it was given")
    func key() throws {
        let written = try SKU("85123a-Blue")
        let shouted = try SKU("85123A-BLUE")
        #expect(written.key == "85123a-blue")
        #expect(written.key == shouted.key)
        #expect(shouted.text == "85123A-BLUE")
        #expect(written != shouted, "one is not a copy of the other: a change of case is a change")
    }

    /// A fold by a bit mask alone would take `[` for `{` and `@` for a back-tick.
    @Test("folds letters only", arguments: [("@[\\]^_", "@[\\]^_"), ("AZaz", "azaz"), ("09", "09"), ("É", "É")])
    func fold(text: String, folded: String) {
        #expect(SKU.fold(text) == folded)
    }
}
