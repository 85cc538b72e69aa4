import InventoryKit
import TestSupport

@testable import invctl

/// What properties are tried with.
let seeds: [UInt64] = [1, 2, 3, 5, 8, 13, 21, 34]

/// All that a reader gives for a file, and the error with which it gave up.
struct Reading<Record: Equatable>: Equatable {
    var rows: [Result<Record, RowFault>] = []
    var error: String?

    var records: [Record] { rows.compactMap { try? $0.get() } }
    var faults: [RowFault] {
        rows.compactMap { if case .failure(let fault) = $0 { fault } else { nil } }
    }
}

/// Gives the pieces one after another, each after all rows of those before have been taken.
func readCSV(
    _ pieces: [some Collection<UInt8>], delimiter: Delimiter? = nil, limit: Int = CSVReader.recordBytes
) -> Reading<CSVRecord> {
    var reader = CSVReader(delimiter: delimiter, limit: limit)
    var reading = Reading<CSVRecord>()
    do throws(InvalidValue) {
        for piece in pieces {
            reader.append(piece)
            while let row = try reader.next() { reading.rows.append(row) }
        }
        reader.finish()
        while let row = try reader.next() { reading.rows.append(row) }
    } catch { reading.error = error.detail }
    return reading
}

func readCSV(_ text: String, delimiter: Delimiter? = nil, limit: Int = CSVReader.recordBytes) -> Reading<CSVRecord> {
    readCSV([Array(text.utf8)], delimiter: delimiter, limit: limit)
}

func readNDJSON(_ pieces: [some Collection<UInt8>]) -> Reading<JSONRecord> {
    var reader = NDJSONReader()
    var reading = Reading<JSONRecord>()
    do throws(InvalidValue) {
        for piece in pieces {
            reader.append(piece)
            while let row = try reader.next() { reading.rows.append(row) }
        }
        reader.finish()
        while let row = try reader.next() { reading.rows.append(row) }
    } catch { reading.error = error.detail }
    return reading
}

func read<Maker: RowMaker>(
    _ pieces: [some Collection<UInt8>], _ reader: RowReader<Maker>, _ take: (Result<Maker.Row, RowFault>) -> Void
) throws -> RowReader<Maker> {
    var reader = reader
    for piece in pieces {
        reader.append(piece)
        while let row = try reader.next() { take(row) }
    }
    reader.finish()
    while let row = try reader.next() { take(row) }
    return reader
}

/// Products made of a text, as JSON texts, and what was wrong.
func products(
    _ text: String, map: String? = nil, _ options: ProductRows.Options = ProductRows.Options()
) throws -> (lines: [String], faults: [RowFault]) {
    var lines: [String] = []
    var faults: [RowFault] = []
    let maker = ProductRows(map: try FieldMap(map, for: .products), options: options)
    _ = try read([Array(text.utf8)], RowReader(maker)) { row in
        switch row {
        case .success(let row): lines.append(String(decoding: row.json, as: UTF8.self))
        case .failure(let fault): faults.append(fault)
        }
    }
    return (lines, faults)
}

extension SeededRandom {
    mutating func int(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }

    mutating func pick<Element>(_ items: [Element]) -> Element { items[int(0...items.count - 1)] }

    /// Cuts the bytes at random places, often in the middle of everything.
    mutating func pieces(of bytes: [UInt8], longest: Int) -> [ArraySlice<UInt8>] {
        var pieces: [ArraySlice<UInt8>] = []
        var start = 0
        while start < bytes.count {
            let end = min(bytes.count, start + int(0...longest))
            pieces.append(bytes[start..<end])
            start = end
        }
        return pieces
    }
}
