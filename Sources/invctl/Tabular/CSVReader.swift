import InventoryKit

/// One record of a table.
struct CSVRecord: Hashable, Sendable {
    /// From 1, of the line where the record begins; line ends in quotes and blank lines count.
    let line: Int
    let fields: [String]
}

/// Reads comma-separated values (RFC 4180) from bytes that arrive in pieces, in constant memory.
///
/// Taken as it comes from the field: with or without a byte-order mark, any line ends, blank lines, commas, semicolons
/// or tabs, and quotes inside a field that is not quoted. A faulty record is told and the reading goes on behind it;
/// after a quote that is not closed, on the line after the one where it opens. Append a piece, then take all that
/// ``next()`` gives before the next one: what is kept is one unfinished record.
struct CSVReader {
    /// The longest record, in bytes without its line end: as long as a line of `products:batch`.
    static let recordBytes = 256 * 1_024
    static let fieldsPerRecord = 1_000

    /// The columns' names, once the first record has been read.
    private(set) var header: [String]?
    private(set) var delimiter: Delimiter?

    private let limit: Int
    private var buffer: [UInt8] = []
    private var isFinished = false

    /// Where the record that is read begins, in the buffer and in the file.
    private var start = 0
    private var line = 1
    private var scan = CSVScan(fieldLimit: fieldsPerRecord)
    private var sniffer = DelimiterSniffer()
    private var hasBegun = false

    /// Whether the last line end was a carriage return, so that a line feed belongs to it.
    private var isAfterCR = false
    private var isSkippingLine = false

    /// - Parameters:
    ///   - delimiter: `nil` to find it in the header.
    ///   - limit: the longest record, in bytes.
    init(delimiter: Delimiter? = nil, limit: Int = recordBytes) {
        self.delimiter = delimiter
        self.limit = limit
    }

    mutating func append(_ bytes: some Collection<UInt8>) {
        buffer.removeFirst(start)
        start = 0
        buffer.append(contentsOf: bytes)
    }

    /// Says that no more bytes come.
    mutating func finish() { isFinished = true }

    /// The next record after the header, or what is wrong with it; `nil` where more bytes are needed, or none come.
    ///
    /// - Throws: ``InvalidValue`` when the file as a whole cannot be read.
    mutating func next() throws(InvalidValue) -> Result<CSVRecord, RowFault>? {
        guard try begin() else { return nil }
        while true {
            guard let delimiter = sniffedDelimiter(), let row = nextRow(delimiter) else {
                if isFinished, header == nil { throw InvalidValue("is empty: its first line has to name the columns") }
                return nil
            }
            if let header { return row.flatMap { $0.checked(against: header) } }
            try takeHeader(row)
        }
    }

    /// Looks at the first bytes.
    private mutating func begin() throws(InvalidValue) -> Bool {
        guard !hasBegun else { return true }
        guard buffer.count >= 3 || isFinished else { return false }
        try ByteOrderMark.rejectUTF16(buffer)
        if buffer.starts(with: ByteOrderMark.utf8) { start = 3 }
        hasBegun = true
        return true
    }

    private mutating func takeHeader(_ row: Result<CSVRecord, RowFault>) throws(InvalidValue) {
        switch row {
        case .failure(let fault):
            throw InvalidValue("line \(fault.line), which has to name the columns: \(fault.detail)")
        case .success(let record):
            guard !record.fields.contains(where: { $0.utf8.contains(0) }) else {
                throw InvalidValue("is no text: save it as CSV, in UTF-8")
            }
            header = record.fields
        }
    }

    private mutating func sniffedDelimiter() -> UInt8? {
        if let delimiter { return delimiter.rawValue }
        skipLineEnds()
        delimiter = sniffer.read(buffer, from: start, limit: limit, isLast: isFinished)
        return delimiter?.rawValue
    }

    private mutating func nextRow(_ delimiter: UInt8) -> Result<CSVRecord, RowFault>? {
        guard !isSkippingLine || skipLine() else { return nil }
        if scan.isEmpty { skipLineEnds() }
        switch scan.read(buffer, from: start, limit: limit, delimiter: delimiter) {
        case .needsMore:
            guard isFinished, !scan.isEmpty else { return nil }
            return scan.state == .quoted ? unclosedQuote() : endRecord()
        case .end: return endRecord()
        case .textAfterQuote:
            return scan.afterQuotedLine == nil
                ? drop(.strayQuote, "text follows the closing quote of a field: double the quotes inside a field")
                : unclosedQuote()
        case .tooLong:
            return scan.state == .quoted && scan.afterQuotedLine != nil
                ? unclosedQuote() : drop(.tooLong, "longer than \(limit) bytes")
        }
    }
}

// MARK: The end of a record

extension CSVReader {
    /// Takes the record that ends where the scan stopped; its line end stays, and is skipped before the next one.
    private mutating func endRecord() -> Result<CSVRecord, RowFault> {
        scan.finishRecord()
        let row = scanned()
        start += scan.length
        line += scan.lineEnds
        isAfterCR = false
        consumeLineEnd()
        scan.reset()
        return row
    }

    private func scanned() -> Result<CSVRecord, RowFault> {
        guard scan.fieldCount <= Self.fieldsPerRecord else {
            let detail = "\(scan.fieldCount) fields, where at most \(Self.fieldsPerRecord) are read"
            return .failure(RowFault(.fieldCount, line: line, detail))
        }
        var fields: [String] = []
        fields.reserveCapacity(scan.fields.count)
        for field in scan.fields {
            let bytes = buffer[start + field.bytes.lowerBound..<start + field.bytes.upperBound]
            let text =
                field.hasDoubledQuotes
                ? String(validating: Self.undoubled(bytes), as: UTF8.self) : String(validating: bytes, as: UTF8.self)
            guard let text else {
                return .failure(RowFault(.notUTF8, line: line, "not UTF-8: save the file as UTF-8"))
            }
            fields.append(text)
        }
        return .success(CSVRecord(line: line, fields: fields))
    }

    /// Drops what is left of the physical line, of which nothing can be made.
    private mutating func drop(_ kind: RowFault.Kind, _ detail: String) -> Result<CSVRecord, RowFault> {
        let fault = RowFault(kind, line: line + (kind == .strayQuote ? scan.lineEndsBeforeQuote : 0), detail)
        start += scan.length
        line += scan.lineEnds
        scan.reset()
        isSkippingLine = true
        return .failure(fault)
    }

    /// Goes on after the line where the quote opens: most often the rest of the file is well.
    ///
    /// No file has its lines read over and over by that: those that were read within the quotes have only doubled ones,
    /// so none of them by itself leaves a quote open.
    private mutating func unclosedQuote() -> Result<CSVRecord, RowFault> {
        let opened = line + scan.lineEndsBeforeQuote
        let fault = RowFault(.unclosedQuote, line: opened, "a quote opens in this line and is not closed")
        let resumption = scan.afterQuotedLine ?? scan.length
        start += resumption
        line = opened + 1
        isAfterCR = resumption > 0 && buffer[start - 1] == UInt8(ascii: "\r")
        scan.reset()
        return .failure(fault)
    }

    /// - Returns: whether the end of the line is there.
    private mutating func skipLine() -> Bool {
        let end = buffer[start...].firstIndex { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }
        start = end ?? buffer.count
        isAfterCR = false
        isSkippingLine = !consumeLineEnd()
        return !isSkippingLine
    }

    private mutating func skipLineEnds() {
        while consumeLineEnd() {}
    }

    @discardableResult
    private mutating func consumeLineEnd() -> Bool {
        guard start < buffer.count else { return false }
        let byte = buffer[start]
        guard byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") else {
            isAfterCR = false
            return false
        }
        if !(byte == UInt8(ascii: "\n") && isAfterCR) { line += 1 }
        isAfterCR = byte == UInt8(ascii: "\r")
        start += 1
        return true
    }

    private static func undoubled(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var isFirstOfPair = false
        for byte in bytes {
            let isQuote = byte == UInt8(ascii: "\"")
            isFirstOfPair = isQuote && !isFirstOfPair
            if !isQuote || isFirstOfPair { result.append(byte) }
        }
        return result
    }
}

extension CSVRecord {
    fileprivate func checked(against header: [String]) -> Result<CSVRecord, RowFault> {
        guard fields.count != header.count else { return .success(self) }
        return .failure(
            RowFault(.fieldCount, line: line, "number of fields \(fields.count), of columns \(header.count)")
        )
    }
}

/// The bytes with which some programs begin a text.
enum ByteOrderMark {
    static let utf8: [UInt8] = [0xEF, 0xBB, 0xBF]

    /// - Throws: ``InvalidValue`` when the text begins as one in UTF-16 does.
    static func rejectUTF16(_ text: [UInt8]) throws(InvalidValue) {
        if text.starts(with: [0xFF, 0xFE]) || text.starts(with: [0xFE, 0xFF]) {
            throw InvalidValue("is in UTF-16: save it as UTF-8")
        }
    }
}
