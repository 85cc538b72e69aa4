import InventoryKit
import Testing

private let values: [(String, JSON)] = [
    ("null", .null), ("true", .bool(true)), ("false", .bool(false)), ("\"\"", ""), ("[]", []), ("{}", .object([:])),
    (" \n\r\t[ 1 , 2 ] \n\r\t", [.integer(1), .integer(2)]), ("[[],{}]", [[], .object([:])]),
    (#" { "a" : [ null ] , "b" : { } } "#, .object(["a": [.null], "b": .object([:])])),
    (#"{"":"empty name"}"#, .object(["": "empty name"])), ("\u{FEFF}[true]", [.bool(true)]),
    // Strings.
    ("\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "a\"\\/\u{8}\u{C}\n\r\t"), ("\"\\u0041\\u00e9\\u00E9\"", "A\u{E9}\u{E9}"),
    ("\"\\u0000\"", "\u{0}"), ("\"\\uD83D\\uDE00\"", "😀"), ("\"\\ud83d\\ude00!\"", "😀!"),
    ("\"\\uDBFF\\uDFFF\"", "\u{10FFFF}"), ("\"\\uD800\\uDC00\"", "\u{10000}"),
    ("\"\\uFFFF\\uD7FF\\uE000\"", "\u{FFFF}\u{D7FF}\u{E000}"), ("\"é😀\u{2028}\u{7F}\"", "é😀\u{2028}\u{7F}"),
    ("\"// no comment\"", "// no comment"),
]

private let numbers: [(String, JSON)] = [
    ("0", .integer(0)), ("-0", .integer(0)), ("7", .integer(7)), ("-12", .integer(-12)),
    ("9007199254740991", .integer(9_007_199_254_740_991)), ("9007199254740993", .integer(9_007_199_254_740_993)),
    ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)),
    // Integers written otherwise.
    ("1.0", .integer(1)), ("1e3", .integer(1_000)), ("1E3", .integer(1_000)), ("1e+3", .integer(1_000)),
    ("1.5e1", .integer(15)), ("100e-2", .integer(1)), ("-2.50e2", .integer(-250)), ("0.0", .integer(0)),
    ("-0.0", .integer(0)), ("0e999", .integer(0)), ("0.1e1", .integer(1)), ("9e15", .integer(9_000_000_000_000_000)),
    // No integers, or none that 64 bits hold.
    ("1.5", .number("1.5")), ("-0.5", .number("-0.5")), ("1e-5", .number("1e-5")), ("0.1", .number("0.1")),
    ("9223372036854775808", .number("9223372036854775808")), ("-9223372036854775809", .number("-9223372036854775809")),
    ("1e19", .number("1e19")), ("1e400", .number("1e400")), ("-1E400", .number("-1E400")),
    ("123456789012345678901234567890", .number("123456789012345678901234567890")),
    // A double would read these as integers.
    ("1.00000000000000001", .number("1.00000000000000001")), ("0.99999999999999999", .number("0.99999999999999999")),
    ("9007199254740990.6", .number("9007199254740990.6")), ("4503599627370497.5", .number("4503599627370497.5")),
]

@Suite("Reading JSON")
struct JSONParserTests {
    @Test("reads values as they are", arguments: values)
    func read(text: String, value: JSON) throws {
        let document = try parse(text)
        #expect(document.root == value)
        // Bytes as well, for Swift's == takes an é for an e with an accent.
        #expect(document.root.encoded() == value.encoded())
        #expect(document.doubledMembers.isEmpty)
    }

    @Test("reads integers exactly, however they are written, and nothing else as an integer", arguments: numbers)
    func number(text: String, value: JSON) throws {
        let alone = try parse(text).root
        let within = try parse("[\(text),{\"a\":\(text)}]").root
        #expect(alone == value)
        #expect(within == .array([value, .object(["a": value])]))
    }

    /// Taken for 0 they would be a price, or a stock, that nobody wrote.
    @Test(
        "does not take a number for 0 that is too small for a double",
        arguments: ["1e-400", "-1e-400", "123.4E-999"]
    )
    func underflow(text: String) throws {
        let document = try parse(text)
        #expect(document.root == .number(text))
    }

    @Test("reads 32 levels")
    func deepest() throws {
        let arrays = String(repeating: "[", count: 32) + String(repeating: "]", count: 32)
        let objects = String(repeating: #"{"a":"#, count: 32) + "1" + String(repeating: "}", count: 32)
        let mixed = String(repeating: #"[{"a":"#, count: 16) + "1" + String(repeating: "}]", count: 16)
        let wide = "[" + Array(repeating: "[]", count: 100).joined(separator: ",") + "]"
        for text in [arrays, objects, mixed, wide] {
            let document = try parse(text)
            #expect(document.root.encoded() == Array(text.utf8))
        }
    }

    @Test("refuses 33 levels, where the one too many begins", arguments: [33, 34, 100_000])
    func tooDeep(levels: Int) {
        let arrays = String(repeating: "[", count: levels) + String(repeating: "]", count: levels)
        let error = #expect(throws: JSONSyntaxError.self) { try parse(arrays) }
        #expect(error?.offset == 32)
        let objects = String(repeating: #"{"a":"#, count: levels) + "1" + String(repeating: "}", count: levels)
        let other = #expect(throws: JSONSyntaxError.self) { try parse(objects) }
        #expect(other?.offset == 32 * 5)
    }

    /// Fails where a megabyte of text may become a tree of half a million values.
    @Test("As many values as are allowed, and no more")
    func tooManyValues() throws {
        let text = Array(#"{"a":[1,2],"b":{}}"#.utf8)
        #expect(throws: Never.self) { try JSONDocument(parsing: text, valuesMax: 5) }
        #expect(throws: JSONSyntaxError.self) { try JSONDocument(parsing: text, valuesMax: 4) }
    }
}

@Suite("Members that occur more than once in JSON")
struct DoubledMembersTests {
    @Test(
        "are told with their place",
        arguments: [
            (#"{"a":1,"a":2}"#, ["/a"]), (#"{"a":1,"\u0061":1}"#, ["/a"]), (#"{"a":{"b":1,"b":1}}"#, ["/a/b"]),
            (#"[0,{"a":1,"a":2}]"#, ["/1/a"]), (#"{"x":[{},{"a":1,"b":0,"a":2}]}"#, ["/x/1/a"]),
            (#"{"a":1,"b":2,"a":3,"b":4}"#, ["/a", "/b"]), (#"{"a/b":{"~":1,"~":2}}"#, ["/a~1b/~0"]),
            (#"{"":1,"":2}"#, ["/"]), (#"{"a":{"c":1,"c":2},"a":0}"#, ["/a", "/a/c"]),
        ] as [(String, [String])]
    )
    func told(text: String, places: [String]) throws {
        let document = try parse(text)
        #expect(Set(document.doubledMembers.map(\.pointer)) == Set(places))
    }

    @Test("leave the last one")
    func lastWins() throws {
        let document = try parse(#"{"a":1,"a":2,"a":3}"#)
        #expect(document.root == .object(["a": .integer(3)]))
    }

    @Test(
        "are not members of different objects, or that differ in case",
        arguments: [#"{"a":{"a":1},"b":{"a":1}}"#, #"[{"a":1},{"a":1}]"#, #"{"a":1,"A":2}"#, #"{"a":"a"}"#]
    )
    func notDoubled(text: String) throws {
        let document = try parse(text)
        #expect(document.doubledMembers.isEmpty)
    }

    /// Each place repeats the names on the way to it, so a long name with many doubled members below it costs their
    /// product: here 20 MB for 30 KB, and gigabytes for the megabyte that a body may have.
    @Test("take no more room than there is reason for")
    func bounded() throws {
        let name = String(repeating: "n", count: 10_000)
        let text = "{\"\(name)\":{\(Array(repeating: "\"a\":0", count: 2_000).joined(separator: ","))}}"
        let places = try parse(text).doubledMembers.map(\.pointer.utf8.count)
        #expect(!places.isEmpty)
        #expect(places.reduce(0, +) < 1_000_000, "from a text of \(text.utf8.count) bytes")
    }
}

@Suite("A place in a document")
struct JSONPointerTests {
    @Test(
        "is written as RFC 6901 has it",
        arguments: [
            ([], ""), ([""], "/"), (["a", "0"], "/a/0"), (["a/b"], "/a~1b"), (["m~n"], "/m~0n"), (["~1"], "/~01"),
            (["é", " "], "/é/ "), (["//~~"], "/~1~1~0~0"),
        ] as [([String], String)]
    )
    func written(path: [String], text: String) {
        #expect(JSONPointer.text(path) == text)
    }
}
