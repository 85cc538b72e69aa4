/// An API key as operators see it: `GET /admin/v1/keys`.
package struct KeyListing: Codable, Sendable, Equatable {
    package enum State: String, Codable, Sendable {
        case active
        /// It works with more than one secret, until the older ones end.
        case rotating
        /// It will end.
        case ending
        case ended
    }

    package struct Secret: Codable, Sendable, Equatable {
        /// The part that is no secret, by which it is found in a client's configuration: `inv_<id>_…`.
        package var id: String
        package var createdAt: String
        package var endsAt: String?
    }

    package var owner: String
    package var scopes: [String]
    package var state: State
    package var createdAt: String
    package var lastUsedAt: String?
    package var secrets: [Secret]

    package init(_ key: APIKey, at now: Timestamp) {
        owner = key.owner.text
        scopes = Scope.allCases.filter(key.scopes.contains).map(\.rawValue)
        let inForce = key.secrets.filter { $0.isInForce(at: now) }
        state =
            if inForce.isEmpty { .ended } else if !inForce.contains(where: { $0.endsAt == nil }) { .ending } else {
                inForce.count > 1 ? .rotating : .active
            }
        createdAt = key.createdAt.rfc3339
        lastUsedAt = key.lastUsedAt?.rfc3339
        secrets = key.secrets.map {
            Secret(id: $0.id.text, createdAt: $0.createdAt.rfc3339, endsAt: $0.endsAt?.rfc3339)
        }
    }
}

/// A key with its new secret, which is told this once: the answer to creating and rotating.
package struct KeyGrant: Codable, Sendable, Equatable {
    package var key: KeyListing
    package var secret: String

    package init(key: KeyListing, secret: String) {
        self.key = key
        self.secret = secret
    }
}
