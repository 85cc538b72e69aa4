import InventoryKit
import Testing

@Suite("Moving an inventory: what is wrong with a file, or did not arrive, is found")
struct TransferRefusalTests {
    // MARK: The file

    /// Changes entries, and says in which line of the file that has to be found, and what.
    private struct Contradiction: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let line: Int
        let change: @Sendable (inout [InventoryEntry]) throws -> Void

        init(_ detail: String, line: Int, _ change: @escaping @Sendable (inout [InventoryEntry]) throws -> Void) {
            testDescription = detail
            self.line = line
            self.change = change
        }
    }

    private static let contradictions = [
        Contradiction("does not follow its product", line: 2) { $0.swapAt(0, 1) },
        Contradiction("does not follow its product", line: 9) { try $0[7] = $0[7].with(productID: try anID()) },
        Contradiction("is there twice", line: 8) { $0.insert($0[5], at: 5) },
        Contradiction("products go by id", line: 9) { $0.insert($0.remove(at: 5), at: 7) },
        Contradiction("has seq 3 where 2 is expected: a movement is missing", line: 4) { $0.remove(at: 2) },
        Contradiction("has seq 2 where 1 is expected: a movement is missing", line: 3) { $0.remove(at: 1) },
        Contradiction("has seq 2 where 3 is expected: it is there twice", line: 5) { $0.insert($0[2], at: 3) },
        Contradiction("but its ledger ends with 3: a movement is missing", line: 2) { $0.remove(at: 4) },
        Contradiction("but its ledger ends with 0: a movement is missing", line: 8) { $0.remove(at: 7) },
        Contradiction("wrong balance: 10 on hand", line: 4) { try $0[2] = $0[2].with(onHand: 7) },
        Contradiction("wrong balance: 0 on hand", line: 3) { try $0[1] = $0[1].with(onHand: 0) },
        Contradiction("has 9 on hand, 0 reserved, but its ledger ends with 8", line: 2) {
            try $0[0] = $0[0].with(onHand: 9)
        },
        Contradiction("has 1 on hand, 0 reserved, but its ledger ends with 0", line: 7) {
            try $0[5] = $0[5].with(onHand: 1)
        },
        Contradiction("last moved at another time", line: 2) { try $0[0] = $0[0].with(milliseconds: 3) },
        Contradiction("is earlier than the one before it", line: 5) { try $0[3] = $0[3].with(milliseconds: 1) },
        Contradiction("comes after what has to follow the products", line: 12) { $0.append($0.remove(at: 5)) },
        Contradiction("outcomes go by id", line: 11) { $0.swapAt(8, 9) },
        Contradiction("is there twice", line: 12) { $0.insert($0[9], at: 10) },
        Contradiction("comes after the API keys", line: 12) { $0.swapAt(9, 10) },
        Contradiction("is there twice, or not in its place: keys go by owner", line: 13) { $0.append($0[10]) },
        Contradiction("the API key of shop is there twice, or not in its place", line: 13) {
            $0.append(.key(try keyEntry("shop")))
        },
    ]

    @Test("An export that contradicts itself is refused, with its line", arguments: contradictions)
    private func contradiction(_ contradiction: Contradiction) async throws {
        var entries = try someEntries()
        try contradiction.change(&entries)
        try await expectBadLine(contradiction.line, contradiction.testDescription, in: try await exported(entries))
    }

    @Test(
        "A line that is none is refused, with its number",
        arguments: [
            (3, "\"type\":\"movement\"", "\"type\":\"gift\"", "/type must be product, movement, outcome, key or end"),
            (3, "\"type\":\"movement\",", "", "must be an object with a type"), (4, "{", "", "is no JSON"),
            (2, "\"sku\":\"A-1\"", "\"sku\":\"\"", "/sku must be"),
            (2, "\"currency\":\"GBP\"", "\"currency\":\"XXX\"", "/price/currency must be"),
            (2, "\"on_hand\":8", "\"on_hand\":-1", "/on_hand must be"),
            (2, "\"reserved\":0", "\"reserved\":9", "/reserved must satisfy"),
            (2, "\"version\":2", "\"version\":0", "/version must be 1 to 9007199254740991"),
            (2, "\"version\":2", "\"version\":9223372036854775807", "/version must be 1 to 9007199254740991"),
            (2, "\"white\"", "7", "/attributes/colour must be a string"),
            (2, "\"name\"", "\"title\"", "/title is not known here"), (3, "\"seq\":1,", "", "/seq is required"),
            (3, "\"opening\"", "\"gift\"", "/kind must be one of opening"),
            (3, "\"delta\":10", "\"delta\":1.5", "/delta must be an integer"),
            (3, "\"seq\":1,", "\"seq\":1,\"seq\":1,", "/seq occurs more than once"),
            (3, "Z\"", "\"", "/at must be a time"), (10, "insufficient-stock", "bad-mood", "/record must be"),
            (11, "\"updated\"", "\"sold\"", "/record must be"), (11, "\"expires_at\"", "\"until\"", "/until is not"),
            (12, "\"owner\":\"till\"", "\"owner\":\"admin\"", "/record must not be admin"),
            (12, "\"version\":3", "\"version\":9223372036854775807", "/record must have a version"),
            (12, "\"purchase\"", "\"everything\"", "/record must have known scopes"),
            (12, "\"digest\":\"07", "\"digest\":\"0x", "/record must have a digest"),
            (13, "\"keys\":1", "\"keys\":2", "2 API keys by its last line, 1 in its lines"),
            (13, "\"outcomes\":2", "\"outcomes\":-2", "/outcomes must be 0 to 9007199254740991"),
            (13, "\"on_hand\":13", "\"on_hand\":1.5", "/on_hand must be an integer"),
            (13, "\"products\":3", "\"products\":4", "4 products by its last line, 3 in its lines"),
            (13, "\"movements\":5", "\"movements\":4", "4 movements by its last line, 5 in its lines"),
            (13, "\"outcomes\":2", "\"outcomes\":1", "1 outcomes by its last line, 2 in its lines"),
            (13, "\"on_hand\":13", "\"on_hand\":14", "14 units on hand by its last line, 13 in its lines"),
            (13, "\"moved\":13", "\"moved\":12", "12 units moved by its last line, 13 in its lines"),
        ])
    func badLine(number: Int, old: String, new: String, detail: String) async throws {
        var lines = lines(of: try await exported(try someEntries()))
        let changed = lines[number - 1].replacing(old, with: new, maxReplacements: 1)
        try #require(changed != lines[number - 1])
        lines[number - 1] = changed
        try await expectBadLine(number, detail, in: Array(lines.joined(separator: "\n").utf8))
    }

    /// What the sums do not show the digest does.
    @Test func aChangedNameIsFound() async throws {
        let file = text(of: try await exported(try someEntries())).replacing("White", with: "Black")
        try await expectBadLine(13, "a product or a movement is not the same", in: Array(file.utf8))
    }

    @Test func linesOutOfPlaceAreRefused() async throws {
        let file = try await exported(try someEntries())
        let lines = lines(of: file)
        for extra in [lines[12], lines[11], lines[10], lines[0]] {
            try await expectBadLine(14, "must not come after the end", in: file + Array(extra.utf8))
        }
        try await expectBadLine(2, "must not be a second header", in: Array("\(lines[0])\n\(lines[0])\n".utf8))
    }

    /// Fails where a file without line ends is read into memory.
    @Test func aLineWithoutEndIsRefused() async throws {
        let header = ExportLine.header(exportedAt: noon).encoded
        try await expectBadLine(
            2, "is longer than", in: header + Array(repeating: UInt8(ascii: " "), count: 3_000_000), pieces: 100_000)
    }

    /// Fails where a beginning that failed counts as none: the mark may be there, and the next start would find it.
    @Test func aBeginningThatFailedHasBegun() async throws {
        let file = try await exported(try someEntries())
        let error = await #expect(throws: TransferError.self) {
            try await imported(file, into: MemoryInventory(failingAt: 0))
        }
        #expect(error == .abandoned(.destination("no room"), "the shelf"))
        // Before anything was asked of it, nothing has happened to what it may hold.
        let mute = MemoryInventory(try someEntries(), failingAt: MemoryInventory.question)
        await #expect(throws: TransferError.destination("no answer")) { try await imported(file, into: mute) }
        let occupied = MemoryInventory(try someEntries())
        await #expect(throws: TransferError.occupied("the shelf")) { try await imported(file, into: occupied) }
    }

    private func expectBadLine(
        _ number: Int, _ detail: String, in file: [UInt8], pieces size: Int = 1_000,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let shelf = MemoryInventory()
        let error = await #expect(throws: TransferError.self, sourceLocation: sourceLocation) {
            try await imported(file, into: shelf, pieces: size)
        }
        guard case .abandoned(.badLine(let line, let found), _)? = error else {
            Issue.record("\(String(describing: error))", sourceLocation: sourceLocation)
            return
        }
        #expect(line == number && found.contains(detail), "line \(line): \(found)", sourceLocation: sourceLocation)
        #expect(shelf.isMarked, sourceLocation: sourceLocation)
    }

    // MARK: What arrived

    /// Changes what the destination is found to hold.
    private struct Loss: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let change: @Sendable (inout [InventoryEntry]) throws -> Void

        init(_ detail: String, _ change: @escaping @Sendable (inout [InventoryEntry]) throws -> Void) {
            testDescription = detail
            self.change = change
        }
    }

    private static let losses = [
        Loss("has seq 3 where 2 is expected: a movement is missing") { $0.remove(at: 2) },
        Loss("but its ledger ends with 3: a movement is missing") { $0.remove(at: 4) },
        Loss("but its ledger ends with 0: a movement is missing") { $0.remove(at: 7) },
        Loss("wrong balance") { try $0[2] = $0[2].with(onHand: 7) },
        Loss("but its ledger ends with 8") { try $0[0] = $0[0].with(onHand: 9) },
        Loss("does not follow its product") { $0.remove(at: 6) },
        Loss("3 products in the file, 2 in the shelf") { $0.remove(at: 5) },
        Loss("5 movements in the file, 4 in the shelf") { entries in
            // Adds up, and is too little all the same.
            entries.remove(at: 4)
            entries[0] = try entries[0].with(onHand: 6, seq: 3, milliseconds: 3)
        },
        Loss("is not the same in the file and in the shelf") { try $0[5] = $0[5].with(name: "Another") },
        Loss("is not the same in the file and in the shelf") { try $0[0] = $0[0].with(fingerprint: "another") },
        Loss("is not the same in the file and in the shelf") { try $0[2] = $0[2].with(fingerprint: "another") },
        Loss("2 outcomes in the file, 1 in the shelf") { $0.remove(at: 9) },
        Loss("1 API keys in the file, 0 in the shelf") { $0.remove(at: 10) },
    ]

    /// A service that fails it calls an import complete that is not.
    @Test("What did not arrive as it was is found", arguments: losses)
    private func loss(_ loss: Loss) async throws {
        let file = try await exported(try someEntries())
        let shelf = MemoryInventory { entries in
            var entries = entries
            do { try loss.change(&entries) } catch { Issue.record(error) }
            return entries
        }
        let error = await #expect(throws: TransferError.self) { try await imported(file, into: shelf) }
        guard case .abandoned(.differs(let differences), _)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(differences.contains { $0.contains(loss.testDescription) }, "\(differences)")
        #expect(shelf.isMarked)
    }
}
