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
}

extension ColourChoice: ExpressibleByArgument {}
