import InventoryKit
import TestSupport
import Testing

private let trees: [(JSON, String)] = [
    (.null, "null"), (.number("1.50"), "1.50"), (.array([.bool(false), .string("x")]), "[false,\"x\"]"),
    (.object(["a\"b": .object([:])]), #"{"a\"b":{}}"#), (.optional(nil as String?), "null"),
    (.optional("x" as String?), "\"x\""), (.optional(nil as Int64?), "null"), (.optional(7 as Int64?), "7"),
]

@Suite("Writing JSON")
struct JSONWriterTests {
    private func written(_ write: (inout JSONWriter) -> Void) -> String {
        var writer = JSONWriter()
        write(&writer)
        return text(of: writer.bytes)
    }

    @Test(
        "writes integers whole",
        arguments: [
            (0, "0"), (1, "1"), (-1, "-1"), (10, "10"), (9_007_199_254_740_991, "9007199254740991"),
            (.max, "9223372036854775807"), (.min, "-9223372036854775808"), (.min + 1, "-9223372036854775807"),
        ] as [(Int64, String)]
    )
    func integers(value: Int64, expected: String) {
        let text = written { $0.integer(value) }
        #expect(text == expected)
    }

    @Test("writes any integer as Swift does", arguments: seeds)
    func anyInteger(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        for _ in 0..<300 {
            let value = random.bool() ? random.int64(.min ... .max) : -random.amount()
            let text = written { $0.integer(value) }
            #expect(text == String(value), "seed \(seed)")
        }
    }

    @Test(
        "escapes what has to be, and nothing else",
        arguments: [
            ("", "\"\""), ("\"", "\"\\\"\""), ("\\", "\"\\\\\""), ("/", "\"/\""), ("a\nb", "\"a\\nb\""),
            ("\t", "\"\\u0009\""), ("\u{0}", "\"\\u0000\""), ("\u{1F}", "\"\\u001f\""), ("\u{7F}", "\"\\u007f\""),
            ("é😀\u{2028}", "\"é😀\u{2028}\""), ("\\u0041", "\"\\\\u0041\""), ("'<>&", "\"'<>&\""),
        ]
    )
    func strings(value: String, expected: String) {
        let text = written { $0.string(value) }
        #expect(Array(text.utf8) == Array(expected.utf8))
    }

    /// A raw line break would end a line of NDJSON in the middle of a row; an escape sequence would reach a terminal.
    @Test("writes no control character as it is")
    func controls() {
        let everything = String(String.UnicodeScalarView((0...0x9F).compactMap { Unicode.Scalar(UInt32($0)) }))
        let bytes = JSON.object([everything: .string(everything)]).encoded()
        let raw = bytes.filter { $0 < 0x20 || $0 == 0x7F }
        #expect(raw.isEmpty)
    }

    @Test("puts commas between items and members, and nowhere else")
    func commas() {
        let text = written { writer in
            writer.object { writer in
                writer.name("none")
                writer.array { _ in }
                writer.name("items")
                writer.array { writer in
                    writer.null()
                    writer.bool(true)
                    writer.bool(false)
                    writer.integer(1)
                    writer.string("s")
                    writer.object { _ in }
                    writer.array { $0.integer(2) }
                }
                writer.name("last")
                writer.null()
            }
        }
        #expect(text == #"{"none":[],"items":[null,true,false,1,"s",{},[2]],"last":null}"#)
    }

    @Test("writes members with and without a value")
    func members() {
        let some: (String?, Int64?, Timestamp?) = ("t", 7, noon)
        let none: (String?, Int64?, Timestamp?) = (nil, nil, nil)
        let text = written { writer in
            writer.object { writer in
                writer.member("a", some.0)
                writer.member("b", some.1)
                writer.member("c", some.2)
                writer.member("d", none.0)
                writer.member("e", none.1)
                writer.member("f", none.2)
            }
        }
        #expect(text == #"{"a":"t","b":7,"c":"2026-01-31T12:00:00.000Z","d":null,"e":null,"f":null}"#)
    }

    /// Dictionaries have another order in every process, and digests are made of these bytes.
    @Test("orders members by name, at every level")
    func order() {
        let names = (0..<40).map { "n\($0)" }
        let inner = JSON.object(Dictionary(uniqueKeysWithValues: names.map { ($0, JSON.null) }))
        let members = names.sorted().map { "\"\($0)\":null" }.joined(separator: ",")
        #expect(text(of: JSON.array([inner]).encoded()) == "[{\(members)}]")
    }

    @Test("writes a tree", arguments: trees)
    func tree(value: JSON, expected: String) {
        #expect(text(of: value.encoded()) == expected)
    }
}

@Suite("A value of a JSON document")
struct JSONValueTests {
    @Test("is read as what it is, and as nothing else")
    func kinds() throws {
        let string = try JSON.string("x").text()
        let integer = try JSON.integer(-7).integer()
        #expect(string == "x")
        #expect(integer == -7)
        for value in [JSON.null, .bool(true), .integer(1), .number("1.5"), [], .object([:])] {
            #expect(throws: InvalidValue("must be a string")) { try value.text() }
        }
        for value in [JSON.null, .bool(true), "1", [], .object([:])] {
            #expect(throws: InvalidValue("must be an integer")) { try value.integer() }
        }
        #expect(throws: InvalidValue("must be an integer within ±9007199254740991")) {
            try JSON.number("1.5").integer()
        }
    }
}
