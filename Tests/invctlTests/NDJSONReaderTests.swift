import InventoryKit
import TestSupport
import Testing

@testable import invctl

@Suite("NDJSON")
struct NDJSONReaderTests {
    @Test("is an object a line, blank lines skipped but counted, the last with or without an end")
    func objects() {
        let reading = readNDJSON([Array("\u{FEFF}{\"a\":1}\r\n\n \t\n{\"b\":2}".utf8)])
        #expect(reading.rows.map { try? $0.get().line } == [1, 4])
        #expect(reading.records.map(\.members) == [["a": 1], ["b": 2]].map { $0.mapValues(JSON.integer) })
    }

    @Test("goes on behind a line that is no object, is not UTF-8, is too long or has a member twice")
    func faults() {
        var bytes = Array("{\"a\":1\n[1]\n{\"a\":\"".utf8) + [0xFF] + Array("\"}\n{\"a\":1,\"a\":2}\n".utf8)
        bytes += [UInt8](repeating: 0x20, count: CSVReader.recordBytes + 1) + Array("\n{\"a\":5}\n".utf8)
        for pieces in [[bytes[...]], bytes.chunks(of: 100_000), bytes.chunks(of: 999)] {
            let reading = readNDJSON(pieces)
            #expect(reading.error == nil)
            #expect(reading.faults.map(\.kind) == [.notJSON, .notJSON, .notUTF8, .invalid, .tooLong])
            #expect(reading.faults.map(\.line) == [1, 2, 3, 4, 5])
            #expect(reading.records.map(\.line) == [6])
        }
    }

    @Test("says how to write what is one array, or UTF-16")
    func otherFiles() {
        #expect(readNDJSON([Array("[\n{\"a\":1}\n]\n".utf8)]).error?.contains("jq -c '.[]'") == true)
        #expect(readNDJSON([[0xFF, 0xFE, 0x7B, 0x00]]).error == "is in UTF-16: save it as UTF-8")
    }

    @Test("read in pieces is the same as read at once", arguments: seeds)
    func pieces(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        for round in 0..<50 {
            var text = ""
            for _ in 0..<random.int(0...30) {
                text += random.pick(["{\"a\":\"é\"}", "\n", "\r\n", " ", "{", "7", "{\"b\":[1]}\n"])
            }
            let bytes = Array(text.utf8)
            let pieces = random.pieces(of: bytes, longest: 7)
            #expect(readNDJSON(pieces) == readNDJSON([bytes]), "seed \(seed), round \(round): \(text)")
        }
    }
}

extension Array {
    fileprivate func chunks(of size: Int) -> [ArraySlice<Element>] {
        stride(from: 0, to: count, by: size).map { self[$0..<Swift.min($0 + size, count)] }
    }
}
