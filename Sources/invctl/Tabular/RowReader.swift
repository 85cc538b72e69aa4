import InventoryKit

/// Makes something of the records of a file.
protocol RowMaker {
    associatedtype Row

    /// Takes notice of a table's columns, before its first record.
    ///
    /// - Throws: ``InvalidValue`` when nothing can be made of the table.
    mutating func begin(header: [String]) throws(InvalidValue)
    mutating func row(_ record: CSVRecord) throws(RowFault) -> Row
    mutating func row(_ record: JSONRecord) throws(RowFault) -> Row
}

enum TableFormat: Sendable {
    case csv
    case ndjson
}

/// Reads a file of either format into rows: bytes in, rows and faults out, in the order of the file.
///
/// Append a piece, then take all that ``next()`` gives before the next one; after the last piece, ``finish()``.
struct RowReader<Maker: RowMaker> {
    private(set) var maker: Maker

    /// What was said, or what the file's first bytes have shown.
    private(set) var format: TableFormat?

    private var csv: CSVReader
    private var ndjson = NDJSONReader()
    private var hasBegun = false

    /// Bytes from which the format does not show: blanks, of which nobody writes many at a beginning.
    private var beginning: [UInt8] = []
    private var isFinished = false

    /// - Parameter format: `nil` to find it: a file whose first character is a brace is NDJSON.
    init(format: TableFormat? = nil, delimiter: Delimiter? = nil, _ maker: Maker) {
        self.format = format
        self.maker = maker
        csv = CSVReader(delimiter: delimiter)
    }

    mutating func append(_ bytes: some Collection<UInt8>) {
        switch format {
        case .csv: csv.append(bytes)
        case .ndjson: ndjson.append(bytes)
        case nil:
            beginning.append(contentsOf: bytes)
            findFormat()
        }
    }

    /// Says that no more bytes come.
    mutating func finish() {
        isFinished = true
        findFormat()
        csv.finish()
        ndjson.finish()
    }

    /// The next row, or what is wrong with it; `nil` where more bytes are needed, or none come.
    ///
    /// - Throws: ``InvalidValue`` when the file as a whole cannot be read.
    mutating func next() throws(InvalidValue) -> Result<Maker.Row, RowFault>? {
        switch format {
        case nil: return nil
        case .ndjson:
            guard let record = try ndjson.next() else { return nil }
            do throws(RowFault) { return .success(try maker.row(record.get())) } catch { return .failure(error) }
        case .csv:
            let record = try csv.next()
            if !hasBegun, let header = csv.header {
                try maker.begin(header: header)
                hasBegun = true
            }
            guard let record else { return nil }
            do throws(RowFault) { return .success(try maker.row(record.get())) } catch { return .failure(error) }
        }
    }

    private mutating func findFormat() {
        guard format == nil else { return }
        let first = beginning.first { !ByteOrderMark.utf8.contains($0) && $0 != 0x20 && !(0x09...0x0D).contains($0) }
        guard first != nil || isFinished || beginning.count > CSVReader.recordBytes else { return }
        let isJSON = first == UInt8(ascii: "{") || first == UInt8(ascii: "[")
        format = isJSON ? .ndjson : .csv
        let bytes = beginning
        beginning = []
        append(bytes)
    }
}
