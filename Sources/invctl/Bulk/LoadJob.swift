import AdminClient
import InventoryKit

/// A load under way: rows in, figures out.
struct LoadJob {
    let label: String

    /// Whether what was sent before is not done again.
    var isOnce = false
    let report: String?

    /// What is read, which the report must not be.
    var input: Int32 = -1
    let isDry: Bool
    let tool: Tool

    mutating func run(
        next: () throws -> Result<ProductRow, RowFault>?, estimate: (Int) -> Int?
    ) async throws {
        var faults = try FaultReport(file: report, console: tool.console, beside: input)
        var progress = ProgressLine(label, tool.console)
        let began = ContinuousClock.now
        let counts = try await Interrupts.gently {
            defer { progress.hide() }
            return isDry
                ? try await rehearse(next, estimate, &faults, &progress)
                : try await load(next, estimate, &faults, &progress)
        }
        let failures = try faults.finish()
        try write(counts, faults.json, failures, in: ContinuousClock.now - began)
        guard failures == 0 else { throw faults.failure(done: counts.done) }
    }

    private func load(
        _ next: () throws -> Result<ProductRow, RowFault>?, _ estimate: (Int) -> Int?, _ faults: inout FaultReport,
        _ progress: inout ProgressLine
    ) async throws -> ProductLoad.Counts {
        var load = ProductLoad(isOnce ? label : nil, tool)
        do {
            while let row = try next() {
                try Interrupts.check()
                for fault in try await load.add(row) {
                    progress.hide()
                    try faults.add(fault)
                }
                progress.update(done: load.counts.done, total: estimate(load.counts.done))
            }
            for fault in try await load.finish() { try faults.add(fault) }
            return load.counts
        } catch {
            for fault in await load.abandon() { try faults.add(fault) }
            throw Self.stopped(by: error, load)
        }
    }

    /// How far it came, and that it may be run again.
    private static func stopped(by error: any Error, _ load: borrowing ProductLoad) -> CommandFailure {
        let failure = CommandFailure(error)
        let (done, line) = (load.counts.done, load.completedLine)
        guard done > 0 || failure.isInDoubt else { return failure }
        let extent = line > 0 ? ", and none is open up to line \(line)" : ""
        return failure.unfinished(
            done, "rows are known to be done\(extent)", members: ["done_up_to_line": .integer(Int64(line))])
    }

    /// Looks up each product, and tells what would become of it.
    private func rehearse(
        _ next: () throws -> Result<ProductRow, RowFault>?, _ estimate: (Int) -> Int?, _ faults: inout FaultReport,
        _ progress: inout ProgressLine
    ) async throws -> ProductLoad.Counts {
        try await tool.connected { connection in
            var counts = ProductLoad.Counts()
            while let row = try next() {
                try Interrupts.check()
                switch row {
                case .failure(let fault):
                    progress.hide()
                    try faults.add(fault)
                case .success(let row):
                    progress.hide()
                    let wanted = try JSONDocument(parsing: row.json).root
                    do {
                        let path = "/v1/products/" + ProductPath.of(sku: row.sku)
                        let there = try await connection.send(AdminRequest(.get, path)).json()
                        let changes = Difference.lines(from: there, to: wanted)
                        if changes.isEmpty { counts.unchanged += 1 } else { counts.updated += 1 }
                        if wanted["stock"] != .null { counts.keptStock += 1 }
                        if !changes.isEmpty { tool.console.note("~ \(row.sku): \(changes.joined(separator: ", "))") }
                    } catch AdminError.refused(let refused) where refused.status == 404 {
                        if let lacking = Self.lacking(in: wanted) {
                            try faults.add(
                                RowFault(
                                    .refused, line: row.line, "\(row.sku): \(lacking) is required to create a product"))
                            continue
                        }
                        counts.created += 1
                        if counts.created <= 20 {
                            tool.console.note(
                                "+ \(row.sku): \(wanted["name"].string ?? "-"), \(Shown.price(wanted["price"]))")
                        }
                    }
                }
                progress.update(done: counts.done, total: estimate(counts.done))
            }
            return counts
        }
    }

    /// What a product cannot be created without, in the daemon's words (``ProductDraft``).
    private static func lacking(in row: JSON) -> String? {
        if row["name"] == .null { return "/name" }
        if row["price"]["amount"] == .null { return "/price/amount" }
        return row["price"]["currency"] == .null ? "/price/currency" : nil
    }

    /// Tells programs, who wait for a report, that nothing was to be done.
    func skip() throws {
        if tool.console.mode.isJSON { try write(ProductLoad.Counts(), [:], 0, in: .zero) }
    }

    private func write(_ counts: ProductLoad.Counts, _ rows: JSON, _ failures: Int, in time: Duration) throws {
        let rate = Double(counts.done) / max(0.001, time / .seconds(1))
        try tool.console.write(
            Record(
                "\(counts.done)",
                [
                    "created": .integer(Int64(counts.created)), "updated": .integer(Int64(counts.updated)),
                    "unchanged": .integer(Int64(counts.unchanged)), "replayed": .integer(Int64(counts.replayed)),
                    "kept_stock": .integer(Int64(counts.keptStock)),
                    "failed": .integer(Int64(failures)), "rows": rows, "dry_run": .bool(isDry),
                ],
                [
                    .init(isDry ? "would create" : "created", Figures.count(counts.created)),
                    .init(isDry ? "would change" : "changed", Figures.count(counts.updated)),
                    .init("unchanged", Figures.count(counts.unchanged)),
                    .init("already there", Figures.count(counts.replayed)),
                    .init("kept their stock", Figures.count(counts.keptStock), isWide: true),
                    .init("not taken", Figures.count(failures, "row", "rows")),
                    .init("took", "\(Figures.duration(time)), \(Figures.rate(rate))"),
                ]))
    }
}

/// In what a row differs from a product.
enum Difference {
    /// `name: "a" → "b"`; members that the row leaves out, and stock, are no difference.
    static func lines(from there: JSON, to wanted: JSON) -> [String] {
        guard case .object(let members) = wanted else { return [] }
        return members.sorted { $0.key < $1.key }.compactMap { name, value in
            guard !["sku", "stock"].contains(name) else { return nil }
            let before = there[name]
            if case .object(let parts) = value {
                guard parts.contains(where: { before[$0.key] != $0.value }) else { return nil }
            } else if before == value {
                return nil
            }
            return name == "price"
                ? "price \(Shown.price(before)) -> \(Shown.price(value))" : "\(name) \(text(before)) -> \(text(value))"
        }
    }

    private static func text(_ json: JSON) -> String { String(decoding: json.encoded().prefix(120), as: UTF8.self) }
}
