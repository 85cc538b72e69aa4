/// What a client may do with its key.
package enum Scope: String, CaseIterable, Hashable, Sendable, Codable {
    /// Products, the ledger, purchases.
    case read
    /// Buy.
    case purchase
    /// Adjust and count.
    case stock
    /// Create, change and archive products, one by one and in batches.
    case catalogue
    /// Everything.
    case admin
}

/// Who an API key belongs to: the actor in the ledger and the scope of idempotency keys, so it survives the rotation of
/// its secret.
package struct KeyOwner: Hashable, Comparable, Sendable {
    package let text: String

    /// Names that callers without a key go by.
    private static let taken: Set<String> = ["anonymous", "admin", "unknown"]

    /// - Throws: ``InvalidValue`` when it is not 1 to 64 letters, digits, `.`, `_` and `-`, beginning with a letter or
    ///   digit, or is one that callers without a key go by.
    package init(_ text: String) throws(InvalidValue) {
        guard (1...Bounds.keyOwnerLength).contains(text.utf8.count), let first = text.utf8.first,
            Self.isAlphanumeric(first),
            text.utf8.allSatisfy({ Self.isAlphanumeric($0) || [0x2D, 0x2E, 0x5F].contains($0) })
        else {
            throw InvalidValue(
                "must be 1 to \(Bounds.keyOwnerLength) letters, digits, dots, hyphens and underscores, "
                    + "a letter or digit first")
        }
        guard !Self.taken.contains(text.lowercased()) else {
            throw InvalidValue("must not be \(text): that is who comes without a key")
        }
        self.text = text
    }

    package static func < (left: KeyOwner, right: KeyOwner) -> Bool { left.text < right.text }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: false
        }
    }
}

/// An API key as it is kept: what its owner may do, and the digests of the secrets that open it. The secrets themselves
/// are kept nowhere.
package struct APIKey: Hashable, Sendable {
    /// One of the secrets that open a key: one as a rule, two while clients move from the one to the other.
    package struct Secret: Hashable, Sendable {
        package let id: KeySecret.ID

        /// SHA-256 of the secret's text. It has 256 random bits, so nothing slower is called for.
        package let digest: [UInt8]
        package let createdAt: Timestamp

        /// From then on it opens nothing.
        package var endsAt: Timestamp?

        package init(id: KeySecret.ID, digest: [UInt8], createdAt: Timestamp, endsAt: Timestamp? = nil) {
            self.id = id
            self.digest = digest
            self.createdAt = createdAt
            self.endsAt = endsAt
        }

        package func isInForce(at now: Timestamp) -> Bool { endsAt.map { now < $0 } ?? true }
    }

    package let owner: KeyOwner
    package let scopes: Set<Scope>
    package let createdAt: Timestamp

    /// The oldest first.
    package private(set) var secrets: [Secret]

    /// Raised with every change of it; decides which of two changes at once comes first.
    package private(set) var version: Int64

    /// When a request last came with it, to the minute. No change of the key.
    package let lastUsedAt: Timestamp?

    package init(
        owner: KeyOwner, scopes: Set<Scope>, createdAt: Timestamp, secrets: [Secret], version: Int64 = 1,
        lastUsedAt: Timestamp? = nil
    ) {
        self.owner = owner
        self.scopes = scopes
        self.createdAt = createdAt
        self.secrets = secrets
        self.version = version
        self.lastUsedAt = lastUsedAt
    }

    package func allows(_ scope: Scope) -> Bool { scopes.contains(scope) || scopes.contains(.admin) }

    package func isInForce(at now: Timestamp) -> Bool { secrets.contains { $0.isInForce(at: now) } }

    /// The key with another secret; those it had end at `end`, if not before.
    package func rotated(to secret: Secret, endingOthersAt end: Timestamp, now: Timestamp) -> APIKey {
        var key = ended(at: end)
        // What has ended is of no use to anybody, and rotations may be many.
        key.secrets.removeAll { !$0.isInForce(at: now) }
        key.secrets = key.secrets.suffix(Bounds.keySecrets - 1) + [secret]
        return key
    }

    /// The key without a secret: it opens nothing any more, whatever anybody's clock says.
    package func revoked() -> APIKey {
        var key = self
        key.secrets = []
        key.version += 1
        return key
    }

    /// The key as it is when all its secrets end at `end`, if not before.
    package func ended(at end: Timestamp) -> APIKey {
        var key = self
        for index in key.secrets.indices {
            key.secrets[index].endsAt = min(key.secrets[index].endsAt ?? end, end)
        }
        key.version += 1
        return key
    }
}
