package import InventoryKit
import Logging

/// API keys: a document for each owner, so that each change is one atomic write.
extension MongoStore: APIKeyRegister {
    package func keys() async throws(InventoryError) -> [APIKey] {
        // One that cannot be read opens nothing; everybody else's does.
        try await run { [logger, unreadableKeys] connection, _ in
            try Self.keys(over: connection) { error in
                if unreadableKeys.isFirst("\(error)") {
                    logger.error("An API key cannot be read", metadata: ["error": "\(error)"])
                }
            }
        }
    }

    /// - Parameter skip: told of each that cannot be read; where there is none, that is an error, as is a scope that nobody
    ///   here knows.
    static func keys(
        over connection: MongoConnection, skipping skip: ((any Error) -> Void)? = nil
    ) throws -> [APIKey] {
        let (documents, _) = try connection.find(
            Collection.keys, [:], sort: ["_id": 1], freshness: .majority(after: 0))
        return try documents.compactMap { document in
            do { return try APIKey(document: document, isStrict: skip == nil) } catch {
                guard let skip else { throw error }
                skip(error)
                return nil
            }
        }
    }

    package func save(_ key: APIKey, replacing version: Int64?) async throws(InventoryError) -> Bool {
        try await run(changes: true) { connection, _ in
            if let version {
                let (modified, _, errors) = try connection.update(
                    [
                        [
                            "q": ["_id": .string(key.owner.text), "version": .integer(version)],
                            "u": ["$set": key.fields],
                        ]
                    ],
                    in: Collection.keys)
                for error in errors.values { throw error }
                if modified == 1 { return true }
            } else {
                let errors = try connection.insert([key.document], into: Collection.keys)
                guard let error = errors[0] else { return true }
                guard error == .duplicateKey(index: "_id") else { throw error }
            }
            // An earlier try of this very change, whose answer was lost, may be what is in its way.
            let (found, _) = try connection.find(
                Collection.keys, ["_id": .string(key.owner.text)], limit: 1, freshness: .majority(after: 0))
            guard let document = found.first else { return false }
            if let known = try? APIKey(document: document, isStrict: false) {
                return known.secrets == key.secrets && known.version == key.version
            }
            // What cannot be read is nobody's.
            let (modified, _, errors) = try connection.update(
                [["q": ["_id": .string(key.owner.text)], "u": ["$set": key.fields]]], in: Collection.keys)
            for error in errors.values { throw error }
            return version == nil && modified == 1
        }
    }

    package func noteUses(_ uses: [KeyOwner: Timestamp]) async throws(InventoryError) {
        try await run { connection, _ in
            let statements: [BSON] = uses.map { owner, time in
                ["q": ["_id": .string(owner.text)], "u": ["$max": ["last_used_at": .date(time)]]]
            }
            let (_, _, errors) = try connection.update(statements, in: Collection.keys)
            for error in errors.values { throw error }
        }
    }
}

extension APIKey {
    fileprivate var members: [(String, BSON)] {
        [
            ("version", .integer(version)), ("scopes", .array(scopes.map(\.rawValue).sorted().map(BSON.string))),
            ("created_at", .date(createdAt)), ("secrets", .array(secrets.map(\.document))),
        ]
    }

    /// As it is kept when it is new there.
    var document: BSONDocument {
        BSONDocument(
            [("_id", .string(owner.text))] + members + (lastUsedAt.map { [("last_used_at", .date($0))] } ?? []))
    }

    fileprivate var fields: BSON { .document(members) }

    /// - Parameter isStrict: whether a scope has to be known; a later release may have given it others.
    fileprivate init(document: BSONDocument, isStrict: Bool) throws {
        let scopes = document.texts("scopes")
        do {
            guard !isStrict || scopes.allSatisfy({ Scope(rawValue: $0) != nil }) else {
                throw InvalidValue("scopes must be known")
            }
            try self.init(
                owner: KeyOwner(document.text("_id")), scopes: Set(scopes.compactMap(Scope.init)),
                createdAt: document.time("created_at"),
                secrets: document.documents("secrets").map(Secret.init(document:)),
                version: document.integer("version"), lastUsedAt: document.optionalTime("last_used_at"))
        } catch let error as InvalidValue {
            throw DamagedDocument(detail: "the API key of \((try? document.text("_id")) ?? "nobody"): \(error.detail)")
        }
    }
}

extension APIKey.Secret {
    fileprivate var document: BSON {
        .members([
            ("id", .string(id.text)), ("digest", .string(Hex.encode(digest))), ("created_at", .date(createdAt)),
            ("ends_at", endsAt.map(BSON.date)),
        ])
    }

    fileprivate init(document: BSONDocument) throws {
        guard let digest = Hex.decode(try document.text("digest")) else {
            throw InvalidValue("digest must be hexadecimal")
        }
        self.init(
            id: try KeySecret.ID(document.text("id")), digest: digest, createdAt: try document.time("created_at"),
            endsAt: try document.optionalTime("ends_at"))
    }
}
