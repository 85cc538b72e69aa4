/// A command line taken apart as a POSIX shell does it, without expansions: blanks separate words; single quotes, double
/// quotes and backslashes take away their meaning; `#` at the beginning of a word begins a comment.
struct Words: Hashable, Sendable {
    struct Word: Hashable, Sendable {
        /// What it says, without its quotes and backslashes.
        let text: String
        /// Where it stands in the line, in bytes, with its quotes.
        let range: Range<Int>
    }

    /// Where the line leaves off.
    enum Ending: Hashable, Sendable {
        case blank
        case word
        case comment
        case singleQuote
        case doubleQuote
        case backslash
        case backslashInQuote
    }

    private(set) var words: [Word] = []
    private(set) var ending = Ending.blank
    /// Where the last quote or backslash is, in bytes.
    private var lastMark = 0

    init(scanning line: some StringProtocol) {
        var text: [UInt8] = []
        var start: Int?
        let bytes = Array(line.utf8)
        for (offset, byte) in bytes.enumerated() where ending != .comment {
            let wasBlank = ending == .blank
            ending = take(byte, at: offset, into: &text)
            if let begun = start, ending == .blank {
                words.append(Word(text: String(decoding: text, as: UTF8.self), range: begun..<offset))
                text = []
                start = nil
            } else if wasBlank, ending != .blank, ending != .comment {
                start = offset
            }
        }
        if let start { words.append(Word(text: String(decoding: text, as: UTF8.self), range: start..<bytes.count)) }
    }

    /// Takes one byte.
    /// - Returns: where that leaves the line.
    private mutating func take(_ byte: UInt8, at offset: Int, into text: inout [UInt8]) -> Ending {
        switch (ending, byte) {
        case (.blank, UInt8(ascii: "#")): return .comment
        case (.blank, 0x09...0x0D), (.word, 0x09...0x0D), (.blank, 0x20), (.word, 0x20): return .blank
        case (.blank, UInt8(ascii: "'")), (.word, UInt8(ascii: "'")):
            lastMark = offset
            return .singleQuote
        case (.blank, UInt8(ascii: "\"")), (.word, UInt8(ascii: "\"")):
            lastMark = offset
            return .doubleQuote
        case (.blank, UInt8(ascii: "\\")), (.word, UInt8(ascii: "\\")):
            lastMark = offset
            return .backslash
        case (.singleQuote, UInt8(ascii: "'")), (.doubleQuote, UInt8(ascii: "\"")): return .word
        case (.doubleQuote, UInt8(ascii: "\\")): return .backslashInQuote
        case (.backslashInQuote, _):
            // Within double quotes a backslash only means something before what would mean something itself.
            if !Self.specialInDoubleQuotes.contains(byte) { text.append(UInt8(ascii: "\\")) }
            text.append(byte)
            return .doubleQuote
        default:
            text.append(byte)
            return ending == .singleQuote || ending == .doubleQuote ? ending : .word
        }
    }

    private static let specialInDoubleQuotes = Set("\"\\$`".utf8)

    /// - Throws: ``WordsError`` when a quote is left open or nothing follows a backslash.
    static func split(_ line: some StringProtocol) throws(WordsError) -> [String] {
        let scan = Words(scanning: line)
        let column = String(decoding: line.utf8.prefix(scan.lastMark), as: UTF8.self).count + 1
        switch scan.ending {
        case .blank, .word, .comment: return scan.words.map(\.text)
        case .singleQuote: throw WordsError(reason: .unclosed("'"), column: column)
        case .doubleQuote, .backslashInQuote: throw WordsError(reason: .unclosed("\""), column: column)
        case .backslash: throw WordsError(reason: .backslashAtEnd, column: column)
        }
    }
}

/// Why a line is no command line.
struct WordsError: Error, Hashable, CustomStringConvertible {
    enum Reason: Hashable, Sendable {
        case unclosed(Character)
        case backslashAtEnd
    }

    let reason: Reason
    /// In characters, from 1.
    let column: Int

    var description: String {
        switch reason {
        case .unclosed(let quote):
            "the quote \(quote) in column \(column) is not closed: close it, or put \\ before it if it is meant as it is"
        case .backslashAtEnd:
            "nothing follows the \\ in column \(column): leave it out, or write \\\\ if it is meant as it is"
        }
    }
}

/// How a word is quoted.
enum Quote: Hashable, Sendable {
    case none
    case single
    case double

    private static let plain = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:,+=@%^".utf8)

    /// A text written so that ``Words`` reads it as one word, or as the beginning of one.
    /// - Parameter closed: whether the word ends with it.
    func apply(to text: String, closed: Bool) -> String {
        switch self {
        case .none where text.isEmpty: closed ? "''" : ""
        case .none: Self.escape(text) { $0 < 0x80 && !Self.plain.contains($0) }
        // Nothing can stand for a single quote within single quotes.
        case .single where !text.utf8.contains(UInt8(ascii: "'")): "'" + text + (closed ? "'" : "")
        case .single, .double: "\"" + Self.escape(text) { "\"\\$`".utf8.contains($0) } + (closed ? "\"" : "")
        }
    }

    private static func escape(_ text: String, where isSpecial: (UInt8) -> Bool) -> String {
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            if isSpecial(byte) { bytes.append(UInt8(ascii: "\\")) }
            bytes.append(byte)
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
