/// API keys as the embedded store and exports keep them. When a key was last used is kept beside the record.
extension APIKey {
    package var record: JSON {
        [
            "owner": .string(owner.text), "scopes": .array(scopes.map(\.rawValue).sorted().map(JSON.string)),
            "created_at": .integer(createdAt.milliseconds), "version": .integer(version),
            "secrets": .array(secrets.map(\.record)),
        ]
    }

    /// - Parameter fromStore: where a later release may have given scopes that this one does not know; they are left out.
    /// - Throws: ``InvalidValue`` when it is no record of a key.
    package init(record: JSON, fromStore: Bool = false, lastUsedAt: Timestamp?) throws(InvalidValue) {
        var scopes: Set<Scope> = []
        for json in record["scopes"].items {
            if let scope = Scope(rawValue: try json.text()) {
                scopes.insert(scope)
            } else if !fromStore {
                throw InvalidValue("must have known scopes")
            }
        }
        var secrets: [Secret] = []
        for json in record["secrets"].items { secrets.append(try Secret(record: json)) }
        let version = try record["version"].integer()
        // Room for every change that is still to come.
        guard (1...Int64.max / 2).contains(version) else { throw InvalidValue("must have a version from 1 on") }
        guard secrets.count <= Bounds.keySecrets else {
            throw InvalidValue("must have at most \(Bounds.keySecrets) secrets")
        }
        self.init(
            owner: try KeyOwner(record["owner"].text()), scopes: scopes,
            createdAt: Timestamp(milliseconds: try record["created_at"].integer()), secrets: secrets,
            version: version, lastUsedAt: lastUsedAt)
    }
}

extension APIKey.Secret {
    fileprivate var record: JSON {
        [
            "id": .string(id.text), "digest": .string(Hex.encode(digest)),
            "created_at": .integer(createdAt.milliseconds), "ends_at": .optional(endsAt?.milliseconds),
        ]
    }

    fileprivate init(record: JSON) throws(InvalidValue) {
        guard let digest = Hex.decode(try record["digest"].text()) else {
            throw InvalidValue("must have a digest in hexadecimal digits")
        }
        self.init(
            id: try KeySecret.ID(record["id"].text()), digest: digest,
            createdAt: Timestamp(milliseconds: try record["created_at"].integer()),
            endsAt: record["ends_at"].int.map(Timestamp.init(milliseconds:)))
    }
}
