import AdminClient
import InventoryKit

/// Sends products to the daemon: many to a lot, and a few lots at once, each over a connection of its own.
///
/// Where that is wanted, each lot carries a key made from its content and place, so that one that is sent again does
/// nothing and says so; without, a row does what is still to be done. Answers are
/// taken in the order of the lots, and no row overtakes another one of its SKU. What is held is a few lots, whatever the
/// number of rows.
struct ProductLoad: ~Copyable {
    private static let rowsPerLot = 1_000

    /// So that the store has work while rows are read and answers taken.
    private static let lotsUnderWay = 4

    struct Counts: Sendable {
        var created = 0
        var updated = 0
        var unchanged = 0
        /// Rows that had been done before, when the same was sent.
        var replayed = 0
        var keptStock = 0
        var failed = 0

        var done: Int { created + updated + unchanged + replayed }
    }

    /// Rows that go together, with the faults that were found among them.
    private struct Lot {
        var rows: [ProductRow] = []
        var faults: [RowFault] = []
        var lastLine = 0
        var skus: Set<String> = []

        var isFull: Bool { max(rows.count, faults.count) >= ProductLoad.rowsPerLot }
    }

    private struct SentLot {
        let lot: Lot
        let answer: Task<[UInt8], any Error>
    }

    private let use: String?
    private let tool: Tool
    private var lot = Lot()
    private var underWay: [SentLot] = []
    private(set) var counts = Counts()

    /// Whether a lot has no answer, so that what comes behind it does not count as completed.
    private var isBroken = false

    /// Every row up to this line of the input has its answer.
    private(set) var completedLine = 0

    /// - Parameter use: what the keys are for, as `seed`; nothing for none.
    init(_ use: String?, _ tool: Tool) {
        self.use = use
        self.tool = tool
    }

    /// - Returns: rows that are not taken, in the order of the input.
    mutating func add(_ row: Result<ProductRow, RowFault>) async throws -> [RowFault] {
        switch row {
        case .success(let row):
            lot.rows.append(row)
            lot.skus.insert(SKU.fold(row.sku))
            lot.lastLine = row.line
        case .failure(let fault):
            lot.faults.append(fault)
            lot.lastLine = fault.line
        }
        return lot.isFull ? try await send() : []
    }

    /// Sends what is left, and waits for all answers.
    mutating func finish() async throws -> [RowFault] {
        var faults = try await send()
        while !underWay.isEmpty { faults += try await takeFirst() }
        return faults
    }

    /// Waits for what is under way, and sends nothing more.
    mutating func abandon() async -> [RowFault] {
        var faults: [RowFault] = []
        while !underWay.isEmpty { faults += (try? await takeFirst()) ?? [] }
        return faults
    }

    private mutating func send() async throws -> [RowFault] {
        var faults: [RowFault] = []
        while underWay.count >= Self.lotsUnderWay || isOvertaking { faults += try await takeFirst() }
        let (lot, tool, use) = (lot, tool, use)
        self.lot = Lot()
        // Not a child of this task: what has been sent is waited for, also when no more is to be sent.
        let answer = Task { try await Self.answer(to: lot.rows, use, tool) }
        underWay.append(SentLot(lot: lot, answer: answer))
        return faults
    }

    /// Whether a lot under way has a SKU of this one.
    private var isOvertaking: Bool { underWay.contains { !$0.lot.skus.isDisjoint(with: lot.skus) } }

    private static func answer(to rows: [ProductRow], _ use: String?, _ tool: Tool) async throws -> [UInt8] {
        guard let first = rows.first else { return [] }
        var body: [UInt8] = []
        body.reserveCapacity(rows.reduce(0) { $0 + $1.json.count + 1 })
        for row in rows {
            body += row.json
            body.append(UInt8(ascii: "\n"))
        }
        var request = AdminRequest(.post, "/v1/products:batch")
            .with("Content-Type", "application/x-ndjson")
            .with("Idempotency-Key", use.map { RowKey.text($0, line: first.line, content: body) })
        request.body = body
        return try await tool.send(request).body
    }

    private mutating func takeFirst() async throws -> [RowFault] {
        let first = underWay.removeFirst()
        var refused: [RowFault] = []
        do {
            let body = try await first.answer.value
            refused = try take(body, of: first.lot.rows)
        } catch {
            isBroken = true
            throw error
        }
        if !isBroken { completedLine = first.lot.lastLine }
        return (first.lot.faults + refused).sorted { $0.line < $1.line }
    }

    private mutating func take(_ body: [UInt8], of rows: [ProductRow]) throws -> [RowFault] {
        var faults: [RowFault] = []
        var answered = 0
        for line in body.split(separator: UInt8(ascii: "\n")) {
            guard let json = try? JSONDocument(parsing: Array(line)).root, let number = json["line"].int,
                (1...Int64(rows.count)).contains(number)
            else { throw AdminError.foreign("a line of its answer names no row") }
            let row = rows[Int(number) - 1]
            answered += 1
            switch (json["status"].string, json["replayed"] == .bool(true)) {
            case ("created", false): counts.created += 1
            case ("updated", false): counts.updated += 1
            case ("unchanged", false): counts.unchanged += 1
            case (_, true): counts.replayed += 1
            default:
                counts.failed += 1
                let error = AdminError.Refused(status: 422, document: json["error"])
                let detail = ([error.detail] + error.faults).joined(separator: " ")
                faults.append(RowFault(.refused, line: row.line, "\(row.sku): \(detail)"))
            }
            if json["stock"].string == "kept" { counts.keptStock += 1 }
        }
        guard answered == rows.count else { throw AdminError.foreign("it answers \(answered) of \(rows.count) rows") }
        return faults
    }
}
