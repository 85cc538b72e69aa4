import GRDB
package import InventoryKit

extension SQLiteStore: APIKeyRegister {
    package func keys() async throws(InventoryError) -> [APIKey] {
        try await read(APIKey.fetchAll)
    }

    package func save(_ key: APIKey, replacing version: Int64?) async throws(InventoryError) -> Bool {
        try await write { try $0.save(key, replacing: version) }
    }

    package func noteUses(_ uses: [KeyOwner: Timestamp]) async throws(InventoryError) {
        try await write { try $0.noteUses(uses) }
    }
}

extension WriteTransaction {
    func save(_ key: APIKey, replacing version: Int64?) throws -> Bool {
        let known = try Int64.fetchOne(
            db, sql: "SELECT version FROM api_key WHERE owner = ?", arguments: [key.owner.text])
        guard known == version else { return false }
        try db.execute(
            sql: """
                INSERT INTO api_key (owner, version, record, last_used_at) VALUES (?, ?, ?, ?)
                ON CONFLICT (owner) DO UPDATE SET version = excluded.version, record = excluded.record
                """,
            arguments: [
                key.owner.text, key.version, String(decoding: key.record.encoded(), as: UTF8.self),
                key.lastUsedAt?.milliseconds,
            ])
        return true
    }

    func noteUses(_ uses: [KeyOwner: Timestamp]) throws {
        let statement = try db.cachedStatement(
            sql: "UPDATE api_key SET last_used_at = ? WHERE owner = ? AND ifnull(last_used_at, 0) < ?")
        for (owner, time) in uses {
            try statement.execute(arguments: [time.milliseconds, owner.text, time.milliseconds])
        }
    }
}

extension APIKey {
    static func fetchAll(_ db: Database) throws -> [APIKey] {
        try Row.fetchAll(
            db.cachedStatement(sql: "SELECT owner, record, last_used_at FROM api_key ORDER BY owner")
        ).map(APIKey.init(row:))
    }

    fileprivate init(row: Row) throws {
        do {
            let record = try JSONDocument(parsing: Array((row[1] as String).utf8)).root
            try self.init(record: record, lastUsedAt: (row[2] as Int64?).map(Timestamp.init(milliseconds:)))
        } catch { throw DamagedRow(detail: "API key of \(row[0] as String): \(error)") }
    }
}
