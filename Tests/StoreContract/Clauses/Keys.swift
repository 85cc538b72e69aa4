package import InventoryKit
import Testing

extension StoreContract {
    static let keys = [
        Clause("A key that was saved is there, whole", savedKeyIsThere),
        Clause("Of changes based on the same version one is kept", keyChangesAreOrdered),
        Clause("Uses are noted, and a later one stays", usesAreNoted),
        Clause("Keys outlive the store's closing", onFixture: keysAreDurable),
    ]

    private var register: any APIKeyRegister {
        get throws { try #require(store as? any APIKeyRegister) }
    }

    package static func key(_ owner: String, secrets: Int = 1, version: Int64 = 1) throws -> APIKey {
        let at = Timestamp(milliseconds: 1_700_000_000_000)
        let made = (0..<secrets).map { index in
            let secret = KeySecret()
            return APIKey.Secret(
                id: secret.id, digest: secret.digest, createdAt: at,
                endsAt: index + 1 < secrets ? Timestamp(milliseconds: at.milliseconds + Int64(index)) : nil)
        }
        return APIKey(
            owner: try KeyOwner(owner), scopes: [.read, .stock], createdAt: at, secrets: made, version: version)
    }

    /// A store that fails it locks a client out, or lets another in.
    package func savedKeyIsThere() async throws {
        let register = try register
        #expect(try await register.keys() == [])
        let keys = [try Self.key("a"), try Self.key("B.2", secrets: 3)]
        for key in keys { #expect(try await register.save(key, replacing: nil)) }
        #expect(Set(try await register.keys()) == Set(keys))
        #expect(try await register.save(keys[0].ended(at: keys[0].createdAt), replacing: 1))
        #expect(try await register.keys().contains(keys[0].ended(at: keys[0].createdAt)))
    }

    /// A store that fails it undoes a revocation by a rotation at the same time.
    package func keyChangesAreOrdered() async throws {
        let register = try register
        let first = try Self.key("shop")
        #expect(try await register.save(first, replacing: nil))
        #expect(try await register.save(try Self.key("shop"), replacing: nil) == false)
        let rivals = try (0..<10).map { _ in try Self.key("shop", version: 2) }
        let kept = try await withThrowingTaskGroup(of: APIKey?.self) { group in
            for rival in rivals {
                group.addTask { try await register.save(rival, replacing: 1) ? rival : nil }
            }
            return try await group.reduce(into: [APIKey]()) { kept, rival in rival.map { kept.append($0) } }
        }
        #expect(kept.count == 1)
        #expect(try await register.keys() == kept)
        #expect(try await register.save(first, replacing: 1) == false)
        #expect(try await register.save(try Self.key("other", version: 2), replacing: 1) == false)
    }

    package func usesAreNoted() async throws {
        let register = try register
        let key = try Self.key("shop")
        #expect(try await register.save(key, replacing: nil))
        let (early, late) = (Timestamp(milliseconds: 1_700_000_001_000), Timestamp(milliseconds: 1_700_000_002_000))
        for time in [early, late, early] {
            try await register.noteUses([key.owner: time, try KeyOwner("nobody"): time])
        }
        #expect(try await register.keys().map(\.lastUsedAt) == [late])
        // A use is no change: one that was decided before it still fits.
        #expect(try await register.save(key.ended(at: early), replacing: 1))
        #expect(try await register.keys().map(\.lastUsedAt) == [late])
    }

    package static func keysAreDurable(_ fixture: any StoreFixture) async throws {
        let key = try key("shop")
        try await withStore(of: fixture) { contract in
            let isKept = try await contract.register.save(key, replacing: nil)
            #expect(isKept)
        }
        try await withStore(of: fixture) { contract in
            let kept = try await contract.register.keys()
            #expect(kept == [key])
        }
    }
}
