import Testing

@testable import invctl

private let lines: [(String, [String])] = [
    ("", []), ("  \t ", []), ("status", ["status"]), (" product  get\tA ", ["product", "get", "A"]),
    // Quotes.
    ("'a b' \"c d\"", ["a b", "c d"]), ("a'b c'd", ["ab cd"]), ("''", [""]), ("a \"\" b", ["a", "", "b"]),
    (#"'a\b' "a\b""#, [#"a\b"#, #"a\b"#]), (#""\"\\\$\`""#, [#""\$`"#]), (#"'"' "'""#, ["\"", "'"]),
    // Backslashes.
    (#"a\ b \' \""#, ["a b", "'", "\""]), (#"\\"#, [#"\"#]), (#"\a"#, ["a"]), (#"\é"#, ["é"]),
    // Comments only at the beginning of a word.
    ("# all", []), ("a # b 'c", ["a"]), ("a#b", ["a#b"]), (##"\#a '#b'"##, ["#a", "#b"]), ("''#a", ["#a"]),
    // Nothing is expanded.
    ("$HOME ~ * `a` $(b) {a,b} !! a&b;c|d>e", ["$HOME", "~", "*", "`a`", "$(b)", "{a,b}", "!!", "a&b;c|d>e"]),
    ("über 'naïve 😀'", ["über", "naïve 😀"]), ("a\u{A0}b", ["a\u{A0}b"]), ("a\r", ["a"]),
]

@Suite("Words of a command line")
struct WordsTests {
    @Test("splits as a POSIX shell does, without expansions", arguments: lines)
    func split(line: String, words: [String]) throws {
        let split = try Words.split(line)
        #expect(split == words)
    }

    /// Run as if it were closed, it would be a command that nobody typed.
    @Test(
        "refuses a line that leaves a quote open, and says where",
        arguments: [
            ("a 'b", WordsError.Reason.unclosed("'"), 3), ("\"", .unclosed("\""), 1),
            ("é 'b'\"c\\", .unclosed("\""), 6),
            ("a \"b\\\"", .unclosed("\""), 3), ("a\\", .backslashAtEnd, 2), ("'", .unclosed("'"), 1),
        ])
    func unclosed(line: String, reason: WordsError.Reason, column: Int) {
        let error = #expect(throws: WordsError.self) { try Words.split(line) }
        #expect(error == WordsError(reason: reason, column: column))
    }

    @Test("knows where each word stands")
    func ranges() {
        let words = Words(scanning: "é 'b c'd  x").words
        #expect(words.map(\.range) == [0..<2, 3..<9, 11..<12])
    }

    /// What completion puts into the line has to come out again as it was.
    @Test(
        "reads what is quoted as one word, the same",
        arguments: ["", "a", "a b", "'", "\"", "\\", "#a", "a'b\"c\\d$`", "é 😀", "-x", "a;b|c&d", "\\\\", "'\"", "\t"])
    func roundTrip(text: String) throws {
        for quote in [Quote.none, .single, .double] {
            let split = try Words.split(quote.apply(to: text, closed: true) + " next")
            #expect(split == [text, "next"])
            let begun = Words(scanning: quote.apply(to: text, closed: false))
            #expect(begun.words.last?.text ?? "" == text)
        }
    }

    @Test("takes any bytes without a trap")
    func hostile() {
        var generator = SystemRandomNumberGenerator()
        let alphabet = Array("ab '\"\\#\t=-é\u{301}\0\n$")
        for _ in 0..<2_000 {
            let line = String(
                (0..<Int.random(in: 0...12, using: &generator)).map { _ in
                    alphabet.randomElement(using: &generator) ?? "a"
                })
            let scan = Words(scanning: line)
            #expect(scan.words.allSatisfy { !$0.range.isEmpty && $0.range.upperBound <= line.utf8.count })
            for cursor in -1...line.utf8.count + 1 {
                let completion = Completion(line: line, cursor: cursor, table: CommandTable(commands: []))
                #expect(completion?.range.upperBound ?? 0 <= line.utf8.count + 2)
            }
        }
    }
}
