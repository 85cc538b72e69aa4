import Testing

@testable import invctl

@Suite("What a terminal can do")
struct CapabilitiesTests {
    private func capabilities(
        _ environment: [String: String], isTerminal: Bool = true, colour: ColourChoice = .auto
    ) -> Capabilities {
        Capabilities(isTerminal: isTerminal, colour: colour) { environment[$0] }
    }

    @Test("colour: on a terminal, unless it is dumb or the user does not want it")
    func colour() {
        #expect(capabilities(["TERM": "xterm"]).hasColour)
        #expect(capabilities(["TERM": "xterm", "NO_COLOR": ""]).hasColour)
        #expect(!capabilities(["TERM": "xterm", "NO_COLOR": "1"]).hasColour)
        #expect(!capabilities(["TERM": "dumb"]).hasColour)
        #expect(!capabilities([:]).hasColour)
        #expect(!capabilities(["TERM": "xterm"], isTerminal: false).hasColour)
    }

    @Test("colour: the command line has the last word")
    func choice() {
        #expect(capabilities(["NO_COLOR": "1"], isTerminal: false, colour: .always).hasColour)
        #expect(!capabilities(["TERM": "xterm"], colour: .never).hasColour)
    }

    @Test("a screen: on a terminal that is not dumb")
    func screen() {
        #expect(capabilities(["TERM": "xterm"]).hasScreen)
        #expect(!capabilities(["TERM": "dumb"]).hasScreen)
        #expect(!capabilities(["TERM": "xterm"], isTerminal: false).hasScreen)
    }

    @Test("UTF-8: by the first locale that is set")
    func utf8() {
        #expect(capabilities(["LANG": "de_DE.UTF-8"]).hasUTF8)
        #expect(capabilities(["LC_ALL": "", "LC_CTYPE": "C.utf8", "LANG": "C"]).hasUTF8)
        #expect(!capabilities(["LC_ALL": "C", "LANG": "C.UTF-8"]).hasUTF8)
        #expect(!capabilities([:]).hasUTF8)
    }

    @Test("its size: its own word, else the environment's, else 80 × 24, and never absurd")
    func size() {
        func size(_ window: TerminalSize?, _ environment: [String: String]) -> [Int] {
            let size = TerminalSize.from(window: window) { environment[$0] }
            return [size.columns, size.rows]
        }
        #expect(size(TerminalSize(columns: 120, rows: 40), ["COLUMNS": "50"]) == [120, 40])
        #expect(size(TerminalSize(columns: 0, rows: 0), ["COLUMNS": "50", "LINES": "10"]) == [50, 10])
        #expect(size(nil, ["COLUMNS": "-5", "LINES": "x"]) == [80, 24])
        #expect(size(nil, ["COLUMNS": "99999999", "LINES": "99999999999999999999"]) == [1_000, 24])
    }

    @Test("keys: letters, arrows, and nothing of what it does not know")
    func keys() {
        func keys(_ text: String) -> [Key] {
            var decoder = KeyDecoder()
            return decoder.decode(Array(text.utf8)) + decoder.pause()
        }
        #expect(keys("qé\r\u{7F}") == [.character("q"), .character("é"), .enter, .backspace])
        #expect(keys("\u{1B}[A\u{1B}OB\u{1B}[D\u{1B}[C") == [.up, .down, .left, .right])
        #expect(keys("\u{1B}[<0;12;5Mq\u{1B}[15~") == [.character("q")])
        #expect(keys("\u{1B}") == [.escape])
        #expect(keys("\u{1B}q") == [.escape, .character("q")])
        #expect(keys("\u{3}\u{0}") == [])
        #expect(keys("\u{1B}[" + String(repeating: "1", count: 33) + "q") == [.character("q")])
    }

    @Test("keys: broken UTF-8 costs no more than itself")
    func brokenKeys() {
        var decoder = KeyDecoder()
        #expect(
            decoder.decode([0xC3, 0x71, 0xFF, 0x80, 0xED, 0xA0, 0x80, 0x71]) == [.character("q"), .character("q")])
        #expect(!decoder.isWaiting)
    }
}
