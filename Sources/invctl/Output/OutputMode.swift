import ArgumentParser

/// How answers are written: `-o`.
enum OutputMode: String, CaseIterable, ExpressibleByArgument, Sendable {
    /// For people: a table without borders.
    case table
    /// The same with more columns.
    case wide
    /// Exactly one document.
    case json
    /// A document a line.
    case jsonl
    case csv
    /// The names alone, one a line.
    case name

    var isJSON: Bool { self == .json || self == .jsonl }

    /// The one asked for by words that the parser has not understood; the last one, as for the parser.
    static func named(in words: [String]) -> OutputMode? {
        var mode: OutputMode?
        let options = words.prefix { $0 != "--" }
        for (word, next) in zip(options, options.dropFirst() + [""]) {
            for name in ["-o", "--output"] {
                if word == name { mode = OutputMode(rawValue: next) }
                if word.hasPrefix(name + "=") { mode = OutputMode(rawValue: String(word.dropFirst(name.count + 1))) }
            }
        }
        return mode
    }
}

extension ColourChoice: ExpressibleByArgument {}
