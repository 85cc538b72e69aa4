import Testing

@testable import invctl

private let table = CommandTable(
    commands: [
        .init(name: "status", abstract: "how it is"),
        .init(
            name: "stock", abstract: "on hand",
            verbs: [
                .init(
                    name: "adjust", abstract: "add",
                    flags: [
                        .init(names: ["--reason"], value: .choice(["damage", "donation"]), help: "why"),
                        .init(names: ["--dry-run"], help: "change nothing"),
                        .init(names: ["--from", "-f"], value: .file, help: "rows"),
                    ], arguments: [.sku, .text("±N")]),
                .init(name: "count", arguments: [.sku, .text("N")]),
            ]),
        .init(name: "purchase", arguments: [.sku], repeatsLast: true),
        .init(name: "log", verbs: [.init(name: "level", arguments: [.choice(["info", "debug"])])]),
    ],
    flags: [.init(names: ["--output", "-o"], value: .choice(["table", "json"]), help: "how")])

/// `|` is the cursor.
private func completion(_ text: String) -> Completion? {
    let cursor = text.utf8.firstIndex(of: UInt8(ascii: "|")).map { text.utf8.distance(from: text.startIndex, to: $0) }
    return Completion(
        line: text.replacing("|", with: "", maxReplacements: 1), cursor: cursor ?? text.utf8.count, table: table)
}

private func names(_ text: String) -> [String]? { completion(text)?.candidates.map(\.text) }

@Suite("Completion of a command line")
struct CompletionTests {
    @Test(
        "offers what may come next, and nothing else",
        arguments: [
            ("", ["status", "stock", "purchase", "log"]), ("st", ["status", "stock"]), ("sto|xyz", ["stock"]),
            ("stock ", ["adjust", "count"]), ("stock a", ["adjust"]), ("'sto'ck a", ["adjust"]), ("zzz", []),
            ("log level ", ["info", "debug"]), ("log level d", ["debug"]), ("log level info ", ["--output"]),
            // Flags.
            ("status ", ["--output"]), ("status -", ["--output"]), ("status -o", ["-o"]),
            ("stock adjust --", ["--reason", "--dry-run", "--from", "--output"]), ("stock adjust --d", ["--dry-run"]),
            ("-", ["--output"]), ("-o json st", ["status", "stock"]), ("--output=json sto", ["stock"]),
            // Their values.
            ("stock adjust --reason ", ["damage", "donation"]), ("stock adjust --reason da", ["damage"]),
            ("stock adjust --reason=do", ["donation"]), ("status -o ", ["table", "json"]),
            ("status --output=", ["table", "json"]), ("stock adjust --dry-run=", []),
            // After -- nothing is a flag.
            ("stock adjust -- --", []), ("log level -- -", []),
        ])
    func offers(line: String, expected: [String]) {
        #expect(names(line) == expected)
    }

    @Test(
        "asks the world where names live",
        arguments: [
            ("stock adjust ", Completion.Source.skus, ""), ("stock adjust AB", .skus, "AB"),
            ("stock adjust 'A B", .skus, "A B"), ("stock adjust --dry-run A", .skus, "A"), ("purchase A B ", .skus, ""),
            ("stock adjust --reason damage A", .skus, "A"), ("stock adjust -f ", .files, ""),
            ("stock adjust --from=a/b", .files, "a/b"), ("stock adjust -- -A", .skus, "-A"),
        ])
    func sources(line: String, source: Completion.Source, prefix: String) {
        #expect(completion(line)?.source == source)
        #expect(completion(line)?.prefix == prefix)
    }

    /// A negative number that were taken for a flag would be offered flags, and the SKU after it none.
    @Test("takes a negative number for an argument")
    func negativeNumber() {
        #expect(completion("stock adjust A -5")?.expected?.text == "±N")
        #expect(names("stock adjust A -5") == [])
        #expect(completion("purchase -5 ")?.source == .skus)
    }

    @Test(
        "offers nothing in a comment, behind an unknown command, or right after a backslash",
        arguments: ["# st", "status # s", "nonsense ", "stock nonsense -", "st\\", "\"a\\"])
    func nothing(line: String) {
        #expect(completion(line) == nil)
    }

    @Test(
        "writes words so that they are read as they are",
        arguments: [
            ("purchase C", ["C D's"], #"C\ D\'s "#), ("purchase \"C", ["C D's"], #""C D's" "#),
            ("purchase 'C", ["C D's"], #""C D's" "#), ("purchase 'C", ["C D"], "'C D' "),
            // As much as all have in common, the quote left open.
            ("purchase A", ["AB-1", "AB-2"], "AB-"), ("purchase 'A", ["A B 1", "A B 2"], "'A B "),
            ("purchase A", ["A B 1", "A B 2"], #"A\ B\ "#), ("status --output=j", ["json"], "--output=json "),
            ("purchase ab", ["AB-1"], "AB-1 "), ("purchase #", ["#1"], nil),
        ] as [(String, [String], String?)])
    func insertion(line: String, candidates: [String], text: String?) {
        #expect(completion(line)?.insertion(of: candidates.map { .init(text: $0) }) == text)
    }

    @Test("inserts nothing where nothing is gained")
    func noGain() {
        #expect(completion("purchase AB-")?.insertion(of: [.init(text: "AB-1"), .init(text: "AB-2")]) == nil)
        #expect(completion("purchase ab")?.insertion(of: [.init(text: "AB-1"), .init(text: "abc")]) == nil)
        #expect(completion("purchase AB-")?.insertion(of: []) == nil)
    }

    @Test("leaves a folder open for what is in it")
    func folder() {
        let folder = Completion.Candidate(text: "my dir/", continues: true)
        #expect(completion("stock adjust -f my")?.insertion(of: [folder]) == #"my\ dir/"#)
        #expect(completion("stock adjust -f 'my")?.insertion(of: [folder]) == "'my dir/")
    }

    @Test("replaces the word up to the cursor, in bytes")
    func range() {
        #expect(completion("é 'st|x' y") == nil)
        #expect(completion("stock  ad|j")?.range == 7..<9)
        #expect(completion("purchase é 'A|B'")?.range == 12..<14)
        #expect(completion("stock |")?.range == 6..<6)
    }

    @Test("helps with what is expected and with the flags")
    func help() throws {
        let adjust = try #require(completion("stock adjust "))
        let lines = Listing.help(for: adjust, columns: 80)
        #expect(lines.first == "  SKU        of a product; TAB lists them")
        #expect(lines.contains("  --dry-run  change nothing"))
        let level = try #require(completion("log level info "))
        #expect(Listing.help(for: level, columns: 80) == ["  --output  how"])
        let nothing = try #require(Completion(line: "a ", cursor: 2, table: .init(commands: [.init(name: "a")])))
        #expect(Listing.help(for: nothing, columns: 80) == ["  nothing more: Enter runs the command"])
    }

    @Test("lists within the width of the screen, a bounded number, and no control characters")
    func listing() {
        let many = (0..<150).map { Completion.Candidate(text: "SKU-\($0)") }
        let lines = Listing.lines(of: many, columns: 40)
        #expect(lines.allSatisfy { $0.count < 40 })
        #expect(lines.last == "  … and 50 more")
        #expect(Listing.lines(of: [.init(text: "a\u{1B}[2J\u{202E}b")], columns: 80) == ["  a\u{FFFD}[2J\u{FFFD}b"])
        #expect(Listing.lines(of: [.init(text: String(repeating: "x", count: 500))], columns: 1).count == 1)
        #expect(Listing.lines(of: [], columns: 0).isEmpty)
    }
}
