import Testing

@testable import invctl

@Suite("Text for a terminal")
struct TextTests {
    @Test("shows what would steer the terminal")
    func printing() {
        #expect(printable("\u{1B}[31mred\u{9B}") == "\\u{1b}[31mred\\u{9b}")
        #expect(printable("a\tb\r\n") == "a\\tb\\r\\n")
        #expect(printable("\u{202E}x\u{2066}\u{2028}\u{AD}") == "\\u{202e}x\\u{2066}\\u{2028}\\u{ad}")
        #expect(printable("Herz ♥ 醤油 👨‍👩‍👧") == "Herz ♥ 醤油 👨‍👩‍👧")
    }

    @Test("keeps the marks of a character, but no tower of them and none without a character")
    func marks() {
        #expect(printable("e\u{301}") == "e\u{301}")
        #expect(printable("\u{301}e") == "\\u{301}e")
        #expect(printable("a" + String(repeating: "\u{336}", count: 500)).unicodeScalars.count == 9)
    }

    @Test("lets no control character through, whatever comes", arguments: Hostile.texts)
    func harmless(text: String) {
        let shown = printable(text)
        let categories = shown.unicodeScalars.map(\.properties.generalCategory)
        #expect(!categories.contains(.control))
        #expect(printable(shown) == shown)
        let narrow = StyledText(text).rendered(colour: false, utf8: false)
        let isASCII = narrow.utf8.allSatisfy { (0x20..<0x7F).contains($0) }
        #expect(isASCII)
        #expect(displayWidth(narrow) == StyledText(text).width)
    }

    @Test(
        "is as wide as the terminal shows it",
        arguments: [
            ("", 0), ("abc", 3), ("é", 1), ("e\u{301}", 1), ("醤油", 4), ("ｆ", 2), ("한", 2),
            ("\u{1112}\u{1161}\u{11AB}", 2),
            ("😀", 2), ("👍🏽", 2), ("👨‍👩‍👧", 2), ("🇬🇧", 2), ("❤️", 2), ("❤", 1), ("1️⃣", 2), ("▁█", 2), ("µ…·", 3), ("𠀀", 2),
            ("〿", 1), ("\u{4DC0}", 1), ("\u{200D}", 0),
        ]
    )
    func width(text: String, columns: Int) {
        #expect(displayWidth(text) == columns)
    }

    @Test("is cut and filled to a width", arguments: Hostile.texts)
    func cut(text: String) {
        let text = printable(text)
        for width in -1...30 {
            for ellipsis in ["…", "..."] {
                let cut = truncate(text, to: width, ellipsis: ellipsis)
                #expect(displayWidth(cut) <= max(0, width))
                if displayWidth(text) <= width { #expect(cut == text) }
            }
            #expect(displayWidth(pad(text, to: width)) == max(displayWidth(text), width))
            #expect(displayWidth(pad(text, to: width, .right)) == max(displayWidth(text), width))
        }
    }

    @Test("says that it was cut, and never cuts a character in two")
    func ellipsis() {
        #expect(truncate("醤油ラーメン", to: 6) == "醤油…")
        #expect(truncate("abcdef", to: 5, ellipsis: "...") == "ab...")
        #expect(truncate("abcdef", to: 2, ellipsis: "...") == "..")
        #expect(truncate("👨‍👩‍👧👨‍👩‍👧", to: 3) == "👨‍👩‍👧…")
        #expect(truncate("abc", to: 0) == "")
    }

    @Test("has styles only where there is colour")
    func styles() {
        let line = StyledText("5xx ", .dim) + StyledText("41/s", [.bold, .red]) + " µ"
        #expect(line.rendered(colour: false, utf8: true) == "5xx 41/s µ")
        #expect(line.rendered(colour: true, utf8: false) == "\u{1B}[2m5xx \u{1B}[0m\u{1B}[1;31m41/s\u{1B}[0m u")
        #expect(line.width == 10)
        #expect(Style.bold.applied(to: "", colour: true) == "")
        #expect(Style().applied(to: "x", colour: true) == "x")
    }

    @Test("keeps its styles and its width when it is cut", arguments: Hostile.texts)
    func styledCut(text: String) {
        let line = StyledText("1", .bold) + StyledText(text, .red) + StyledText(text, .dim)
        for width in 0...40 {
            let cut = line.truncated(to: width)
            #expect(cut.width <= width)
            #expect(cut.width == displayWidth(cut.plain) || cut.width >= displayWidth(cut.plain))
            #expect(withoutColour(cut.rendered(colour: true, utf8: true)) == cut.plain)
            #expect(cut.padded(to: 40).width == 40)
        }
        #expect(displayWidth(line.plain) <= line.width)
    }
}
