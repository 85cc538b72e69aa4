/// Takes over what another store had from a file of ``FullExport``, into a store that is empty, and verifies that all of
/// it has arrived.
package struct FullImport: Sendable {
    private let destination: any InventoryDestination
    private let clock: any WallClock

    package init(into destination: any InventoryDestination, clock: any WallClock = SystemClock()) {
        self.destination = destination
        self.clock = clock
    }

    /// What has been taken over.
    package struct Report: Hashable, Sendable {
        /// As the file says, and as the destination was then found to hold.
        package let totals: InventoryTotals

        /// Outcomes of the file whose time was over: nobody is answered by them any more, so they were left out.
        package let expiredOutcomes: Int64
    }

    /// Reads a file and verifies what came of it. The memory that it takes does not grow with the file.
    ///
    /// The destination is marked until it has been verified, so what breaks off half-way is not mistaken for a whole.
    ///
    /// - Parameter bytes: the file, in pieces of any size.
    /// - Throws: ``TransferError``: before the destination was touched what is wrong with the file's beginning or with
    ///   the destination, afterwards ``TransferError/abandoned(_:_:)``.
    package func read<Bytes: AsyncSequence>(
        _ bytes: Bytes
    ) async throws(TransferError) -> Report where Bytes.Element == [UInt8] {
        var run = ImportRun(into: destination, from: clock.now())
        do {
            try await feed(bytes, to: &run)
            return try await run.finish()
        } catch {
            guard run.hasBegun else { throw error }
            throw .abandoned(error, destination.name)
        }
    }

    private func feed<Bytes: AsyncSequence>(
        _ bytes: Bytes, to run: inout ImportRun
    ) async throws(TransferError) where Bytes.Element == [UInt8] {
        var splitter = LineSplitter(limit: ExportLine.limit)
        do {
            for try await piece in bytes {
                splitter.append(piece)
                while let line = try run.located({ () throws(InvalidValue) in try splitter.next() }) {
                    try await run.take(line)
                }
            }
        } catch let error as TransferError { throw error } catch { throw .unreadable("\(error)") }
        // The last line may lack its end; whether it is whole the line itself tells.
        if !splitter.rest.isEmpty { try await run.take(splitter.rest) }
    }
}

/// An import under way: what is known of the file so far.
private struct ImportRun {
    /// Entries and bytes that go to the destination at once.
    private static let entriesAtOnce = 1_000
    private static let bytesAtOnce = 4_000_000

    /// Outcomes that go sooner may do so before they are counted.
    private static let dayInMilliseconds: Int64 = 24 * 3_600 * 1_000

    private let destination: any InventoryDestination
    private let now: Timestamp
    private let horizon: Timestamp

    private(set) var hasBegun = false
    private var lineNumber = 0
    private var end: InventoryTotals?
    private var tally = InventoryTally()
    private var check = LedgerCheck()

    /// Where the product stands whose movements are being read.
    private var productLine = 0
    private var batch: [InventoryEntry] = []
    private var batchSize = 0
    private var expiredOutcomes: Int64 = 0
    private var lastingOutcomes: Int64 = 0
    private var keyOwners: [KeyOwner] = []

    init(into destination: any InventoryDestination, from now: Timestamp) {
        self.destination = destination
        self.now = now
        horizon = Timestamp(milliseconds: now.milliseconds + Self.dayInMilliseconds)
    }

    // MARK: Lines

    /// Says in which line it was what `body` found.
    func located<Value>(_ body: () throws(InvalidValue) -> Value) throws(TransferError) -> Value {
        do { return try body() } catch { throw .badLine(lineNumber + 1, error.detail) }
    }

    mutating func take(_ bytes: [UInt8]) async throws(TransferError) {
        if lineNumber == 0 {
            _ = try ExportLine(header: bytes)
            try await destination.check()
            do { try await destination.begin() } catch {
                // It may have been marked before that failed, or will be yet. What it holds was nothing.
                switch error {
                case .occupied, .unfinishedImport: break
                default: hasBegun = true
                }
                throw error
            }
            hasBegun = true
            lineNumber = 1
            return
        }
        if !bytes.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }) {
            let line = try located { () throws(InvalidValue) in try ExportLine(bytes) }
            guard end == nil else { throw .badLine(lineNumber + 1, "must not come after the end") }
            switch line {
            case .header: throw .badLine(lineNumber + 1, "must not be a second header")
            case .entry(let entry): try await take(entry)
            case .end(let totals):
                try closeLedger()
                end = totals
            }
        }
        lineNumber += 1
    }

    private mutating func take(_ entry: InventoryEntry) async throws(TransferError) {
        if case .movement = entry {} else { try closeLedger() }
        do { try check.add(entry) } catch { throw .badLine(lineNumber + 1, error.detail) }
        if case .product = entry { productLine = lineNumber + 1 }
        // Encoded anew, so that spelling and the order of members make no difference.
        let line = ExportLine.entry(entry).encoded
        tally.add(entry, line: line)
        if case .outcome(let outcome) = entry {
            guard outcome.expiresAt > now else {
                expiredOutcomes += 1
                return
            }
            if outcome.expiresAt > horizon { lastingOutcomes += 1 }
        }
        if case .key(let key) = entry {
            guard keyOwners.count < Bounds.keys else {
                throw .badLine(lineNumber + 1, "there are more API keys than the \(Bounds.keys) that there may be")
            }
            keyOwners.append(key.owner)
        }
        batch.append(entry)
        batchSize += line.count
        if batch.count >= Self.entriesAtOnce || batchSize >= Self.bytesAtOnce { try await insertBatch() }
    }

    private mutating func closeLedger() throws(TransferError) {
        do { try check.closeLedger() } catch { throw .badLine(productLine, error.detail) }
    }

    private mutating func insertBatch() async throws(TransferError) {
        try await destination.insert(batch)
        batch.removeAll(keepingCapacity: true)
        batchSize = 0
    }

    // MARK: The end

    mutating func finish() async throws(TransferError) -> FullImport.Report {
        guard lineNumber > 0 else { throw .notAnExport("it is empty") }
        guard let end else { throw .cutShort(afterLine: lineNumber) }
        let totals = tally.result
        let differences = end.differences(from: totals, here: "by its last line", there: "in its lines")
        guard differences.isEmpty else {
            throw .badLine(lineNumber, "the file is not whole: " + differences.joined(separator: "; "))
        }
        if !batch.isEmpty { try await insertBatch() }
        try await verify(totals)
        try await destination.finish()
        return FullImport.Report(totals: totals, expiredOutcomes: expiredOutcomes)
    }

    /// Reads everything back, and compares it with the file.
    private func verify(_ totals: InventoryTotals) async throws(TransferError) {
        var tally = InventoryTally()
        var check = LedgerCheck()
        try await destination.readBack { (entries) async throws(TransferError) in
            for entry in entries {
                do throws(InvalidValue) { try check.add(entry) } catch { throw .differs([error.detail]) }
                tally.add(entry, line: ExportLine.entry(entry).encoded)
            }
        }
        do { try check.closeLedger() } catch { throw .differs([error.detail]) }
        var (held, expected) = (tally.result, totals)
        held.outcomes = try await destination.outcomeCount(expiringAfter: horizon)
        expected.outcomes = lastingOutcomes
        let owners = try await destination.keyOwners()
        held.keys = Int64(keyOwners.count(where: owners.contains))
        let differences = expected.differences(from: held, here: "in the file", there: "in \(destination.name)")
        guard differences.isEmpty else { throw .differs(differences) }
    }
}
