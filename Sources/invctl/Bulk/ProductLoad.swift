import AdminClient
import InventoryKit

/// Sends products to the daemon, many at a time. Each lot carries a key made from its content and place, so that one that
/// is sent again does nothing twice.
struct ProductLoad: ~Copyable {
    private static let rowsPerLot = 1_000

    struct Counts: Sendable {
        var created = 0
        var updated = 0
        var unchanged = 0
        var keptStock = 0
        var failed = 0

        var done: Int { created + updated + unchanged }
    }

    private let connection: AdminConnection
    private let use: String
    private let timeout: Duration
    private var rows: [ProductRow] = []
    private(set) var counts = Counts()

    /// - Parameter use: what the keys are for: `seed`, `import`.
    init(_ use: String, over connection: AdminConnection, timeout: Duration) {
        self.use = use
        self.connection = connection
        self.timeout = timeout
    }

    /// - Returns: the rows that the daemon did not take.
    mutating func add(_ row: ProductRow) async throws -> [RowFault] {
        rows.append(row)
        return rows.count >= Self.rowsPerLot ? try await flush() : []
    }

    /// Sends what is left.
    mutating func flush() async throws -> [RowFault] {
        guard let first = rows.first else { return [] }
        try Task.checkCancellation()
        let body = rows.flatMap { $0.json + [UInt8(ascii: "\n")] }
        var request = AdminRequest(.post, "/v1/products:batch")
            .with("Content-Type", "application/x-ndjson")
            .with("Idempotency-Key", RowKey.text(use, line: first.line, content: body))
        request.body = body
        let answer = try await connection.send(request)
        let lot = rows
        rows = []
        return try take(answer.body, of: lot)
    }

    private mutating func take(_ body: [UInt8], of lot: [ProductRow]) throws -> [RowFault] {
        var faults: [RowFault] = []
        for line in body.split(separator: UInt8(ascii: "\n")) {
            guard let json = try? JSONDocument(parsing: Array(line)).root, let number = json["line"].int,
                (1...Int64(lot.count)).contains(number)
            else { throw AdminError.foreign("a line of its answer names no row") }
            let row = lot[Int(number) - 1]
            switch json["status"].string {
            case "created": counts.created += 1
            case "updated": counts.updated += 1
            case "unchanged": counts.unchanged += 1
            default:
                counts.failed += 1
                let error = AdminError.Refused(status: 422, document: json["error"])
                let detail = ([error.detail] + error.faults).joined(separator: " ")
                faults.append(RowFault(.refused, line: row.line, "\(row.sku): \(detail)"))
            }
            if json["stock"].string == "kept" { counts.keptStock += 1 }
        }
        return faults
    }
}
