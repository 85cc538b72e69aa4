/// Candidates as lines for a screen.
enum Listing {
    /// More than this many are not shown.
    static let candidatesMax = 100

    /// - Parameter columns: the width of the screen.
    static func lines(of candidates: [Completion.Candidate], columns: Int) -> [String] {
        let shown = candidates.prefix(candidatesMax)
        let more = candidates.count - shown.count
        let names = shown.map { printable($0.text) }
        let width = min(names.lazy.map(\.count).max() ?? 0, 40)
        var lines: [String]
        if shown.contains(where: { !$0.abstract.isEmpty }) {
            lines = zip(names, shown).map { name, candidate in
                cut("  " + padded(name, to: width) + "  " + printable(candidate.abstract), to: columns)
            }
        } else {
            lines = table(names, width: width, columns: columns)
        }
        if more > 0 { lines.append("  … and \(more) more") }
        return lines
    }

    /// What `?` shows: what is expected, and the flags that may come instead.
    static func help(for completion: Completion, columns: Int) -> [String] {
        var rows: [Completion.Candidate] = []
        if let expected = completion.expected { rows.append(expected) }
        rows += completion.candidates
        for flag in completion.flags where !rows.contains(flag) { rows.append(flag) }
        return rows.isEmpty ? ["  nothing more: Enter runs the command"] : lines(of: rows, columns: columns)
    }

    /// Names side by side, in order from left to right.
    private static func table(_ names: [String], width: Int, columns: Int) -> [String] {
        let perLine = max(1, (columns - 2) / (width + 2))
        return stride(from: 0, to: names.count, by: perLine).map { start in
            let row = names[start..<min(start + perLine, names.count)]
            let text = row.dropLast().map { padded($0, to: width) + "  " }.joined() + (row.last ?? "")
            return cut("  " + text, to: columns)
        }
    }

    private static func padded(_ text: String, to width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    private static func cut(_ line: String, to columns: Int) -> String {
        line.count < columns ? line : line.prefix(max(0, columns - 2)) + "…"
    }

    /// A text that cannot move the cursor or colour the screen.
    static func printable(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isControl) else { return text }
        return String(String.UnicodeScalarView(text.unicodeScalars.map { isControl($0) ? "\u{FFFD}" : $0 }))
    }

    static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }
}
