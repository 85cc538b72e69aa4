import AdminClient
import InventoryKit
import Synchronization

/// `export --full`: everything that the store has, into a file of which it can be told whether it is whole.
struct FullExportJob {
    let file: String
    let replaces: Bool
    let tool: Tool

    func run() async throws {
        let output = try tool.output(file, replacing: replaces)
        var progress = ProgressLine("export", tool.console)
        var (lines, end) = (0, LastLine())
        do {
            try await tool.connected { connection in
                try await connection.pieces(
                    AdminRequest(.get, AdminProtocol.root + "/export"), patience: tool.timeout, silence: tool.timeout
                ) { piece, _ in
                    try output.write(piece)
                    end.append(piece)
                    lines += piece.count { $0 == UInt8(ascii: "\n") }
                    progress.update(done: lines, total: nil)
                }
            }
            guard case .end(let totals)? = try? ExportLine(end.line) else {
                throw CommandFailure(
                    .failed, "cut-short", "the export ends before its last line. See the daemon's log, and try again.")
            }
            try output.finish()
            progress.hide()
            try tell(TransferReport(totals), of: output)
        } catch {
            progress.hide()
            output.discard()
            throw error
        }
    }

    private func tell(_ report: TransferReport, of output: WholeFile) throws {
        let more: [String: JSON] = ["file": .string(file), "bytes": .integer(Int64(output.bytesWritten))]
        let record = report.record(
            named: file, more, [.init("file", file), .init("size", Figures.bytes(output.bytesWritten))])
        try tool.tell(record, besides: output)
    }
}

/// The last line of what has come by.
private struct LastLine {
    /// Longer than the line that a full export ends with.
    private static let limit = 4_096

    private var rest: [UInt8] = []

    mutating func append(_ bytes: [UInt8]) {
        rest += bytes.suffix(Self.limit)
        rest.removeFirst(max(0, rest.count - Self.limit))
    }

    /// Without its end; empty where it has none.
    var line: [UInt8] {
        guard rest.last == UInt8(ascii: "\n") else { return [] }
        let text = rest.dropLast()
        return Array(text[(text.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0)...])
    }
}

/// `import --full`: what another store had, into an empty one.
struct FullImportJob {
    let file: String
    let tool: Tool

    func run() async throws {
        let input = try InputPieces(file)
        let progress = Mutex(ProgressLine("import", tool.console))
        var outcome: TransferReport?
        do {
            try await tool.connected { connection in
                try await connection.exchange(
                    AdminRequest(.post, AdminProtocol.root + "/import").with("Content-Type", "application/x-ndjson"),
                    silence: tool.timeout,
                    next: {
                        let piece = try input.next()
                        let (done, total) = input.progress
                        progress.withLock { $0.update(done: done, total: total) }
                        return piece
                    }
                ) { line in outcome = try Self.report(line) }
            }
        } catch {
            progress.withLock { $0.hide() }
            throw error
        }
        progress.withLock { $0.hide() }
        guard let outcome else {
            throw AdminError.closed("it did not say what came of it")
        }
        if let warning = outcome.warning { tool.console.warn(warning) }
        let expired: JSON = .integer(outcome.expiredOutcomes)
        try tool.console.write(
            outcome.record(
                named: outcome.sha256, ["expired_outcomes": expired],
                [.init("answers that were too old", Figures.count(Int(clamping: outcome.expiredOutcomes)))]))
    }

    private static let importing = ProblemCode.importing.rawValue

    /// What came of it.
    ///
    /// - Throws: ``AdminError`` where that is trouble, ``CommandFailure`` where the store is another import's.
    private static func report(_ line: [UInt8]) throws -> TransferReport {
        do { try AdminError.check(line) } catch AdminError.refused(let refused) where refused.code == importing {
            throw CommandFailure(.refused, refused.code, refused.detail)
        }
        guard let report = try? AdminProtocol.decode(TransferReport.self, from: line) else {
            throw AdminError.foreign("a line of its answer is no report")
        }
        return report
    }
}

extension TransferReport {
    fileprivate func record(named name: String, _ more: [String: JSON], _ fields: [Record.Field]) -> Record {
        let figures = [
            ("products", products), ("movements", movements), ("outcomes", outcomes), ("keys", keys),
            ("on_hand", onHand),
        ]
        var members = more
        for (name, value) in figures { members[name] = .integer(value) }
        members["sha256"] = .string(sha256)
        let titles = ["products", "movements", "remembered answers", "API keys", "units on hand"]
        return Record(
            name, .object(members),
            fields
                + zip(titles, figures).map { .init($0, Figures.count(Int(clamping: $1.1))) }
                + [.init("sha256", sha256)])
    }
}
