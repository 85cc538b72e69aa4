import Synchronization

/// The API keys: who is let in, and how keys come and go.
///
/// Each request is checked against a copy of all keys that is at most seconds old, so that it costs a hash and a look-up
/// and no question to the store. A copy that could not be renewed for too long lets nobody in any more: a key that was
/// revoked meanwhile must not go on for as long as the store is away.
package final class APIKeys: Sendable {
    /// How soon a change made by another daemon is seen.
    package static let refreshInterval = Duration.seconds(2)

    /// How old the copy may be.
    package static let ageMax = Duration.seconds(60)

    /// How often uses are written down, and how exact they are.
    private static let useInterval = Duration.seconds(60)

    /// Changes of one owner's key that may come in between.
    private static let attemptsMax = 8

    package enum Verdict: Sendable {
        /// It opens this key.
        case known(APIKey)
        /// It opens none, or one that has ended.
        case unknown
        /// Which keys there are is not known at present.
        case unavailable
    }

    private struct Copy {
        var keys: [APIKey] = []
        var secrets: [KeySecret.ID: (secret: APIKey.Secret, key: APIKey)] = [:]

        /// When the store was asked for it.
        var asked: ContinuousClock.Instant?
        var uses: [KeyOwner: Timestamp] = [:]

        var isFresh: Bool { asked.map { .now - $0 < APIKeys.ageMax } ?? false }
    }

    private let register: any APIKeyRegister
    private let clock: any WallClock
    private let copy = Mutex(Copy())

    package init(register: any APIKeyRegister, clock: any WallClock = SystemClock()) {
        self.register = register
        self.clock = clock
    }

    // MARK: Checking

    /// Whether it is known which keys there are.
    package var areKnown: Bool { copy.withLock { $0.isFresh } }

    /// Whose key it is that a client shows.
    package func check(_ text: String) -> Verdict {
        guard let shown = KeySecret(text) else { return .unknown }
        let now = clock.now()
        let digest = shown.digest
        return copy.withLock { copy in
            guard copy.isFresh else { return .unavailable }
            guard let (secret, key) = copy.secrets[shown.id], Self.areEqual(secret.digest, digest),
                secret.isInForce(at: now)
            else { return .unknown }
            copy.uses[key.owner] = now
            return .known(key)
        }
    }

    /// Compares in a time that does not tell where they differ.
    private static func areEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        guard left.count == right.count else { return false }
        return zip(left, right).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }

    // MARK: Keeping up

    /// Keeps the copy fresh, and writes uses down, until it is cancelled.
    package func run() async {
        var nextUses = ContinuousClock.now + Self.useInterval
        while !Task.isCancelled {
            try? await refresh()
            if .now >= nextUses {
                await writeUses()
                nextUses = .now + Self.useInterval
            }
            try? await Task.sleep(for: Self.refreshInterval)
        }
        await writeUses()
    }

    /// Asks the store for all keys.
    package func refresh() async throws(InventoryError) {
        let asked = ContinuousClock.now
        let keys = try await register.keys()
        let secrets = keys.flatMap { key in key.secrets.map { ($0.id, (secret: $0, key: key)) } }
        copy.withLock { copy in
            // An answer that was overtaken by a later one says nothing.
            guard copy.asked.map({ $0 < asked }) ?? true else { return }
            copy.keys = keys
            copy.secrets = Dictionary(secrets) { first, _ in first }
            copy.asked = asked
        }
    }

    private func writeUses() async {
        let uses = copy.withLock { copy in
            defer { copy.uses = [:] }
            // A name that was given up and taken again is another key, which inherits nothing.
            let made = Dictionary(copy.keys.map { ($0.owner, $0.createdAt) }) { first, _ in first }
            return copy.uses.filter { owner, time in made[owner].map { $0 <= time } ?? false }
        }
        // What is lost when the store is away is when a key was last used, to be learnt with its next use.
        if !uses.isEmpty { try? await register.noteUses(uses) }
    }

    // MARK: Coming and going

    /// Makes a key.
    ///
    /// - Throws: ``KeyTrouble/exists(_:)`` when its owner has one in force, ``KeyTrouble/tooMany``.
    package func create(
        _ owner: KeyOwner, scopes: Set<Scope>
    ) async throws(KeyTrouble) -> (key: APIKey, secret: KeySecret) {
        let secret = KeySecret()
        let key = try await change(owner) { known, now throws(KeyTrouble) in
            if let known, known.isInForce(at: now) { throw .exists(owner) }
            return APIKey(
                owner: owner, scopes: scopes, createdAt: now, secrets: [secret.kept(at: now)],
                version: (known?.version ?? 0) + 1)
        }
        return (key, secret)
    }

    /// Gives a key another secret. Those it had work for `grace` yet, so that clients can change over.
    ///
    /// - Throws: ``KeyTrouble/absent(_:)`` when its owner has none in force.
    package func rotate(
        _ owner: KeyOwner, grace: Duration
    ) async throws(KeyTrouble) -> (key: APIKey, secret: KeySecret) {
        let secret = KeySecret()
        let key = try await change(owner) { known, now throws(KeyTrouble) in
            guard let known, known.isInForce(at: now) else { throw .absent(owner) }
            let end = Timestamp(milliseconds: now.milliseconds + grace.components.seconds * 1_000)
            return known.rotated(to: secret.kept(at: now), endingOthersAt: end, now: now)
        }
        return (key, secret)
    }

    /// Ends a key with all its secrets. One that has ended stays as it is.
    ///
    /// - Throws: ``KeyTrouble/absent(_:)`` when its owner never had one.
    package func revoke(_ owner: KeyOwner) async throws(KeyTrouble) -> APIKey {
        try await change(owner) { known, _ throws(KeyTrouble) in
            guard let known else { throw .absent(owner) }
            return known.secrets.isEmpty ? known : known.revoked()
        }
    }

    /// All keys, ended ones too, by owner.
    package func list() async throws(KeyTrouble) -> [APIKey] {
        do { return try await register.keys() } catch { throw .store(error) }
    }

    /// Changes what is kept of one owner; of two changes at once the later one sees what the earlier one did.
    private func change(
        _ owner: KeyOwner, _ change: (APIKey?, Timestamp) throws(KeyTrouble) -> APIKey
    ) async throws(KeyTrouble) -> APIKey {
        for _ in 0..<Self.attemptsMax {
            let keys = try await list()
            let known = keys.first { $0.owner == owner }
            let key = try change(known, clock.now())
            guard key != known else { return key }
            guard known != nil || keys.count < Bounds.keys else { throw .tooMany }
            guard try await save(key, replacing: known?.version) else { continue }
            // This daemon knows at once; if that fails, within seconds.
            try? await refresh()
            return key
        }
        throw .store(.unavailable(.overloaded))
    }

    private func save(_ key: APIKey, replacing version: Int64?) async throws(KeyTrouble) -> Bool {
        do { return try await register.save(key, replacing: version) } catch { throw .store(error) }
    }
}

/// Why keys cannot be changed as asked.
package enum KeyTrouble: Error, Hashable, Sendable {
    /// The owner has a key in force.
    case exists(KeyOwner)
    /// The owner has no key, or none in force.
    case absent(KeyOwner)
    /// There are ``Bounds/keys`` of them, ended ones included.
    case tooMany
    case store(InventoryError)
}

extension KeySecret {
    fileprivate func kept(at now: Timestamp) -> APIKey.Secret {
        APIKey.Secret(id: id, digest: digest, createdAt: now)
    }
}
