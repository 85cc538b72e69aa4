import InventoryKit

/// One line that is a JSON object.
struct JSONRecord: Hashable, Sendable {
    /// From 1, blank lines counted.
    let line: Int
    let members: [String: JSON]
}

/// Reads a JSON object a line from bytes that arrive in pieces, in constant memory.
///
/// A line that is none is told and the reading goes on with the next. Append a piece, then take all that ``next()``
/// gives before the next one.
struct NDJSONReader {
    private var lines = LineSplitter(limit: CSVReader.recordBytes)
    private var line = 0
    private var isSkippingLine = false
    private var isFinished = false

    mutating func append(_ bytes: some Collection<UInt8>) {
        guard isSkippingLine else { return lines.append(bytes) }
        guard let end = bytes.firstIndex(of: UInt8(ascii: "\n")) else { return }
        isSkippingLine = false
        lines.append(bytes[end...].dropFirst())
    }

    /// Says that no more bytes come.
    mutating func finish() { isFinished = true }

    /// The next object, or what is wrong with its line; `nil` where more bytes are needed, or none come.
    ///
    /// - Throws: ``InvalidValue`` when the file as a whole cannot be read.
    mutating func next() throws(InvalidValue) -> Result<JSONRecord, RowFault>? {
        while true {
            let text: [UInt8]
            do {
                guard let next = try nextLine() else { return nil }
                text = next
            } catch {
                line += 1
                dropLine()
                return .failure(RowFault(.tooLong, line: line, error.detail))
            }
            line += 1
            if line == 1 { try Self.checkBeginning(text) }
            if !text.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }) { return record(text) }
        }
    }

    private mutating func nextLine() throws(InvalidValue) -> [UInt8]? {
        if let line = try lines.next() { return line }
        guard isFinished else { return nil }
        let rest = lines.rest
        lines = LineSplitter(limit: CSVReader.recordBytes)
        return rest.isEmpty ? nil : rest
    }

    /// Drops the line that is too long, which the splitter would give again.
    private mutating func dropLine() {
        let rest = lines.rest
        lines = LineSplitter(limit: CSVReader.recordBytes)
        isSkippingLine = true
        append(rest)
    }

    private func record(_ text: [UInt8]) -> Result<JSONRecord, RowFault> {
        do {
            let document = try JSONDocument(parsing: text)
            if let doubled = document.doubledMembers.first {
                return .failure(RowFault(.invalid, line: line, "\(doubled.pointer.excerpt) \(doubled.detail)"))
            }
            guard case .object(let members) = document.root else {
                return .failure(RowFault(.notJSON, line: line, "no JSON object"))
            }
            return .success(JSONRecord(line: line, members: members))
        } catch {
            guard String(validating: text, as: UTF8.self) != nil else {
                return .failure(RowFault(.notUTF8, line: line, "not UTF-8: save the file as UTF-8"))
            }
            return .failure(RowFault(.notJSON, line: line, "at byte \(error.offset): \(error.detail)"))
        }
    }

    private static func checkBeginning(_ text: [UInt8]) throws(InvalidValue) {
        try ByteOrderMark.rejectUTF16(text)
        if text.first == UInt8(ascii: "[") {
            throw InvalidValue("is a JSON array: write an object a line instead, as jq -c '.[]' does")
        }
    }
}
