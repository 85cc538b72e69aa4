import InventoryKit
import TestSupport
import Testing

@Suite("Search terms")
struct SearchTermsTests {
    @Test(
        "are folded: without case, and Latin letters without their marks",
        arguments: [
            ("", ""), ("ABC xyz 09", "abc xyz 09"), ("Café", "cafe"), ("CAFE\u{301}", "cafe"), ("Ø", "o"),
            ("Łódź", "lodz"), ("Ñandú", "nandu"), ("ÅNGSTRÖM", "angstrom"), ("Tiếng Việt", "tieng viet"), ("ŞŞ", "ss"),
            ("Đ", "d"), ("Ñ\u{303}\u{327}", "n"),
        ]
    )
    func folded(text: String, folded: String) {
        // By code points: to Swift's == a letter with a combining mark is the letter that has it built in.
        #expect(Array(SearchTerms.fold(text).unicodeScalars) == Array(folded.unicodeScalars))
    }

    @Test(
        "keep letters that are others, not marked ones",
        arguments: [
            ("Straße", "straße"), ("Ærø", "æro"), ("日本語", "日本語"), ("ПРИВЕТ", "привет"), ("ΑΒΓ", "αβγ"), ("ı", "ı"),
        ]
    )
    func kept(text: String, folded: String) {
        #expect(Array(SearchTerms.fold(text).unicodeScalars) == Array(folded.unicodeScalars))
    }

    /// One text can come in either form, by the keyboard or the system that it was typed on, and looks the same.
    @Test(
        "are folded alike, whether a mark is built in or combined",
        arguments: [
            ("\u{E9}", "e\u{301}"), ("\u{1EBF}", "e\u{302}\u{301}"), ("\u{1E3}", "\u{E6}\u{304}"),
            ("\u{439}", "\u{438}\u{306}"), ("\u{451}", "\u{435}\u{308}"), ("\u{3AC}", "\u{3B1}\u{301}"),
            ("\u{D55C}", "\u{1112}\u{1161}\u{11AB}"),
        ]
    )
    func equivalentForms(composed: String, decomposed: String) {
        #expect(composed == decomposed, "the sample is wrong")
        #expect(Array(SearchTerms.fold(composed).unicodeScalars) == Array(SearchTerms.fold(decomposed).unicodeScalars))
    }

    /// Stores keep folded texts and fold the question again.
    @Test("folded twice are as folded once")
    func idempotent() {
        var differing: [String] = []
        for value in UInt32(0x20)...0x2FFF {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let once = SearchTerms.fold("a\(scalar)b")
            if Array(SearchTerms.fold(once).unicodeScalars) != Array(once.unicodeScalars) {
                differing.append(String(value, radix: 16))
            }
        }
        #expect(differing.isEmpty)
    }

    @Test(
        "are words: runs of letters and digits",
        arguments: [
            ("", []), (" ,.-/ ", []), ("Hanging heart T-light", ["hanging", "heart", "t", "light"]),
            ("Crème brûlée, 2 Stück", ["creme", "brulee", "2", "stuck"]), ("don't", ["don", "t"]),
            ("a_b+c=d", ["a", "b", "c", "d"]), ("eins\tzwei\ndrei", ["eins", "zwei", "drei"]), ("日本語 テ", ["日本語", "テ"]),
            ("🎁 gift", ["gift"]),
        ] as [(String, [String])]
    )
    func words(text: String, words: [String]) {
        #expect(SearchTerms.words(of: text) == words)
    }

    @Test(
        "are the parts of a SKU",
        arguments: [
            ("85123A", ["85123a"]), ("AB-12/c", ["ab", "12", "c"]), ("X.9_Y", ["x", "9", "y"]), ("#1", ["1"]),
            ("0001", ["0001"]),
        ] as [(String, [String])]
    )
    func skuWords(sku: String, words: [String]) {
        #expect(SearchTerms.words(of: sku) == words)
    }

    @Test("are never blank and already folded, whatever the text", arguments: seeds)
    func anyText(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        for _ in 0..<300 {
            let text = random.text(0...40)
            for word in SearchTerms.words(of: text) {
                let codePoints = word.unicodeScalars.map { String($0.value, radix: 16) }
                #expect(SearchTerms.words(of: word) == [word], "seed \(seed), code points \(codePoints)")
            }
        }
    }
}
