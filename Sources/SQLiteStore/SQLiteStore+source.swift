import GRDB
package import InventoryKit

/// Hands out everything as one read transaction sees it, while the daemon goes on selling.
///
/// As long as that lasts the write-ahead log cannot be emptied, so it grows by what is written meanwhile.
extension SQLiteStore: InventorySource {
    package func readEverything(
        _ take: ([InventoryEntry]) async throws(TransferError) -> Void
    ) async throws(TransferError) {
        let snapshot: DatabaseSnapshot
        // On a thread of the pool, since opening a connection blocks.
        do { snapshot = try await pool.read { [pool] _ in try pool.makeSnapshot() } } catch {
            throw Self.trouble(error)
        }
        // A snapshot that does not close now does so when it is released.
        defer { try? snapshot.close() }
        var place = EntryPlace()
        while true {
            let batch: EntryBatch
            do { batch = try await snapshot.read { [place] db in try EntryBatch(after: place, in: db) } } catch {
                throw Self.trouble(error)
            }
            guard !batch.entries.isEmpty else { break }
            try await take(batch.entries)
            place = batch.place
        }
        let keys: [APIKey]
        do { keys = try await snapshot.read { try APIKey.fetchAll($0) } } catch { throw Self.trouble(error) }
        if !keys.isEmpty { try await take(keys.map(InventoryEntry.key)) }
    }

    private static func trouble(_ error: any Error) -> TransferError {
        switch error {
        case let error as DamagedRow: .source(error.detail)
        case is CancellationError: .source("it was called off")
        default: .source("\(error)")
        }
    }
}

/// How far the reading of everything has come.
private struct EntryPlace: Sendable {
    /// The last product, and where in its ledger the reading is; none of it left where `ledger` is `nil`.
    var product = ""
    var ledger: (key: Int64, seq: Int64)?

    /// The last outcome; `nil` as long as there are products.
    var outcome: String?
}

/// The next entries after a place.
private struct EntryBatch: Sendable {
    /// Bounds the memory that a batch takes, and how long it is read.
    private static let limit = 500

    private(set) var entries: [InventoryEntry] = []
    private(set) var place: EntryPlace

    init(after place: EntryPlace, in db: Database) throws {
        self.place = place
        while entries.count < Self.limit, self.place.outcome == nil {
            if let (key, seq) = self.place.ledger {
                try addMovements(of: key, after: seq, in: db)
            } else {
                try addProduct(in: db)
            }
        }
        if let outcome = self.place.outcome { try addOutcomes(after: outcome, in: db) }
    }

    private mutating func addProduct(in db: Database) throws {
        let statement = try db.cachedStatement(
            sql: """
                SELECT \(Product.columns), key, moved_at, fingerprint FROM product WHERE id > ? ORDER BY id LIMIT 1
                """
        )
        guard let row = try Row.fetchOne(statement, arguments: [place.product]) else {
            place.outcome = ""
            return
        }
        let movedAt: Int64? = row[17]
        let product = try Product(row: row)
        entries.append(
            .product(
                ProductEntry(
                    product: product, fingerprint: row[18], movedAt: movedAt.map(Timestamp.init(milliseconds:)))))
        place.product = product.id.text
        place.ledger = (row[16], 0)
    }

    private mutating func addMovements(of key: Int64, after seq: Int64, in db: Database) throws {
        let room = Self.limit - entries.count
        let statement = try db.cachedStatement(
            sql: """
                SELECT \(Movement.columns), m.fingerprint FROM \(Movement.table) \
                WHERE m.product = ? AND m.seq > ? ORDER BY m.seq LIMIT ?
                """
        )
        var (count, last) = (0, seq)
        let rows = try Row.fetchCursor(statement, arguments: [key, seq, room])
        while let row = try rows.next() {
            let movement = try Movement(row: row)
            entries.append(.movement(MovementEntry(movement: movement, fingerprint: row[16])))
            (count, last) = (count + 1, movement.seq)
        }
        place.ledger = count < room ? nil : (key, last)
    }

    private mutating func addOutcomes(after id: String, in db: Database) throws {
        let statement = try db.cachedStatement(
            sql: "SELECT id, fingerprint, record, expires_at FROM outcome WHERE id > ? ORDER BY id LIMIT ?"
        )
        let rows = try Row.fetchCursor(statement, arguments: [id, Self.limit - entries.count])
        while let row = try rows.next() {
            let id: String = row[0]
            do {
                entries.append(
                    .outcome(
                        OutcomeEntry(
                            id: try OperationID(id), fingerprint: row[1],
                            record: try JSONDocument(parsing: Array((row[2] as String).utf8)).root,
                            expiresAt: Timestamp(milliseconds: row[3]))))
            } catch let error as InvalidValue {
                throw DamagedRow(detail: "outcome \(id): \(error.detail)")
            } catch let error as JSONSyntaxError { throw DamagedRow(detail: "outcome \(id): \(error.detail)") }
            place.outcome = id
        }
    }
}
