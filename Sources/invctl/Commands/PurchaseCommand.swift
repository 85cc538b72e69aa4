import AdminClient
import ArgumentParser
import InventoryKit

struct PurchaseCommand: ToolCommand {
    static let configuration = CommandConfiguration(
        commandName: "purchase", abstract: "Buy: one or more lines, each by itself, in their order.",
        discussion: """
            It stops at the first line that is not sold, and ends with 8 where lines before it were; it says how to go on: \
            under the same key where nothing was refused, and with another for the rest where something was. --from goes \
            through all rows of a file, and ends with 8 where some were refused. Rows carry keys made from content and place: \
            run it again, and nothing is sold twice. A row that was refused stays refused then, too: with another \
            --idempotency-key the rows are new ones.

            EXAMPLES
              invctl purchase LAMP-1
              invctl purchase LAMP-1:2 CHAIR-7:4 --reference ORDER-17
              invctl purchase --from orders.csv --map sku=StockCode,quantity=Quantity,reference=InvoiceNo
            """)
    @Argument(help: "SKU, or SKU:QUANTITY.") var lines: [String] = []
    @Option(help: "What it belongs to: an order.") var reference: String?
    @Option(help: "So that it happens once, however often this runs; lines after the first, and rows, add their own.")
    var idempotencyKey: String?
    @Option(name: .customLong("from"), help: "A file of CSV or NDJSON, or - for standard input.") var file: String?
    @Option(help: "Which column is which: sku=…,quantity=…,reference=….") var map: String?
    @Option(help: "Where to write a line for each bad row; else standard error has the first ones.")
    var report: String?
    @Flag(help: "Say what could be sold now, and sell nothing.") var dryRun = false
    @OptionGroup var common: CommonOptions

    func validate() throws {
        guard lines.isEmpty || file == nil else { throw ValidationError("SKU:QUANTITY and --from do not go together.") }
        guard !lines.isEmpty || file != nil else {
            throw ValidationError("Say what to buy: SKU:QUANTITY, or --from FILE.")
        }
        guard file != nil || (map == nil && report == nil) else {
            throw ValidationError("--map and --report go with --from.")
        }
    }

    func run(_ tool: Tool) async throws {
        if let file { return try await buyRows(of: file, tool) }
        let wanted = try lines.map { try PurchaseLine(SignedNumber.unguarded($0)) }
        let key = idempotencyKey ?? RowKey.fresh()
        guard !dryRun else { return try await rehearse(wanted, tool) }
        var sold: [Record] = []
        var replayed = 0
        do {
            try await Interrupts.gently {
                try await tool.connected { connection in
                    for (index, line) in wanted.enumerated() {
                        try Interrupts.check()
                        let lineKey = index == 0 ? key : "\(key)-\(index + 1)"
                        let request = line.request(reference: reference, key: lineKey)
                        let answer = try await connection.send(request)
                        sold.append(Self.record(try answer.json()["purchase"]))
                        if answer.isReplayed { replayed += 1 }
                    }
                }
            }
        } catch {
            if !sold.isEmpty { try tell(sold, replayed: replayed, tool) }
            throw Self.stopped(by: CommandFailure(error), after: sold.count, of: wanted, key: key)
        }
        try tell(sold, replayed: replayed, tool)
    }

    private func tell(_ sold: [Record], replayed: Int, _ tool: Tool) throws {
        try tool.console.write(sold, empty: "")
        if replayed > 0 {
            tool.console.note("\(replayed) of these had been sold under the same key before, and were not sold again.")
        }
    }

    private func rehearse(_ wanted: [PurchaseLine], _ tool: Tool) async throws {
        do throws(InvalidValue) { _ = try reference.map(Reference.init) } catch {
            throw InvalidValue("--reference \(error.detail)")
        }
        let records = try await tool.connected { connection in
            var rehearsal = PurchaseRehearsal(connection)
            var records: [Record] = []
            for line in wanted { records.append(try await rehearsal.sell(line)) }
            return records
        }
        try tool.console.write(records, empty: "")
    }

    /// What was sold before, and how to go on without buying it again.
    private static func stopped(
        by failure: CommandFailure, after sold: Int, of wanted: [PurchaseLine], key: String
    ) -> CommandFailure {
        var message = sold < wanted.count ? "\(wanted[sold].sku): \(failure.message)" : failure.message
        var members = failure.members
        if sold > 0 { message = "\(sold) of \(wanted.count) lines were sold; then \(message)" }
        if sold > 0 || failure.isInDoubt {
            members["idempotency_key"] = .string(key)
            message +=
                failure.status == .refused
                ? "\nUnder --idempotency-key \(key) what was sold is not sold again, and what was refused stays refused: buy the "
                    + "rest with another key."
                : "\nWith --idempotency-key \(key) the same lines can be run again: what was sold is not sold twice."
        }
        let status = sold > 0 && failure.status != .interrupted ? .partly : failure.status
        return CommandFailure(status, failure.code, message, members: members)
    }

    static func record(_ json: JSON) -> Record {
        Record(
            json["id"].string ?? "-", json,
            [
                .init("id", json["id"].string), .init("sku", json["sku"].string),
                .init("quantity", json["quantity"].int),
                .init("price", StyledText(Shown.price(json["unit_price"])), .right),
                .init("left", json["on_hand_after"].int, isWide: true),
                .init("reference", json["reference"].string ?? "-"),
                .init("at", json["at"].string, isWide: true),
            ])
    }

    // MARK: Rows of a file

    private struct Tally {
        var (sold, soldBefore, units) = (0, 0, Int64(0))
        var hasRefusals = false
        var done: Int { sold + soldBefore }
    }

    private func buyRows(of file: String, _ tool: Tool) async throws {
        let rows = try InputRows(file, PurchaseRows(map: FieldMap(map, for: .purchases)))
        var faults = try FaultReport(file: report, console: tool.console, beside: rows.descriptor)
        var tally = Tally()
        do { try await buy(rows, &tally, &faults, tool) } catch {
            let failure = CommandFailure(error)
            guard tally.done > 0 || failure.isInDoubt else { throw failure }
            throw failure.unfinished(tally.done, "rows are known to be sold")
        }
        let failures = try faults.finish()
        try tool.console.write(
            Record(
                "\(tally.sold)",
                [
                    "sold": .integer(Int64(tally.sold)), "sold_before": .integer(Int64(tally.soldBefore)),
                    "units": .integer(tally.units), "failed": .integer(Int64(failures)), "rows": faults.json,
                    "dry_run": .bool(dryRun),
                ],
                [
                    .init(dryRun ? "could be sold" : "sold", Figures.count(tally.sold, "line", "lines")),
                    .init("units", Figures.count(Int(tally.units))),
                    .init("sold before", Figures.count(tally.soldBefore, "line", "lines")),
                    .init("not sold", Figures.count(failures, "row", "rows")),
                ]))
        if tally.hasRefusals {
            tool.console.note(
                "A row that was refused is told the same again; with another --idempotency-key it is a new one.")
        }
        guard failures == 0 else { throw faults.failure(done: tally.done) }
    }

    private func buy(
        _ rows: InputRows<PurchaseRows>, _ tally: inout Tally, _ faults: inout FaultReport, _ tool: Tool
    ) async throws {
        var progress = ProgressLine("purchase", tool.console)
        try await tool.connected { connection in
            var rehearsal = dryRun ? PurchaseRehearsal(connection) : nil
            defer { progress.hide() }
            var seen = 0
            while let row = try rows.next() {
                try Task.checkCancellation()
                seen += 1
                switch row {
                case .failure(let fault):
                    progress.hide()
                    try faults.add(fault)
                case .success(let row):
                    let sku = row.sku.text
                    let line = PurchaseLine(sku: sku, path: ProductPath.of(sku: sku), quantity: row.quantity.units)
                    let request = line.request(reference: row.reference?.text ?? reference, key: key(of: row))
                    do {
                        if try await rehearsal?.sell(line) != nil {
                            tally.sold += 1
                            tally.units += line.quantity
                        } else if try await connection.send(request).isReplayed {
                            tally.soldBefore += 1
                        } else {
                            tally.sold += 1
                            tally.units += line.quantity
                        }
                    } catch AdminError.refused(let refused) where (400..<500).contains(refused.status) {
                        tally.hasRefusals = tally.hasRefusals || refused.status == 409
                        progress.hide()
                        try faults.add(RowFault(.refused, line: row.line, "\(line.sku): \(refused.detail)"))
                    } catch let failure as CommandFailure where failure.status == .refused {
                        progress.hide()
                        try faults.add(RowFault(.refused, line: row.line, failure.message))
                    }
                }
                progress.update(done: seen, total: rows.estimate(of: seen))
            }
        }
    }

    /// What else makes it another purchase is part of it.
    private func key(of row: PurchaseRow) -> String {
        var key = row.key
        if row.reference == nil, let reference {
            key = RowKey.text("purchase", line: row.line, content: Array("\(key)\n\(reference)".utf8))
        }
        return idempotencyKey.map { "\($0)-\(key)" } ?? key
    }
}

/// One thing to buy.
struct PurchaseLine: Sendable {
    let sku: String

    /// As the API takes it.
    let path: String
    let quantity: Int64

    init(sku: String, path: String, quantity: Int64) {
        self.sku = sku
        self.path = path
        self.quantity = quantity
    }

    /// Reads `SKU` or `SKU:QUANTITY`. A SKU may have colons; the last one with digits behind it is taken for the quantity.
    /// It may be written as paths have it, `sku:SKU`.
    ///
    /// - Throws: ``InvalidValue`` when there is no SKU, or the quantity is none.
    init(_ text: String) throws(InvalidValue) {
        let isSKU = text.hasPrefix(Self.prefix)
        let text = isSKU ? String(text.dropFirst(Self.prefix.count)) : text
        func path(of name: String) -> String { isSKU ? ProductPath.of(sku: name) : ProductPath.of(name) }
        guard let colon = text.lastIndex(of: ":"), Self.isNumber(text[text.index(after: colon)...]) else {
            self.init(sku: text, path: path(of: text), quantity: 1)
            return
        }
        do {
            // What does not even fit is no quantity either.
            let quantity = try Quantity(Int64(text[text.index(after: colon)...]) ?? 0)
            let sku = String(text[..<colon])
            self.init(sku: sku, path: path(of: sku), quantity: quantity.units)
        } catch { throw InvalidValue("\(text): the quantity \(error.detail)") }
    }

    private static let prefix = "sku:"

    private static func isNumber(_ text: Substring) -> Bool {
        let digits = text.first.map { "+-".contains($0) } == true ? text.dropFirst() : text
        return !digits.isEmpty && digits.utf8.allSatisfy { (0x30...0x39).contains($0) }
    }

    func request(reference: String?, key: String) -> AdminRequest {
        var members: [String: JSON] = ["quantity": .integer(quantity)]
        members["reference"] = reference.map(JSON.string)
        return AdminRequest(.post, "/v1/products/\(path)/purchase").with(.object(members))
            .with("Idempotency-Key", key)
    }
}
