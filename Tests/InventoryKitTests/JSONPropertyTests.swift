import InventoryKit
import TestSupport
import Testing

@Suite("JSON, at random")
struct JSONPropertyTests {
    /// Bytes are compared too: they are what an idempotency key's fingerprint and a cursor are made of.
    @Test("written and read again is the same document", arguments: seeds)
    func roundTrip(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        for round in 0..<150 {
            let value = random.json(depth: 5)
            let bytes = value.encoded()
            let document = try JSONDocument(parsing: bytes)
            #expect(document.root == value, "seed \(seed), round \(round)")
            #expect(document.root.encoded() == bytes, "seed \(seed), round \(round)")
            #expect(document.doubledMembers.isEmpty, "seed \(seed), round \(round)")
        }
    }

    @Test("reads the same with white space between everything", arguments: seeds)
    func whiteSpace(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        for round in 0..<50 {
            let value = random.json(depth: 4)
            var spaced: [UInt8] = []
            var isInString = false
            var isEscaped = false
            for byte in value.encoded() {
                let isMark = !isInString && "{}[]:,".utf8.contains(byte)
                if isMark { spaced += Array(random.pick(["", " ", "\n\t", "\r\n"]).utf8) }
                spaced.append(byte)
                if isMark { spaced += Array(random.pick(["", " ", "\n\t", "\r\n"]).utf8) }
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isInString.toggle()
                }
            }
            let document = try JSONDocument(parsing: spaced)
            #expect(document.root == value, "seed \(seed), round \(round)")
        }
    }

    @Test("reads the same whichever characters are escaped", arguments: seeds)
    func escapes(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        for _ in 0..<200 {
            let string = random.text(0...20)
            var text = "\""
            for unit in string.utf16 {
                let digits = String(unit, radix: 16, uppercase: random.bool())
                text += "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
            }
            let document = try parse(text + "\"")
            #expect(document.root.encoded() == JSON.string(string).encoded(), "seed \(seed), \(text)")
        }
    }

    @Test("cut off anywhere is refused", arguments: seeds)
    func truncated(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        for round in 0..<20 {
            // In brackets, for a number cut off may be a number still.
            let bytes = JSON.array([random.json(depth: 3)]).encoded()
            for count in 0..<bytes.count {
                let beginning = Array(bytes.prefix(count))
                let error = #expect(throws: JSONSyntaxError.self, "seed \(seed), round \(round), \(count) bytes") {
                    try JSONDocument(parsing: beginning)
                }
                #expect((0...count).contains(error?.offset ?? -1), "seed \(seed), round \(round), \(count) bytes")
            }
        }
    }

    @Test("that is noise is never a crash", arguments: seeds)
    func noise(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let tokens = [
            "{", "}", "[", "]", ":", ",", "\"", "\"a\"", "\\", "\\u", "\\uD83D", "\\uDE00", "0", "-", "1", ".", "e",
            "E+", "9223372036854775808", "1e-400", "true", "null", "nul", " ", "\n", "é", "\u{0}", "\u{FEFF}", "/", "'",
        ].map { Array($0.utf8) }
        for _ in 0..<1_500 {
            var text: [UInt8] = []
            for _ in 0..<random.int(0...24) {
                text += random.int(0...9) == 0 ? random.bytes(1...3) : random.pick(tokens)
            }
            try check(text, "seed \(seed)")
        }
    }

    @Test("with changes anywhere is never a crash", arguments: seeds)
    func mutated(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var accepted = 0
        for _ in 0..<600 {
            var text = random.json(depth: 4).encoded()
            for _ in 0...random.int(0...2) {
                let index = random.int(0...text.count - 1)
                switch random.int(0...3) {
                case 0: text[index] = UInt8(truncatingIfNeeded: random.next())
                case 1: text.insert(random.pick(Array("{}[]:,\"\\0-.eE \u{0}".utf8)), at: index)
                case 2 where text.count > 1: text.remove(at: index)
                default: text.insert(contentsOf: Array(text[index...].prefix(random.int(0...8))), at: index)
                }
            }
            if try check(text, "seed \(seed)") { accepted += 1 }
        }
        // Were none read, or all, the changes would not be such as find anything.
        #expect((20...580).contains(accepted), "seed \(seed)")
    }

    /// What can be read can be written and read again; what cannot has a place that lies in the text.
    ///
    /// - Returns: whether it can be read.
    @discardableResult
    private func check(_ text: [UInt8], _ place: String) throws -> Bool {
        let document: JSONDocument
        do {
            document = try JSONDocument(parsing: text)
        } catch {
            #expect((0...text.count).contains(error.offset), "\(place), \(text)")
            return false
        }
        let again = try JSONDocument(parsing: document.root.encoded())
        #expect(again.root == document.root, "\(place), \(text)")
        #expect(again.doubledMembers.isEmpty, "\(place), \(text)")
        return true
    }
}
