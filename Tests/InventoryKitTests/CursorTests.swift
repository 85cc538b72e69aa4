import InventoryKit
import TestSupport
import Testing

private let list = ["archived=false", "q=heart", "sort=-price"]

extension SeededRandom {
    fileprivate mutating func keyset() -> Keyset {
        let value: Keyset.Value = bool() ? .text(text(0...40)) : .integer(bool() ? amount() : int64(.min ... .max))
        return Keyset(value: value, id: bool() ? Hex.encode(bytes(12...12)) : text(0...20))
    }
}

@Suite("A cursor")
struct CursorTests {
    private func aCursor() -> Cursor {
        Cursor(Keyset(value: .integer(255), id: "6655aabbccddeeff00112233"), list: list)
    }

    /// The array that a cursor is written as: digest, value, id.
    private func parts(of cursor: Cursor) throws -> [JSON] {
        let bytes = try #require(Hex.decode(cursor.text))
        guard case .array(let parts) = try JSONDocument(parsing: bytes).root else { return [] }
        return parts
    }

    private func written(_ parts: [JSON]) -> String { Hex.encode(JSON.array(parts).encoded()) }

    /// Fails where a release makes other words of the same list, so that every cursor in a client's hands is refused.
    @Test("The words of a list stay the same from release to release")
    func words() throws {
        var filter = ProductFilter()
        #expect(filter.canonical == ["archived=false"])
        filter.words = ["heart", "white"]
        filter.skuPrefix = "a-"
        filter.currency = try Currency("GBP")
        (filter.minPrice, filter.maxPrice) = (1, 255)
        (filter.inStock, filter.lowStock, filter.archived) = (true, false, .any)
        #expect(
            filter.canonical == [
                "q=heart", "q=white", "sku_prefix=a-", "currency=GBP", "min_price=1", "max_price=255", "in_stock=true",
                "low_stock=false", "archived=any",
            ])
        #expect(ProductSort().canonical == "created_at")
        #expect(ProductSort(.price, descending: true).canonical == "-price")
    }

    @Test("brings back the place it was made for", arguments: seeds)
    func roundTrip(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        for _ in 0..<200 {
            let keyset = random.keyset()
            let filters = (0..<random.int(0...5)).map { _ in random.text(0...20) }
            let cursor = Cursor(keyset, list: filters)
            let read = try Cursor(cursor.text, list: filters)
            #expect(read == cursor, "seed \(seed), \(cursor.text)")
            #expect(read.keyset == keyset, "seed \(seed), \(cursor.text)")
        }
    }

    @Test("has room for the longest name there can be, whatever its letters")
    func longest() throws {
        for character in ["😀", "\"", "\\", "é"] {
            let name = String(repeating: character, count: 256)
            let cursor = Cursor(Keyset(value: .text(name), id: "6655aabbccddeeff00112233"), list: list)
            let read = try Cursor(cursor.text, list: list)
            #expect(read == cursor)
        }
    }

    @Test("needs no escape in an address, and shows nothing that invites to be changed", arguments: seeds)
    func opaque(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        for _ in 0..<50 {
            let text = Cursor(random.keyset(), list: list).text
            let isPlain = text.utf8.allSatisfy { Hex.isDigit($0) }
            #expect(isPlain, "seed \(seed), \(text)")
        }
    }

    @Test(
        "is good for its own list only",
        arguments: [
            [], [""], ["archived=false", "q=heart"], ["archived=false", "q=heart", "sort=price"],
            ["archived=false", "sort=-price", "q=heart"], ["archived=false", "q=heart", "sort=-price", ""],
            ["archived=falseq=heartsort=-price"], ["archived=false", "q=heart\",\"sort=-price"],
            ["archived=false", "q=heart,sort=-price"],
        ] as [[String]]
    )
    func otherList(other: [String]) throws {
        let cursor = aCursor()
        let error = #expect(throws: InvalidValue.self) { try Cursor(cursor.text, list: other) }
        #expect(error?.detail.contains("same filters and sort") == true)
        // And the other way round.
        let made = Cursor(cursor.keyset, list: other)
        #expect(throws: InvalidValue.self) { try Cursor(made.text, list: list) }
    }

    @Test(
        "that was made up is refused",
        arguments: [
            "", "0", "00", "zz", "null", "50", "0x5b5d", "[]", "é", " ", "ffffffff", String(repeating: "5b", count: 5),
            String(repeating: "5b", count: 4_000), String(repeating: "a", count: 8_193),
            String(repeating: "0", count: 200_000), "6655aabbccddeeff00112233",
        ]
    )
    func madeUp(text: String) {
        #expect(throws: InvalidValue.self) { try Cursor(text, list: list) }
    }

    @Test("of another shape is refused, even with a digest that is right")
    func otherShapes() throws {
        let parts = try parts(of: aCursor())
        try #require(parts.count == 3)
        let (digest, value, id) = (parts[0], parts[1], parts[2])
        let shapes: [[JSON]] = [
            [], [digest], [digest, value], [digest, value, id, id], [value, digest, id], [digest, .null, id],
            [digest, .bool(true), id], [digest, [value], id], [digest, .object([:]), id], [digest, .number("1.5"), id],
            [digest, .number("9223372036854775808"), id], [digest, value, .integer(1)], [digest, value, .null],
            [.null, value, id], [.integer(0), value, id], ["", value, id],
        ]
        for shape in shapes {
            let text = written(shape)
            #expect(throws: InvalidValue.self, "\(shape)") { try Cursor(text, list: list) }
        }
        let object = Hex.encode(JSON.object(["a": digest]).encoded())
        #expect(throws: InvalidValue.self) { try Cursor(object, list: list) }
    }

    @Test("cut off anywhere, or with more behind it, is refused")
    func truncated() {
        let text = aCursor().text
        for count in 0..<text.utf8.count {
            let beginning = String(text.prefix(count))
            #expect(throws: InvalidValue.self, "\(count) digits") { try Cursor(beginning, list: list) }
        }
        #expect(throws: InvalidValue.self) { try Cursor(text + "5d", list: list) }
        #expect(throws: InvalidValue.self) { try Cursor(text + text, list: list) }
    }

    /// A cursor that was changed would show the list from a place where no page ended.
    @Test("with a digit changed anywhere is refused", arguments: seeds)
    func mutated(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var accepted: [String] = []
        for _ in 0..<200 {
            let keyset = random.keyset()
            var digits = Array(Cursor(keyset, list: list).text)
            let index = random.int(0...digits.count - 1)
            digits[index] = random.pick(Array("0123456789abcdef").filter { $0 != digits[index] })
            let text = String(digits)
            // The digits of an escape sequence may be in capitals without its saying anything else.
            if let read = try? Cursor(text, list: list), read.keyset != keyset { accepted.append(text) }
        }
        #expect(accepted.isEmpty, "seed \(seed), \(accepted.count) of 200, the first: \(accepted.first ?? "")")
    }

    @Test("that is noise is refused and never a crash", arguments: seeds)
    func noise(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        for _ in 0..<500 {
            let text = random.bool() ? random.text(0...60) : Hex.encode(random.bytes(0...60))
            let document = Hex.encode(random.json(depth: 3).encoded())
            for noise in [text, document] {
                #expect(throws: InvalidValue.self, "seed \(seed), \(noise)") { try Cursor(noise, list: list) }
            }
        }
    }
}
