import InventoryKit
import TestSupport
import Testing

@testable import invctl

@Suite("CSV")
struct CSVReaderTests {
    @Test(
        "is read with any line ends, with or without a byte-order mark and a last line end",
        arguments: ["\n", "\r\n", "\r"], ["", "\u{FEFF}"]
    )
    func lineEnds(end: String, mark: String) {
        for last in ["", end, end + end] {
            let reading = readCSV(mark + ["a,b", "1,2", "", "3,"].joined(separator: end) + last)
            #expect(reading.error == nil)
            #expect(
                reading.rows == [
                    .success(CSVRecord(line: 2, fields: ["1", "2"])), .success(CSVRecord(line: 4, fields: ["3", ""])),
                ]
            )
        }
    }

    @Test("has fields in quotes with everything in them, and counts the lines they span")
    func quotes() {
        let reading = readCSV("a,b\n\"x,\"\"y\"\"\",\"1\r\n2\n3\r4\"\n\"\",\"\"\"\"\nlast,12\" pot\n")
        #expect(
            reading.records == [
                CSVRecord(line: 2, fields: ["x,\"y\"", "1\r\n2\n3\r4"]), CSVRecord(line: 6, fields: ["", "\""]),
                CSVRecord(line: 7, fields: ["last", "12\" pot"]),
            ]
        )
        #expect(reading.faults.isEmpty)
    }

    @Test(
        "is separated by what its header has most of, outside quotes",
        arguments: [
            ("a;b,x;c\n1;2;3", .semicolon), ("a\tb\n1\t2", .tab), ("a,b\n1;2,3", .comma),
            ("\"a,,,\";b\n1;2", .semicolon),
            ("only\nx", .comma), ("\n\na;b\n1;2", .semicolon), ("a;b", .semicolon),
        ] as [(String, Delimiter)]
    )
    func delimiter(text: String, delimiter: Delimiter) throws {
        var reader = CSVReader()
        reader.append(text.utf8)
        reader.finish()
        _ = try reader.next()
        #expect(reader.delimiter == delimiter)
    }

    @Test("is separated by what was said, whatever the header looks like")
    func givenDelimiter() {
        #expect(readCSV("a,b;c,d\n1,2;3", delimiter: .semicolon).records.first?.fields == ["1,2", "3"])
    }

    @Test("goes on behind a record that is not UTF-8, has other fields than the header, or is too long")
    func faultyRecords() {
        var bytes = Array("a,b\n1,2\n3,".utf8) + [0xE9] + Array("\n4,5,6\n7\n".utf8)
        bytes += Array("\(String(repeating: "x", count: 50)),8\n9,10\n".utf8)
        let reading = readCSV([bytes], limit: 20)
        #expect(reading.error == nil)
        #expect(
            reading.rows == [
                .success(CSVRecord(line: 2, fields: ["1", "2"])),
                .failure(RowFault(.notUTF8, line: 3, "not UTF-8: save the file as UTF-8")),
                .failure(RowFault(.fieldCount, line: 4, "number of fields 3, of columns 2")),
                .failure(RowFault(.fieldCount, line: 5, "number of fields 1, of columns 2")),
                .failure(RowFault(.tooLong, line: 6, "longer than 20 bytes")),
                .success(CSVRecord(line: 7, fields: ["9", "10"])),
            ]
        )
    }

    @Test("takes a record that is just as long as permitted", arguments: ["\n", "\r\n", ""])
    func longestRecord(end: String) {
        #expect(readCSV("a,b\n\(String(repeating: "x", count: 18)),y\(end)", limit: 20).faults.isEmpty)
        #expect(
            readCSV("a,b\n\(String(repeating: "x", count: 19)),y\(end)", limit: 20).faults.map(\.kind) == [.tooLong])
    }

    @Test(
        "names the line where an unclosed quote opens, and goes on in the next",
        arguments: [
            // To the end, to a quote that then opens another field, and beyond what a record may have.
            ("a,b\n1,\"2\n3,4\n5,6\n", [3, 4]), ("a,b\n1,\"2\n3,\"4\"\n5,6\n", [3, 4]),
            ("a,b\n1,\"2\n3,4\n" + String(repeating: "5,6\n", count: 20), Array(3...23)),
            // The line end of a quoted field before it, and a carriage return at the place of going on.
            ("a,b\r\n\"1\r\n\",\"2\r\n3,4\r\n", [4]), ("a,b\r1,\"2\r3,4", [3]),
        ] as [(String, [Int])]
    )
    func unclosedQuote(text: String, lines: [Int]) {
        let reading = readCSV(text, limit: 40)
        #expect(reading.error == nil)
        #expect(reading.faults.map(\.kind) == [.unclosedQuote])
        #expect(reading.faults.first.map { $0.line + 1 } == lines.first)
        #expect(reading.records.map(\.line) == lines)
    }

    @Test("drops the line where text follows a closing quote")
    func textAfterQuote() {
        let reading = readCSV("a,b\n\"1\"x,2\n3,4\n\"\n\",\"5\" ,\n6,7\n")
        #expect(reading.faults.map(\.kind) == [.strayQuote, .strayQuote])
        #expect(reading.faults.map(\.line) == [2, 5])
        #expect(reading.records.map(\.fields) == [["3", "4"], ["6", "7"]])
    }

    @Test("says what kind of file it is instead of reading nonsense")
    func notCSV() {
        #expect(readCSV("").error == "is empty: its first line has to name the columns")
        #expect(readCSV("\u{FEFF}\r\n\n").error == "is empty: its first line has to name the columns")
        for mark: [UInt8] in [[0xFF, 0xFE], [0xFE, 0xFF]] {
            #expect(readCSV([mark + [0x61, 0x00]]).error == "is in UTF-16: save it as UTF-8")
        }
        #expect(readCSV("PK\u{3}\u{4}\0\0,\nx").error == "is no text: save it as CSV, in UTF-8")
        #expect(
            readCSV([[0x61, 0xFF, 0x0A]]).error
                == "line 1, which has to name the columns: not UTF-8: save the file as UTF-8"
        )
        #expect(readCSV(String(repeating: "x", count: 100), limit: 50).error?.contains("longer than 50 bytes") == true)
        #expect(readCSV("\"a\n1\n").error?.contains("is not closed") == true)
        #expect(readCSV(String(repeating: ",", count: 1_000) + "\n").error?.contains("1001 fields") == true)
    }

    @Test("reads a header of a thousand columns")
    func mostColumns() {
        let line = String(repeating: ",", count: 999)
        #expect(readCSV("\(line)\n\(line)\n").records.first?.fields.count == 1_000)
        #expect(readCSV("\(line)\n\(line)\(line)\n").faults.map(\.kind) == [.fieldCount])
    }

    /// Read on behind an unclosed quote, a file could have each of its lines read up to the limit: 5 GB in all, which
    /// takes minutes.
    @Test(
        "reads no line over and over, whatever is done with quotes",
        .timeLimit(.minutes(1)),
        arguments: [
            "a\",b,\"c\n", "\"\n", "x\"\"\n", "\"\",\"\"\"\"\n", "\"\"\"x\n", "a,\"b\n,,\n,,\n", "\"\"\"\n",
            ",\"\"\"\n",
        ]
    )
    func rereading(line: String) {
        let reading = readCSV("a,b,c\n\"" + String(repeating: line, count: 20_000))
        #expect(reading.error == nil)
    }
}

@Suite("CSV, at random")
struct CSVPropertyTests {
    private static let marks: [[UInt8]] =
        ["\"", ",", ";", "\t", "\r", "\n", "\r\n", "a", "b", " ", "é", "\"\"", "\n\""]
        .map { Array($0.utf8) } + [[0xFF], [0xC3], [0xEF, 0xBB, 0xBF], [0]]

    /// Whatever the bytes are: a piece may end in a line end, a doubled quote, a mark or a character.
    @Test("read in pieces is the same as read at once", arguments: seeds)
    func pieces(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        for round in 0..<150 {
            var bytes = Array(random.pick(["a,b\n", "\u{FEFF}a;b\r\n", "\r\na\tb\r", "", "\"a\"\"\r\n\",b\n"]).utf8)
            for _ in 0..<random.int(0...60) { bytes += random.pick(Self.marks) }
            let limit = random.pick([8, 16, 40, 1_000])
            let whole = readCSV([bytes], limit: limit)
            for cut in bytes.indices {
                let reading = readCSV([bytes[..<cut], bytes[cut...]], limit: limit)
                #expect(reading == whole, "seed \(seed), round \(round), cut at \(cut): \(bytes)")
            }
            #expect(readCSV(bytes.map { [$0] }, limit: limit) == whole, "seed \(seed), round \(round): \(bytes)")
            let pieces = random.pieces(of: bytes, longest: 9)
            #expect(readCSV(pieces, limit: limit) == whole, "seed \(seed), round \(round): \(bytes)")
        }
    }

    /// The file is written here, so what must come of each line is known.
    @Test("written and read again is the same records, and the faults that were put in", arguments: seeds)
    func roundTrip(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        for round in 0..<40 {
            let delimiter = random.pick(Delimiter.allCases)
            let width = random.int(2...5)
            var file = WrittenCSV(delimiter: delimiter, end: random.pick(["\n", "\r\n", "\r"]), limit: 300)
            file.add(fields: (0..<width).map { "c\($0)" })
            var expected: [Result<CSVRecord, RowFault.Kind>] = []
            for _ in 0..<random.int(0...40) {
                let line = file.line
                switch random.int(0...9) {
                case 0: file.add(blankLines: random.int(1...2))
                case 1:
                    file.add(fields: Array(repeating: "x", count: width + random.pick([-1, 1])))
                    expected.append(.failure(.fieldCount))
                case 2:
                    file.add(raw: [0x41, 0xC3, delimiter.rawValue])
                    expected.append(.failure(.notUTF8))
                case 3:
                    file.add(raw: [UInt8](repeating: 0x78, count: 301))
                    expected.append(.failure(.tooLong))
                default:
                    let fields = (0..<width).map { _ in random.field() }
                    file.add(fields: fields)
                    expected.append(.success(CSVRecord(line: line, fields: fields)))
                }
            }
            let reading = readCSV(random.pieces(of: file.bytes, longest: 50), limit: 300)
            #expect(reading.error == nil)
            #expect(
                reading.rows.map { $0.mapError(\.kind) } == expected, "seed \(seed), round \(round): \(file.bytes)"
            )
        }
    }
}

extension RowFault.Kind: Error {}

/// A file in the writing.
private struct WrittenCSV {
    let delimiter: Delimiter
    let end: String
    let limit: Int
    var bytes: [UInt8] = []
    var line = 1

    mutating func add(raw: [UInt8]) {
        bytes += raw + Array(end.utf8)
        line += 1
    }

    mutating func add(blankLines count: Int) {
        for _ in 0..<count { add(raw: []) }
    }

    mutating func add(fields: [String]) {
        let special = "\"\r\n,;\t"
        let written = fields.map { field in
            field.unicodeScalars.contains { special.unicodeScalars.contains($0) } || field.count == 2
                ? "\"\(field.unicodeScalars.map { $0 == "\"" ? "\"\"" : String($0) }.joined())\"" : field
        }
        let separator = String(UnicodeScalar(delimiter.rawValue))
        add(raw: Array(written.joined(separator: separator).utf8))
        line += lineEnds(in: written.joined())
    }

    /// A pair is one end, so of each one its last byte counts.
    private func lineEnds(in text: String) -> Int {
        zip(text.utf8, text.utf8.dropFirst() + [0]).count { $0 == 0x0A || ($0 == 0x0D && $1 != 0x0A) }
    }
}

extension SeededRandom {
    fileprivate mutating func field() -> String {
        (0..<int(0...6)).map { _ in pick(["a", "Z", "\"", ",", ";", "\t", "\n", "\r\n", "\r", "é", "𝄞", " ", "7"]) }
            .joined()
    }
}
