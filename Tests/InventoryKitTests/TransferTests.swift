import InventoryKit
import Testing

@Suite("An inventory moves from one store to another by a file")
struct TransferTests {
    @Test("Everything arrives, however the file is cut into pieces", arguments: [1, 7, 1_000, 1_000_000])
    func everythingArrives(size: Int) async throws {
        let entries = try someEntries()
        let shelf = MemoryInventory()
        let report = try await imported(try await exported(entries), into: shelf, pieces: size)
        #expect(shelf.entries == entries)
        #expect(!shelf.isMarked)
        let totals = report.totals
        #expect(totals.products == 3 && totals.movements == 5 && totals.outcomes == 2 && totals.keys == 1)
        #expect(totals.onHand == 13 && totals.reserved == 0 && totals.moved == 13)
        #expect(report.expiredOutcomes == 0)
    }

    @Test func anEmptyInventoryMoves() async throws {
        let shelf = MemoryInventory()
        let file = try await exported([])
        #expect(lines(of: file).count == 2)
        #expect(try await imported(file, into: shelf).totals.products == 0)
        #expect(!shelf.isMarked)
    }

    /// Sums go beyond 64 bits where many products have as much as they can.
    @Test func sumsAreExact() async throws {
        var entries: [InventoryEntry] = []
        for number in 1...1_100 {
            let digits = String(number, radix: 16)
            let id = try ProductID(String(repeating: "0", count: 24 - digits.utf8.count) + digits)
            entries.append(try productEntry(id, "A-\(number)", onHand: most, stockVersion: 1, movedAt: 1))
            entries.append(try movementEntry(1, of: id, .opening, delta: most, onHand: most))
        }
        let shelf = MemoryInventory()
        let report = try await imported(try await exported(entries), into: shelf)
        #expect(report.totals.onHand == 1_100 * Int128(most) && report.totals.onHand > Int128(Int64.max))
        #expect(shelf.entries == entries)
        #expect(shelf.insertions > 1, "what is read goes on in batches")
    }

    /// A person may have looked at the file with a tool that writes JSON otherwise.
    @Test func spellingMakesNoDifference() async throws {
        let entries = try someEntries()
        let respelt = try lines(of: try await exported(entries)).map { line in
            text(of: try parse(line).root.encoded()).replacing(",\"", with: " ,  \"") + " \r\n\n"
        }
        let shelf = MemoryInventory()
        try await imported(Array(respelt.joined().utf8), into: shelf)
        #expect(shelf.entries == entries)
    }

    @Test func theLastLineNeedsNoEnd() async throws {
        let shelf = MemoryInventory()
        try await imported(try await exported(try someEntries()).dropLast(1).map { $0 }, into: shelf)
        #expect(!shelf.isMarked)
    }

    @Test func expiredOutcomesStayBehind() async throws {
        let record: JSON = ["updated", .string(try anID().text)]
        let entries = try [(0, "1"), (1, "2"), (600_000_000, "3")].map { milliseconds, digit in
            try outcomeEntry(digit, record, expiresAt: Timestamp(milliseconds: noon.milliseconds + milliseconds))
        }
        // The second is taken over, and may be gone before anybody counts.
        let shelf = MemoryInventory { $0.filter { $0 != entries[1] } }
        let report = try await imported(try await exported(entries), into: shelf)
        #expect(report.expiredOutcomes == 1 && report.totals.outcomes == 3)
        #expect(shelf.entries == Array(entries.dropFirst()))
    }

    // MARK: Refused before anything is written

    @Test func whatIsNoExportIsRefused() async throws {
        let file = lines(of: try await exported(try someEntries()))
        for (lines, expected) in [
            ([], "it is empty"), (["no JSON"], "is no JSON"), (Array(file.dropFirst()), "not the header"),
            ([#"{"type":"header","format":"another","version":1}"#], "not the header"), (["[]"], "not the header"),
        ] {
            let shelf = MemoryInventory()
            let error = await #expect(throws: TransferError.self) {
                try await imported(Array(lines.joined(separator: "\n").utf8), into: shelf)
            }
            #expect(
                error?.description.contains("no full export") == true
                    && "\(error ?? .cutShort(afterLine: 0))".contains(expected))
            #expect(!shelf.isMarked && shelf.insertions == 0)
        }
    }

    @Test func anUnknownVersionIsRefused() async throws {
        let shelf = MemoryInventory()
        let header = #"{"type":"header","format":"inventoryd-export","version":2,"written_for":"the future"}"#
        await #expect(throws: TransferError.unknownVersion(2)) { try await imported(Array(header.utf8), into: shelf) }
        #expect(!shelf.isMarked)
    }

    @Test func aStoreThatIsNotEmptyIsRefused() async throws {
        let entries = try someEntries()
        let file = try await exported(entries)
        let shelf = MemoryInventory(Array(entries[5...5]))
        await #expect(throws: TransferError.occupied("the shelf")) { try await imported(file, into: shelf) }
        #expect(shelf.entries == Array(entries[5...5]) && !shelf.isMarked)
    }

    // MARK: Breaking off

    /// A store that fails it serves half an inventory.
    @Test func whatBrokeOffStaysMarked() async throws {
        let file = try await exported(try someEntries())
        let shelf = MemoryInventory(failingAt: 1)
        let error = await #expect(throws: TransferError.self) { try await imported(file, into: shelf) }
        #expect(error == .abandoned(.destination("no room"), "the shelf"))
        #expect(error?.description.contains("drop the shelf, start inventoryd and import again") == true)
        #expect(shelf.isMarked)
        await #expect(throws: TransferError.unfinishedImport("the shelf")) { try await imported(file, into: shelf) }
    }

    @Test("A file that was cut short is noticed, wherever that was")
    func cutShort() async throws {
        let file = try await exported(try someEntries())
        let ends = file.indices.filter { file[$0] == UInt8(ascii: "\n") }
        for (number, end) in ends.dropLast().enumerated() {
            let shelf = MemoryInventory()
            await #expect(throws: TransferError.abandoned(.cutShort(afterLine: number + 1), "the shelf")) {
                try await imported(Array(file[...end]), into: shelf)
            }
            #expect(shelf.isMarked)
            // In the middle of the next line.
            let next = ends[number + 1]
            for cut in [end + 2, (end + next) / 2, next - 1] {
                let error = await #expect(throws: TransferError.self) {
                    try await imported(Array(file[..<cut]), into: MemoryInventory())
                }
                guard case .abandoned(.badLine(number + 2, _), _)? = error else {
                    Issue.record("cut at \(cut): \(String(describing: error))")
                    continue
                }
            }
        }
    }

    @Test func whatReadsAndWritesMayFail() async throws {
        struct Broken: Error {}
        let source = MemoryInventory(try someEntries())
        await #expect(throws: TransferError.unwritable("Broken()")) {
            try await FullExport(of: source).write { _ in throw Broken() }
        }
        let shelf = MemoryInventory()
        let header = ExportLine.header(exportedAt: noon).encoded
        let stream = AsyncThrowingStream<[UInt8], any Error> { continuation in
            continuation.yield(header)
            continuation.finish(throwing: Broken())
        }
        await #expect(throws: TransferError.abandoned(.unreadable("Broken()"), "the shelf")) {
            try await FullImport(into: shelf).read(stream)
        }
        #expect(shelf.isMarked)
    }
}
