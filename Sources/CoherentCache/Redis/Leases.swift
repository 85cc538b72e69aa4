import InventoryKit
import NIOCore
import RedisClient

/// The protocol's steps over one connection and in one namespace, which were found usable together. Nothing of it is
/// ever sent again over another connection: that could be one to a Redis that knows less.
struct Leases: Sendable {
    /// How long a reader waits for Redis before it asks the store. A read of the store takes a few milliseconds.
    static let readTimeout = TimeAmount.milliseconds(20)

    /// How long a writer waits for END. After that, the switch decides.
    static let endTimeout = TimeAmount.milliseconds(100)

    /// How long a filler may take before somebody else may: longer than a store may think about one product.
    private static let leaseMilliseconds = 3_000

    enum Look {
        case value(CachedValue)
        /// A writer is under way, so what the store says now may be out of date in a moment.
        case busy
        /// Somebody else is filling.
        case wait
        case lease
    }

    let connection: RedisConnection
    let generation: String
    let scripts: CacheScripts
    let writes: JoinedWrites

    static let foreignValue = RedisError.server("what a key holds is none of ours")

    // MARK: Steps

    func look(for id: ProductID, token: LeaseToken) async throws(RedisError) -> Look {
        let keys = CacheKeys(id, in: generation)
        let answer = try await answer { completion in
            scripts.lease.run(
                over: connection, keys: keys.all, [token.argument, RedisArgument(Self.leaseMilliseconds)],
                timeout: Self.readTimeout, completion)
        }
        switch answer {
        case .bytes(let bytes):
            guard let value = CachedValue(bytes, of: id) else { throw Self.foreignValue }
            return .value(value)
        case .integer(0): return .busy
        case .integer(1): return .wait
        case .integer(2): return .lease
        default: throw RedisError.server("LEASE answers what it never does")
        }
    }

    /// Puts a document in that was read under the lease. Nobody waits for it.
    ///
    /// - Parameter filled: told whether it was still allowed to.
    func fill(
        _ id: ProductID, _ value: ByteBuffer, token: LeaseToken, timeToLive: Duration,
        filled: @escaping @Sendable (Result<Bool, RedisError>) -> Void
    ) {
        let keys = CacheKeys(id, in: generation)
        connection.eventLoop.execute {
            scripts.fill.run(
                over: connection, keys: [keys.value, keys.lease],
                [token.argument, RedisArgument(value), RedisArgument(max(1, timeToLive.wholeMilliseconds))],
                timeout: Self.endTimeout
            ) { result in filled(result.map { $0 == .integer(1) }) }
        }
    }

    /// Gives a lease back of which nothing came.
    func giveBack(_ id: ProductID, token: LeaseToken) {
        let keys = CacheKeys(id, in: generation)
        connection.eventLoop.execute {
            connection.send(RedisCommand(["LREM", keys.lease, 1, token.argument]), timeout: Self.endTimeout) { _ in }
        }
    }

    /// - Parameter limit: after so long the writer counts as dead.
    func begin(_ id: ProductID, token: LeaseToken, limit: Duration) async throws(RedisError) {
        _ = try await answer { completion in
            writes.begin(id, token: token, limit: limit, with: self, completion)
        }
    }

    /// - Parameter document: what the write left, where the writer was registered over this very connection.
    func end(
        _ id: ProductID, token: LeaseToken, document: (value: ByteBuffer, timeToLive: Duration)?
    ) async throws(RedisError) {
        _ = try await answer { completion in
            writes.end(id, token: token, document: document, with: self, completion)
        }
    }

    // MARK: Parts

    private func answer(
        _ send: @escaping @Sendable (@escaping (Result<RedisValue, RedisError>) -> Void) -> Void
    ) async throws(RedisError) -> RedisValue {
        let result: Result<RedisValue, RedisError> = await withCheckedContinuation { continuation in
            connection.eventLoop.execute { send { continuation.resume(returning: $0) } }
        }
        return try result.get()
    }
}

/// The keys of a product. Its id is the hash tag, so that a cluster keeps the three together.
struct CacheKeys: Sendable {
    let value: RedisArgument
    let lease: RedisArgument
    let writers: RedisArgument

    init(_ id: ProductID, in generation: String) {
        value = RedisArgument(Self.value(id, in: generation))
        lease = RedisArgument("\(generation):{\(id.text)}:l")
        writers = RedisArgument("\(generation):{\(id.text)}:w")
    }

    var all: [RedisArgument] { [value, lease, writers] }

    /// Each cached read needs it, so it is put together in one piece of memory.
    static func value(_ id: ProductID, in generation: String) -> String {
        var key = ""
        key.reserveCapacity(generation.utf8.count + id.text.utf8.count + 5)
        key += generation
        key += ":{"
        key += id.text
        key += "}:v"
        return key
    }

    /// Every value of a generation, and every lease if wanted, as SCAN takes it.
    static func pattern(in generation: String, withLeases: Bool) -> String {
        // A generation has a host's name in it, where anything may be.
        let escaped = generation.map { "*?[]\\^".contains($0) ? "\\\($0)" : String($0) }.joined()
        return "\(escaped):{*}:\(withLeases ? "[vl]" : "v")"
    }

    /// The key of the right to fill that value.
    static func lease(ofValue key: String) -> String { String(key.dropLast()) + "l" }

    /// The product whose value stands under the key.
    static func id(inValue key: String) -> ProductID? {
        guard key.hasSuffix("}:v"), let brace = key.lastIndex(of: "{") else { return nil }
        return try? ProductID(String(key[key.index(after: brace)...].dropLast(3)))
    }
}

/// 128 random bits that nobody else has.
struct LeaseToken: Sendable {
    let argument: RedisArgument

    init() {
        var generator = SystemRandomNumberGenerator()
        let halves = [generator.next(), generator.next()]
        let bytes = halves.flatMap { half in
            stride(from: 0, to: 64, by: 8).map { UInt8(truncatingIfNeeded: half >> UInt64($0)) }
        }
        argument = RedisArgument(bytes)
    }
}

extension Duration {
    var wholeMilliseconds: Int {
        let (seconds, attoseconds) = components
        return Int(clamping: seconds) &* 1_000 &+ Int(clamping: attoseconds / 1_000_000_000_000_000)
    }
}
