import InventoryKit
import Testing

/// A text that stops being JSON at `first`; or up to `last`, where any place within a bad word, number or escape will
/// do.
private func bad(_ text: String, _ first: Int, _ last: Int? = nil) -> (String, ClosedRange<Int>) {
    (text, first...(last ?? first))
}

private let badTexts: [(String, ClosedRange<Int>)] = [
    // Nothing there, or not all of it.
    bad("", 0), bad("   ", 3), bad("\u{FEFF}", 3), bad("[", 1), bad("[1", 2), bad("[1,", 3), bad("{", 1),
    bad(#"{"a""#, 4), bad(#"{"a":"#, 5), bad(#"{"a":1"#, 6), bad(#"{"a":1,"#, 7), bad("\"abc", 4), bad("\"abc\\", 5),
    bad("\"\\u12", 5), bad("tru", 0, 3), bad("nul", 0, 3),
    // Something out of place.
    bad("]", 0), bad("}", 0), bad(",", 0), bad(":", 0), bad("[,]", 1), bad("[1,]", 3), bad("[1 2]", 3),
    bad("[1,,2]", 3), bad("[1}", 2), bad(#"{"a":1]"#, 6), bad("{,}", 1), bad(#"{"a":1,}"#, 7), bad(#"{"a" 1}"#, 5),
    bad(#"{"a":}"#, 5), bad(#"{"a"}"#, 4), bad("{a:1}", 1), bad("{1:2}", 1), bad(#"{"a":1 "b":2}"#, 7), bad("1 2", 2),
    bad("{}{}", 2), bad("[]]", 2), bad("nullnull", 4), bad("truex", 4), bad("\"a\"b", 3),
    // What other notations have and JSON has not.
    bad("'a'", 0), bad("True", 0), bad("NULL", 0), bad("undefined", 0), bad("NaN", 0), bad("Infinity", 0),
    bad("// c\n1", 0), bad("/* c */1", 0), bad("[1] // c", 4), bad("1\u{A0}", 1), bad("\u{C}1", 0),
    bad("\u{FEFF}\u{FEFF}1", 3), bad("1\u{0}", 1), bad("\u{0}", 0),
    // Numbers.
    bad("+1", 0), bad(".5", 0), bad("-", 1), bad("-a", 1), bad("--1", 1), bad("-Infinity", 1), bad("01", 0, 2),
    bad("-01", 0, 3), bad("00", 0, 2), bad("1.", 2), bad("1.e3", 2), bad("1.-1", 2), bad("1e", 2), bad("1e+", 3),
    bad("1ex", 2), bad("1e1.5", 3), bad("0x10", 1), bad("1_000", 1), bad("1,5", 1), bad("[1.2.3]", 4), bad("１", 0),
    // Strings.
    bad("\"a\nb\"", 2), bad("\"a\tb\"", 2), bad("\"\u{0}\"", 1), bad("\"\u{1F}\"", 1), bad("\"\\x41\"", 1, 3),
    bad("\"\\'\"", 1, 3), bad("\"\\U0041\"", 1, 3), bad("\"\\u12G4\"", 1, 5), bad("\"\\u-123\"", 1, 3),
    bad("\"\\u+123\"", 1, 3), bad("\"\\u 123\"", 1, 3), bad("{\"a\nb\":1}", 3),
    // Halves of surrogate pairs.
    bad("\"\\uD83D\"", 1, 7), bad("\"\\uD83Dx\"", 1, 7), bad("\"\\uD83D\\n\"", 1, 8), bad("\"\\uD83D\\u0041\"", 1, 13),
    bad("\"\\uD83D\\uD83D\"", 1, 13), bad("\"\\uDE00\"", 1, 7), bad("\"\\uDE00\\uD83D\"", 1, 7),
    bad("\"\\uD83D\\u\"", 7, 9), bad(#"{"\uD800":1}"#, 2, 8),
]

private let badUTF8: [[UInt8]] = [
    [0xFF], [0x80], [0xC0, 0xAF], [0xC3], [0xE2, 0x82], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF],
    [0xF0, 0x9F, 0x98], [0xF0, 0x80, 0x80, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xF8, 0x88, 0x80, 0x80, 0x80],
]

@Suite("A text that is no JSON")
struct JSONSyntaxErrorTests {
    @Test("is refused with the place where it stops being JSON", arguments: badTexts)
    func refused(text: String, place: ClosedRange<Int>) {
        let error = #expect(throws: JSONSyntaxError.self) { try parse(text) }
        #expect(place.contains(error?.offset ?? -1), "\(error?.offset ?? -1): \(error?.detail ?? "")")
    }

    @Test("is refused at the same place behind white space and a byte-order mark", arguments: badTexts)
    func shifted(text: String, place: ClosedRange<Int>) {
        guard !text.utf8.starts(with: "\u{FEFF}".utf8) else { return }
        let error = #expect(throws: JSONSyntaxError.self) { try parse("\u{FEFF} \n" + text) }
        #expect(place.contains((error?.offset ?? -1) - 5))
    }

    @Test("is refused for bytes that are no UTF-8, in values, in names and outside of both", arguments: badUTF8)
    func invalidUTF8(bytes: [UInt8]) {
        let quote = UInt8(ascii: "\"")
        let texts: [[UInt8]] = [
            [quote] + bytes + [quote], Array("\"é\\n".utf8) + bytes + Array("é\"".utf8),
            Array(#"{""#.utf8) + bytes + Array("\":1}".utf8), bytes, Array("[1]".utf8) + bytes,
        ]
        for text in texts {
            #expect(throws: JSONSyntaxError.self, "\(text)") { try JSONDocument(parsing: text) }
        }
    }

    @Test("is refused in UTF-16")
    func utf16() {
        let text = "[1]".utf16.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }
        #expect(throws: JSONSyntaxError.self) { try JSONDocument(parsing: text) }
        #expect(throws: JSONSyntaxError.self) { try JSONDocument(parsing: [0xFE, 0xFF] + text) }
    }
}
