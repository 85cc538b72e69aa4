/// Writes everything that a store has into a file from which another store can take it over: products, archived ones
/// too, the whole ledger, the answers that are remembered for repetitions, and the API keys, whose secrets nobody has.
package struct FullExport: Sendable {
    private let source: any InventorySource
    private let clock: any WallClock

    package init(of source: any InventorySource, clock: any WallClock = SystemClock()) {
        self.source = source
        self.clock = clock
    }

    /// Writes the store as it is at one moment, piece by piece: the memory that it takes does not grow with the store.
    ///
    /// A ledger that does not add up is written as it is; an import finds it out.
    ///
    /// - Parameter write: takes pieces of some lines each; the next one comes when it returns.
    /// - Returns: what the file holds.
    /// - Throws: ``TransferError/source(_:)``, ``TransferError/unwritable(_:)`` with what `write` threw.
    @discardableResult
    package func write(
        to write: ([UInt8]) async throws -> Void
    ) async throws(TransferError) -> InventoryTotals {
        var tally = InventoryTally()
        try await Self.write(ExportLine.header(exportedAt: clock.now()).encoded, to: write)
        try await source.readEverything { (entries) async throws(TransferError) in
            var piece: [UInt8] = []
            for entry in entries {
                let line = ExportLine.entry(entry).encoded
                tally.add(entry, line: line)
                piece += line
            }
            if !piece.isEmpty { try await Self.write(piece, to: write) }
        }
        let totals = tally.result
        try await Self.write(ExportLine.end(totals).encoded, to: write)
        return totals
    }

    private static func write(
        _ piece: [UInt8], to write: ([UInt8]) async throws -> Void
    ) async throws(TransferError) {
        do { try await write(piece) } catch { throw .unwritable("\(error)") }
    }
}
