import AdminClient
import InventoryKit

/// What the daemon tells, a line each, of work that takes long.
protocol WorkReport: Decodable, Sendable {
    var done: Bool { get }

    /// Products that have been dealt with so far.
    var progress: Int { get }
}

extension WarmReport: WorkReport {
    var progress: Int { products }
}

extension LedgerReport: WorkReport {
    var progress: Int { Int(clamping: products) }
}

extension RepairReport: WorkReport {
    var progress: Int { Int(clamping: products) }
}

extension Tool {
    /// Has the daemon do what takes long, and shows how far it is.
    ///
    /// - Returns: its last report, and the same as it came.
    /// - Throws: ``CommandFailure`` also where the daemon ended before it was done.
    func follow<Report: WorkReport>(
        _ request: AdminRequest, as label: String, _: Report.Type
    ) async throws -> (report: Report, json: JSON) {
        var last: (report: Report, json: JSON)?
        var progress = ProgressLine(label, console)
        try await connected { connection in
            defer { progress.hide() }
            try await connection.lines(request, silence: timeout) { line in
                try AdminError.check(line)
                guard let report = try? AdminProtocol.decode(Report.self, from: line),
                    let json = try? JSONDocument(parsing: line).root
                else { throw AdminError.foreign("a line of its answer is no report") }
                last = (report, json)
                progress.update(done: report.progress, total: nil)
                return true
            }
        }
        guard let last, last.report.done else {
            throw CommandFailure(.failed, "unfinished", "the daemon ended before it was done; run it again")
        }
        return last
    }
}
