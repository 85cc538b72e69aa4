import GRDB
package import InventoryKit
import Logging

extension SQLiteStore: APIKeyRegister {
    package func keys() async throws(InventoryError) -> [APIKey] {
        let (logger, unreadable) = (logger, unreadableKeys)
        // One that cannot be read opens nothing; everybody else's does.
        return try await read { db in
            try APIKey.fetchAll(db) { error in
                if unreadable.isFirst("\(error)") {
                    logger.error("An API key cannot be read", metadata: ["error": "\(error)"])
                }
            }
        }
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
        let row = try Row.fetchOne(
            db, sql: "SELECT owner, record, last_used_at, version FROM api_key WHERE owner = ?",
            arguments: [key.owner.text])
        // What cannot be read is nobody's.
        let known = row.flatMap { (try? APIKey(row: $0, isStrict: false)) == nil ? nil : $0[3] as Int64? }
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
    /// - Parameter skip: told of each that cannot be read; where there is none, that is an error, as is a scope that nobody
    ///   here knows.
    static func fetchAll(_ db: Database, skipping skip: ((any Error) -> Void)? = nil) throws -> [APIKey] {
        try Row.fetchAll(
            db.cachedStatement(sql: "SELECT owner, record, last_used_at FROM api_key ORDER BY owner")
        ).compactMap { row in
            do { return try APIKey(row: row, isStrict: skip == nil) } catch {
                guard let skip else { throw error }
                skip(error)
                return nil
            }
        }
    }

    fileprivate init(row: Row, isStrict: Bool) throws {
        do {
            let record = try JSONDocument(parsing: Array((row[1] as String).utf8)).root
            try self.init(
                record: record, fromStore: !isStrict, lastUsedAt: (row[2] as Int64?).map(Timestamp.init(milliseconds:)))
        } catch { throw DamagedRow(detail: "API key of \(row[0] as String): \(error)") }
    }
}
