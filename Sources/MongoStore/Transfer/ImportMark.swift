import InventoryKit

/// Stands in `meta` while an import is under way, and stays when it breaks off: what a database holds then is not what
/// anybody had.
enum ImportMark {
    private static let query: BSON = ["_id": "import"]

    /// - Throws: ``MongoOpeningError`` where there is a mark, else ``MongoError``.
    static func checkAbsence(over connection: MongoConnection) throws {
        guard try find(over: connection) != nil else { return }
        throw MongoOpeningError(
            "an import into the database is under way or has failed. Wait for it where it is under way; else drop the "
                + "database and import again")
    }

    /// Whose mark there is.
    static func find(over connection: MongoConnection) throws -> Int64? {
        let (found, _) = try connection.find(Collection.meta, query, limit: 1, freshness: .majority(after: 0))
        return try found.first?.integer("by")
    }

    /// - Parameter token: tells this import's mark from another's.
    /// - Returns: whether it is this import's; there is one in any case.
    static func set(by token: Int64, over connection: MongoConnection) throws -> Bool {
        let mark = BSONDocument([("_id", "import"), ("by", .integer(token))])
        switch try connection.insert([mark], into: Collection.meta)[0] {
        case nil: return true
        // An earlier try may have set it.
        case .duplicateKey: return try find(over: connection) == token
        case .some(let error): throw error
        }
    }

    static func remove(by token: Int64, over connection: MongoConnection) throws {
        let reply = try connection.write([
            ("delete", .string(Collection.meta)),
            ("deletes", [["q": ["_id": "import", "by": .integer(token)], "limit": 1]]),
        ])
        guard reply.documents("writeErrors").isEmpty else {
            throw MongoError.damaged("the mark of the import cannot be removed")
        }
    }
}
