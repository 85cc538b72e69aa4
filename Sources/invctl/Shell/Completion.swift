/// What may stand at the cursor.
struct Completion: Hashable, Sendable {
    /// One way to complete a word.
    struct Candidate: Hashable, Sendable {
        var text: String
        var abstract = ""
        /// Whether more of the same word follows, as after a directory.
        var continues = false
    }

    /// What the world has to be asked for.
    enum Source: Hashable, Sendable {
        case skus
        case files
    }

    /// The word up to the cursor, in bytes of the line.
    let range: Range<Int>
    /// What precedes the text that is to be completed within the same word, as in `--output=`.
    let lead: String
    /// What has been typed of it, without quotes.
    let prefix: String
    let quote: Quote

    /// Names that begin with ``prefix``, known beforehand.
    private(set) var candidates: [Candidate] = []
    /// Where there are more.
    private(set) var source: Source?
    /// What is expected, for people.
    private(set) var expected: Candidate?
    /// Flags that may stand here as well.
    private(set) var flags: [Candidate] = []

    /// - Parameter cursor: in bytes.
    /// - Returns: `nil` where nothing can be completed, in a comment or after an unknown command.
    init?(line: String, cursor: Int, table: CommandTable) {
        let head = String(decoding: line.utf8.prefix(max(0, cursor)), as: UTF8.self)
        let scan = Words(scanning: head)
        var words = scan.words
        let end = head.utf8.count
        var current = Words.Word(text: "", range: end..<end)
        switch scan.ending {
        case .comment, .backslash, .backslashInQuote: return nil
        case .blank: quote = .none
        case .word: quote = Self.quote(openingAt: words.last?.range.lowerBound, in: head)
        case .singleQuote: quote = .single
        case .doubleQuote: quote = .double
        }
        if scan.ending != .blank, let last = words.popLast() { current = last }
        range = current.range

        guard let place = Place(after: words.map(\.text), in: table) else { return nil }
        if let flag = place.awaiting {
            (lead, prefix) = ("", current.text)
            offer(flag.value ?? .none)
        } else if place.takesFlags, let (flag, name, value) = Self.flagAndValue(current.text, of: place.flags) {
            (lead, prefix) = (name + "=", value)
            offer(flag.value ?? .none)
        } else {
            (lead, prefix) = ("", current.text)
            if place.takesFlags { flags = Self.named(place.flags, prefix) }
            if place.takesFlags, prefix == "-" || CommandLineShape.isFlag(prefix) {
                candidates = flags
            } else if !place.commands.isEmpty {
                candidates = place.commands.lazy.filter { $0.name.hasPrefix(current.text) }.map {
                    Candidate(text: $0.name, abstract: $0.abstract)
                }
            } else {
                offer(place.argument)
                if expected == nil, candidates.isEmpty, prefix.isEmpty { candidates = flags }
            }
        }
    }

    private mutating func offer(_ argument: CommandTable.Argument) {
        switch argument {
        case .sku:
            source = .skus
            expected = Candidate(text: "SKU", abstract: "of a product; TAB lists them")
        case .file:
            source = .files
            expected = Candidate(text: "FILE", abstract: "the name of a file; TAB lists them")
        case .choice(let values):
            candidates = values.filter { [prefix] in $0.hasPrefix(prefix) }.map { Candidate(text: $0) }
        case .text(let label): expected = Candidate(text: label)
        case .none: break
        }
    }

    /// What to put in place of ``range``: the word whole if there is but one, else as much as all have in common.
    /// - Returns: `nil` when nothing would be gained.
    func insertion(of candidates: [Candidate]) -> String? {
        guard let first = candidates.first else { return nil }
        if candidates.count == 1 {
            let closed = !first.continues
            return quote.apply(to: lead + first.text, closed: closed) + (closed ? " " : "")
        }
        let common = candidates.dropFirst().reduce(first.text) { common, candidate in
            String(
                String.UnicodeScalarView(
                    zip(common.unicodeScalars, candidate.text.unicodeScalars)
                        .lazy.prefix { $0 == $1 }.map(\.0)))
        }
        guard common.utf8.count > prefix.utf8.count else { return nil }
        return quote.apply(to: lead + common, closed: false)
    }

    private static func quote(openingAt start: Int?, in line: String) -> Quote {
        // A word that was quoted and closed is written anew in the same manner.
        guard let start, let byte = line.utf8.dropFirst(start).first else { return .none }
        return byte == UInt8(ascii: "\"") ? .double : byte == UInt8(ascii: "'") ? .single : .none
    }

    private static func named(_ flags: [CommandTable.Flag], _ prefix: String) -> [Candidate] {
        flags.compactMap { flag in
            flag.names.first { $0.hasPrefix(prefix) }.map { Candidate(text: $0, abstract: flag.help) }
        }
    }

    private static func flagAndValue(
        _ word: String, of flags: [CommandTable.Flag]
    ) -> (CommandTable.Flag, name: String, value: String)? {
        let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, let flag = flags.first(where: { $0.names.contains(parts[0]) && $0.value != nil }) else {
            return nil
        }
        return (flag, parts[0], parts[1])
    }
}

/// Where in the table of commands a command line has come to.
private struct Place {
    /// The commands, or the verbs, that may come next.
    var commands: [CommandTable.Command]
    var flags: [CommandTable.Flag]
    /// The flag whose value is next.
    var awaiting: CommandTable.Flag?
    /// Whether no `--` has come yet.
    var takesFlags = true
    private var command: CommandTable.Command?
    private var given = 0

    /// - Returns: `nil` when one of the words is no command.
    init?(after words: [String], in table: CommandTable) {
        commands = table.commands
        flags = table.flags
        for word in words {
            if awaiting != nil {
                awaiting = nil
            } else if takesFlags, word == "--" {
                takesFlags = false
            } else if takesFlags, CommandLineShape.isFlag(word) {
                awaiting = flags.first { $0.names.contains(word) && $0.value != nil }
            } else if commands.isEmpty {
                given += 1
            } else {
                guard let next = commands.first(where: { $0.name == word }) else { return nil }
                command = next
                commands = next.verbs
                flags = next.flags + flags
            }
        }
    }

    /// What kind of argument is next.
    var argument: CommandTable.Argument {
        guard let command, let last = command.arguments.last else { return .none }
        if given < command.arguments.count { return command.arguments[given] }
        return command.repeatsLast ? last : .none
    }
}

private enum CommandLineShape {
    /// A dash alone is standard input, and a negative number is a number.
    static func isFlag(_ word: String) -> Bool {
        guard word.utf8.first == UInt8(ascii: "-") else { return false }
        guard let second = word.utf8.dropFirst().first else { return false }
        return !(0x30...0x39).contains(second)
    }
}
