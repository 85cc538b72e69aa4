import InventoryKit
import Synchronization
import Testing

@Suite("API keys")
struct APIKeysTests {
    private let clock = TickingClock()
    private let register = MemoryKeys()
    private var keys: APIKeys { APIKeys(register: register, clock: clock) }

    @Test(
        "A name is letters, digits, dots, hyphens and underscores, and nobody's who comes without a key",
        arguments: ["", "-a", ".a", "a b", "ä", "a/b", String(repeating: "a", count: 65), "admin", "Anonymous"])
    func owners(_ text: String) {
        #expect(throws: InvalidValue.self) { try KeyOwner(text) }
    }

    @Test("A secret reads as what it was written, and nothing else does")
    func secrets() throws {
        let secret = KeySecret()
        #expect(secret.text.hasPrefix("inv_\(secret.id.text)_"))
        #expect(KeySecret(secret.text)?.digest == secret.digest)
        #expect(KeySecret().text != secret.text)
        for other in ["", "inv_", secret.text.uppercased(), secret.text + "0", " " + secret.text, "inv_é"] {
            #expect(KeySecret(other) == nil)
        }
    }

    /// Fails where a name's new key counts as used because its old one was.
    @Test("What a revoked key did is not told of the next one of its name")
    func usesAreNotInherited() async throws {
        let keys = keys
        let (shop, office) = (try KeyOwner("shop"), try KeyOwner("office"))
        for owner in [shop, office] {
            let (_, secret) = try await keys.create(owner, scopes: [.read])
            #expect(verdict(keys, secret.text)?.owner == owner)
        }
        _ = try await keys.revoke(shop)
        clock.advance(by: 1)
        _ = try await keys.create(shop, scopes: [.read])
        // It writes uses down when it ends.
        let running = Task { await keys.run() }
        running.cancel()
        await running.value
        #expect(Set(register.uses.keys) == [office])
    }

    /// Fails where a secret that is not the one, or has ended, is let in.
    @Test("A key opens with its secret, until it is revoked")
    func checking() async throws {
        let keys = keys
        let shop = try KeyOwner("shop")
        let (key, secret) = try await keys.create(shop, scopes: [.read])
        #expect(verdict(keys, secret.text) == key)
        #expect(verdict(keys, KeySecret().text) == nil)
        // The same id, another secret.
        #expect(verdict(keys, String(secret.text.dropLast()) + (secret.text.last == "0" ? "1" : "0")) == nil)
        #expect(key.allows(.read) && !key.allows(.purchase))
        _ = try await keys.revoke(shop)
        #expect(verdict(keys, secret.text) == nil)
        #expect(try await keys.list().map { $0.isInForce(at: clock.now()) } == [false])
    }

    /// Fails where clients are locked out while they change over, or the old secret goes on after it.
    @Test("A rotated key opens with both secrets for the time of grace")
    func rotating() async throws {
        let keys = keys
        let shop = try KeyOwner("shop")
        let (_, old) = try await keys.create(shop, scopes: [.admin])
        let (_, new) = try await keys.rotate(shop, grace: .seconds(60))
        #expect(verdict(keys, old.text) != nil && verdict(keys, new.text) != nil)
        clock.advance(by: 59_999)
        #expect(verdict(keys, old.text) != nil)
        clock.advance(by: 1)
        #expect(verdict(keys, old.text) == nil && verdict(keys, new.text) != nil)
        let (key, last) = try await keys.rotate(shop, grace: .zero)
        #expect(verdict(keys, new.text) == nil && verdict(keys, last.text) == key)
        #expect(key.secrets.count == 1, "what has ended is not kept")
        for _ in 0..<20 { _ = try await keys.rotate(shop, grace: .seconds(3_600)) }
        #expect(try await keys.list()[0].secrets.count == Bounds.keySecrets)
    }

    @Test("What is not there is not rotated, what is there is not made again")
    func refusals() async throws {
        let keys = keys
        let shop = try KeyOwner("shop")
        await #expect(throws: KeyTrouble.absent(shop)) { try await keys.rotate(shop, grace: .zero) }
        await #expect(throws: KeyTrouble.absent(shop)) { try await keys.revoke(shop) }
        let (first, _) = try await keys.create(shop, scopes: [.read])
        await #expect(throws: KeyTrouble.exists(shop)) { try await keys.create(shop, scopes: [.read]) }
        _ = try await keys.revoke(shop)
        await #expect(throws: KeyTrouble.absent(shop)) { try await keys.rotate(shop, grace: .zero) }
        let (second, secret) = try await keys.create(shop, scopes: [.stock])
        #expect(second.version > first.version)
        #expect(verdict(keys, secret.text)?.scopes == [.stock])
    }

    /// Fails where a key that another daemon revoked goes on, or the store's silence lets everybody or nobody in at once.
    @Test("A daemon sees what another one changed when it looks, and holds on to what it saw")
    func refreshing() async throws {
        let (here, there) = (keys, keys)
        let shop = try KeyOwner("shop")
        let (_, secret) = try await here.create(shop, scopes: [.read])
        guard case .unavailable = there.check(secret.text) else {
            Issue.record("it has not looked yet")
            return
        }
        try await there.refresh()
        #expect(verdict(there, secret.text) != nil)
        register.isAway = true
        await #expect(throws: InventoryError.self) { try await there.refresh() }
        #expect(verdict(there, secret.text) != nil)
        register.isAway = false
        _ = try await here.revoke(shop)
        try await there.refresh()
        #expect(verdict(there, secret.text) == nil)
    }

    /// Fails where the end of a key is a time: another machine's clock may be behind, or this one's be put right.
    @Test("A key that was revoked opens nothing, whatever the clock says")
    func revocationNeedsNoClock() async throws {
        let ahead = TickingClock()
        ahead.advance(by: 24 * 3_600 * 1_000)
        let (here, there) = (APIKeys(register: register, clock: ahead), keys)
        let shop = try KeyOwner("shop")
        let (_, secret) = try await here.create(shop, scopes: [.read])
        try await there.refresh()
        #expect(verdict(there, secret.text) != nil)
        _ = try await here.revoke(shop)
        try await there.refresh()
        #expect(verdict(there, secret.text) == nil)
        #expect(try await there.revoke(shop).secrets == [])
    }

    /// Fails where one record that a later release has written locks everybody out.
    @Test("In a store scopes may be unknown, in a file they may not")
    func unknownScopes() throws {
        let record = try JSONDocument(
            parsing: Array(
                #"{"owner":"shop","scopes":["read","teleport"],"created_at":1,"version":1,"secrets":[]}"#.utf8)
        ).root
        #expect(try APIKey(record: record, fromStore: true, lastUsedAt: nil).scopes == [.read])
        #expect(throws: InvalidValue.self) { try APIKey(record: record, lastUsedAt: nil) }
    }

    @Test("A key is what its record says")
    func records() async throws {
        let keys = keys
        _ = try await keys.create(try KeyOwner("shop"), scopes: [.read, .admin])
        let (key, _) = try await keys.rotate(try KeyOwner("shop"), grace: .seconds(5))
        let read = try JSONDocument(parsing: key.record.encoded()).root
        #expect(try APIKey(record: read, lastUsedAt: nil) == key)
        #expect(throws: InvalidValue.self) { try APIKey(record: ["owner": "shop"], lastUsedAt: nil) }
    }

    private func verdict(_ keys: APIKeys, _ text: String) -> APIKey? {
        if case .known(let key) = keys.check(text) { key } else { nil }
    }
}

private final class TickingClock: WallClock {
    private let time = Mutex(Timestamp(milliseconds: 1_700_000_000_000))

    func now() -> Timestamp { time.withLock { $0 } }
    func advance(by milliseconds: Int64) {
        time.withLock { $0 = Timestamp(milliseconds: $0.milliseconds + milliseconds) }
    }
}

/// A register that forgets with the test.
private final class MemoryKeys: APIKeyRegister {
    private let kept = Mutex([KeyOwner: APIKey]())
    private let away = Mutex(false)
    private let noted = Mutex([KeyOwner: Timestamp]())

    var isAway: Bool {
        get { away.withLock { $0 } }
        set { away.withLock { $0 = newValue } }
    }

    func keys() async throws(InventoryError) -> [APIKey] {
        guard !isAway else { throw .unavailable(.outOfReach) }
        return kept.withLock { $0.values.sorted { $0.owner < $1.owner } }
    }

    func save(_ key: APIKey, replacing version: Int64?) async throws(InventoryError) -> Bool {
        kept.withLock { kept in
            guard kept[key.owner]?.version == version else { return false }
            kept[key.owner] = key
            return true
        }
    }

    var uses: [KeyOwner: Timestamp] { noted.withLock { $0 } }

    func noteUses(_ uses: [KeyOwner: Timestamp]) async throws(InventoryError) { noted.withLock { $0 = uses } }
}
