/// Why one row of an input is not taken, and where it stands.
struct RowFault: Error, Hashable, Sendable {
    /// From 1, of the line where the row begins; of an unclosed quote, where that opens.
    let line: Int
    let kind: Kind

    /// The particular case, in words for whoever has to mend the row.
    let detail: String

    init(_ kind: Kind, line: Int, _ detail: String) {
        self.line = line
        self.kind = kind
        self.detail = detail
    }

    /// What rows are counted by, in the order in which a summary tells them.
    enum Kind: String, CaseIterable, Sendable {
        // Of the text.
        case notUTF8 = "not UTF-8"
        case tooLong = "row too long"
        case unclosedQuote = "quote not closed"
        case strayQuote = "text after a closing quote"
        case fieldCount = "wrong number of fields"
        case notJSON = "no JSON object"
        // Of the values.
        case missingSKU = "sku empty"
        case missingName = "name empty"
        case badPrice = "price not readable"
        case negativePrice = "price negative"
        case zeroPrice = "price zero"
        case badNumber = "number not readable"
        case notSold = "quantity zero or negative: a return or correction, no sale"
        case invalid = "value not permitted"
        // Of the rows before, and of the server.
        case repeated = "same product as in an earlier row"
        case differs = "sku of an earlier row with other values: the first was kept"
        case refused = "refused by the server"

        /// Whether something is lost with the row. What merely repeats an earlier row is told, but is no failure.
        var isFailure: Bool { self != .repeated && self != .differs }
    }
}

/// Counts faults by kind, whatever their number.
struct FaultTally: Sendable {
    private(set) var counts: [RowFault.Kind: Int] = [:]
    private var firstLines: [RowFault.Kind: Int] = [:]

    mutating func add(_ fault: RowFault) {
        counts[fault.kind, default: 0] += 1
        if firstLines[fault.kind] == nil { firstLines[fault.kind] = fault.line }
    }

    /// Rows with which something was lost.
    var failures: Int { counts.reduce(0) { $1.key.isFailure ? $0 + $1.value : $0 } }

    /// A line for each kind there was: `37 rows: name empty (first in line 624)`.
    var summary: [String] {
        RowFault.Kind.allCases.compactMap { kind in
            guard let count = counts[kind], let line = firstLines[kind] else { return nil }
            return count == 1
                ? "1 row: \(kind.rawValue) (line \(line))"
                : "\(count) rows: \(kind.rawValue) (first in line \(line))"
        }
    }
}
