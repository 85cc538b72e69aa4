/// What separates the fields of a record.
enum Delimiter: UInt8, CaseIterable, Sendable {
    case comma = 0x2C
    case semicolon = 0x3B
    case tab = 0x09
}

/// Finds a file's delimiter: the one that its header has most of, outside quotes.
struct DelimiterSniffer {
    private var counts = [0, 0, 0]
    private var isQuoted = false
    private var length = 0

    /// Goes on where it stopped, `length` bytes after `start`.
    ///
    /// - Returns: the delimiter, once the header is complete or `limit` bytes of it are there.
    mutating func read(_ buffer: [UInt8], from start: Int, limit: Int, isLast: Bool) -> Delimiter? {
        let bytes = buffer.span
        var index = start + length
        defer { length = index - start }
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "\""): isQuoted.toggle()
            case UInt8(ascii: "\n") where !isQuoted, UInt8(ascii: "\r") where !isQuoted: return winner
            case Delimiter.comma.rawValue where !isQuoted: counts[0] += 1
            case Delimiter.semicolon.rawValue where !isQuoted: counts[1] += 1
            case Delimiter.tab.rawValue where !isQuoted: counts[2] += 1
            default: break
            }
            index += 1
            if index - start > limit { return winner }
        }
        return isLast ? winner : nil
    }

    private var winner: Delimiter {
        let most = counts.max() ?? 0
        return zip(Delimiter.allCases, counts).first { $0.1 == most }?.0 ?? .comma
    }
}

/// How far one record has been read: it goes on where the bytes ended, so none is looked at twice.
struct CSVScan {
    struct Field {
        /// From the beginning of the record, without the quotes around it.
        let bytes: Range<Int>
        /// Whether quotes inside are doubled.
        let hasDoubledQuotes: Bool
    }

    enum Stop {
        case needsMore
        /// At the line end that ends the record.
        case end
        case textAfterQuote
        case tooLong
    }

    enum State {
        case fieldStart
        case unquoted
        case quoted
        /// After a quote in a quoted field: its end, or the first half of a doubled one.
        case quoteSeen
    }

    private(set) var state = State.fieldStart
    private(set) var length = 0

    /// The fields that are complete, as many as a record may have.
    private(set) var fields: [Field] = []
    private(set) var fieldCount = 0

    /// Line ends within the record, all of them in quotes.
    private(set) var lineEnds = 0

    /// Of the last field that is quoted: the line ends before it, and where the line after its first one begins.
    private(set) var lineEndsBeforeQuote = 0
    private(set) var afterQuotedLine: Int?

    private let fieldLimit: Int
    private var fieldStart = 0
    private var hasDoubledQuotes = false
    private var isAfterCR = false

    init(fieldLimit: Int) {
        self.fieldLimit = fieldLimit
    }

    var isEmpty: Bool { length == 0 }

    /// Begins the next record, in the memory of this one.
    mutating func reset() {
        state = .fieldStart
        length = 0
        fields.removeAll(keepingCapacity: true)
        fieldCount = 0
        lineEnds = 0
        lineEndsBeforeQuote = 0
        afterQuotedLine = nil
        fieldStart = 0
        hasDoubledQuotes = false
        isAfterCR = false
    }

    mutating func read(_ buffer: [UInt8], from start: Int, limit: Int, delimiter: UInt8) -> Stop {
        let bytes = buffer.span
        var index = start + length
        defer { length = index - start }
        let end = min(bytes.count, start + limit)
        while index < end {
            let byte = bytes[index]
            switch state {
            case .unquoted:
                if byte == delimiter {
                    endField(at: index - start)
                } else if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") {
                    return .end
                }
            case .quoted:
                if byte == UInt8(ascii: "\"") {
                    state = .quoteSeen
                } else if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") {
                    lineEnd(byte, at: index - start)
                }
                isAfterCR = byte == UInt8(ascii: "\r")
            case .fieldStart:
                if byte == UInt8(ascii: "\"") {
                    state = .quoted
                    lineEndsBeforeQuote = lineEnds
                    afterQuotedLine = nil
                } else if byte == delimiter {
                    endField(at: index - start)
                } else if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") {
                    return .end
                } else {
                    state = .unquoted
                }
            case .quoteSeen:
                if byte == UInt8(ascii: "\"") {
                    hasDoubledQuotes = true
                    state = .quoted
                } else if byte == delimiter {
                    endField(at: index - start)
                } else if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") {
                    return .end
                } else {
                    return .textAfterQuote
                }
            }
            index += 1
        }
        guard index < bytes.count else { return .needsMore }
        let isLineEnd = bytes[index] == UInt8(ascii: "\n") || bytes[index] == UInt8(ascii: "\r")
        return isLineEnd && state != .quoted ? .end : .tooLong
    }

    /// The last field ends where the record does.
    mutating func finishRecord() { endField(at: length) }

    private mutating func endField(at end: Int) {
        let isQuoted = state == .quoteSeen
        if fields.count < fieldLimit {
            let bytes = isQuoted ? fieldStart + 1..<end - 1 : fieldStart..<end
            fields.append(Field(bytes: bytes, hasDoubledQuotes: hasDoubledQuotes))
        }
        fieldCount += 1
        fieldStart = end + 1
        hasDoubledQuotes = false
        state = .fieldStart
    }

    private mutating func lineEnd(_ byte: UInt8, at offset: Int) {
        let isSecondHalf = byte == UInt8(ascii: "\n") && isAfterCR
        if !isSecondHalf { lineEnds += 1 }
        if afterQuotedLine == nil || (isSecondHalf && afterQuotedLine == offset) { afterQuotedLine = offset + 1 }
    }
}
