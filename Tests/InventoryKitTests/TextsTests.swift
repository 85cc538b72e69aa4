import InventoryKit
import Testing

/// One character on the screen, 5 code points, 18 bytes.
private let family = "👨‍👩‍👧"

private let controls = ["\u{0}", "\u{1}", "\u{8}", "\u{B}", "\u{1B}", "\u{7F}", "\u{80}", "\u{85}", "\u{9F}"]
private let lineBreaks = ["\n", "\r", "\r\n", "\t"]
private let blanks = [" ", "   ", "\u{A0}", "\u{3000}", "\u{2003}\u{2009}"]

private func repeated(_ text: String, _ count: Int) -> String { String(repeating: text, count: count) }

@Suite("A product's name")
struct ProductNameTests {
    /// Each of these would be refused if bytes were counted, or accepted beyond the bound if characters were.
    @Test(
        "has 1 to 256 code points",
        arguments: ["x", repeated("x", 256), repeated("é", 256), repeated("😀", 256), repeated(family, 51) + "x"]
    )
    func length(text: String) throws {
        let name = try ProductName(text)
        #expect(name.text == text)
    }

    @Test(
        "has no more than 256 code points, and not none",
        arguments: [
            "", repeated("x", 257), repeated("😀", 257), repeated(family, 52), "e" + repeated("\u{301}", 256),
            repeated("x", 100_000),
        ]
    )
    func tooLong(text: String) {
        #expect(throws: InvalidValue("must have 1 to 256 code points")) { try ProductName(text) }
    }

    @Test("has no control characters", arguments: controls + lineBreaks)
    func control(character: String) {
        #expect(throws: InvalidValue("must not contain control characters")) { try ProductName("a\(character)b") }
    }

    @Test("is not blank", arguments: blanks)
    func blank(text: String) {
        #expect(throws: InvalidValue("must not be blank")) { try ProductName(text) }
    }
}

@Suite("A product's description")
struct ProductDescriptionTests {
    @Test(
        "has up to 10,000 code points",
        arguments: ["", " ", repeated("x", 10_000), repeated("😀", 10_000), repeated(family, 2_000)]
    )
    func length(text: String) throws {
        let description = try ProductDescription(text)
        #expect(description.text == text)
    }

    @Test("has no more", arguments: [repeated("x", 10_001), repeated("é", 10_001), repeated(family, 2_001)])
    func tooLong(text: String) {
        #expect(throws: InvalidValue("must have 0 to 10000 code points")) { try ProductDescription(text) }
    }

    @Test("may have line breaks and tabs", arguments: lineBreaks)
    func lines(character: String) throws {
        let description = try ProductDescription("a\(character)b")
        #expect(description.text == "a\(character)b")
    }

    @Test("has no other control characters", arguments: controls)
    func control(character: String) {
        #expect(throws: InvalidValue.self) { try ProductDescription("a\(character)b") }
    }
}

@Suite("A reference")
struct ReferenceTests {
    @Test("has 1 to 128 code points", arguments: ["x", "PO-1 / 7", repeated("é", 128), repeated("😀", 128)])
    func length(text: String) throws {
        let reference = try Reference(text)
        #expect(reference.text == text)
    }

    @Test("has no more, and not none", arguments: ["", repeated("x", 129), repeated(family, 26)])
    func tooLong(text: String) {
        #expect(throws: InvalidValue("must have 1 to 128 code points")) { try Reference(text) }
    }

    @Test("has no control characters and is not blank", arguments: blanks + ["a\nb", "a\u{0}", "\u{1B}[2J"])
    func bad(text: String) {
        #expect(throws: InvalidValue.self) { try Reference(text) }
    }
}

@Suite("Attributes")
struct AttributesTests {
    private func many(_ count: Int) -> [String: String] {
        Dictionary(uniqueKeysWithValues: (0..<count).map { ("name-\($0)", "value") })
    }

    @Test("are up to 50")
    func count() throws {
        let fifty = try Attributes(many(50))
        #expect(fifty.values.count == 50)
        let tooMany = many(51)
        #expect(throws: InvalidValue("must have at most 50 members")) { try Attributes(tooMany) }
    }

    @Test("have names of 1 to 64 code points", arguments: ["x", "größe", repeated("😀", 64)])
    func name(name: String) throws {
        let attributes = try Attributes([name: "v"])
        #expect(attributes.values == [name: "v"])
    }

    @Test("have no other names", arguments: ["", " ", repeated("x", 65), repeated(family, 13), "a\nb", "a\u{0}"])
    func badName(name: String) {
        #expect(throws: InvalidValue.self) { try Attributes([name: "v"]) }
    }

    @Test("have values of up to 256 code points", arguments: ["", " ", "two\nlines", repeated("😀", 256)])
    func value(value: String) throws {
        let attributes = try Attributes(["n": value])
        #expect(attributes.values == ["n": value])
    }

    @Test("have no other values", arguments: [repeated("x", 257), repeated(family, 52), "a\u{0}", "a\u{1B}b"])
    func badValue(value: String) {
        #expect(throws: InvalidValue.self) { try Attributes(["n": value]) }
    }
}
