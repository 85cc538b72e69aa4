package import InventoryKit
import NIOCore
import RedisClient

/// Looks through Redis with SCAN, within the generation in force, and takes values out with UNLINK, and with them the rights to
/// fill: who read the store before must not put back what was taken out. Marks of writers stay.
extension SharedCache: CacheAdministration {
    /// For each command; an operator waits longer than a request.
    private static let timeout = Duration.seconds(2)

    /// Keys that one SCAN looks at, roughly.
    private static let keysAtOnce = 1_000

    /// Of a value, where the ETag and the SKU are in.
    private static let headerBytes = 256

    package func entries(matching pattern: SKUPattern?, limit: Int) async throws(CacheTrouble) -> CacheListing {
        var listing = CacheListing(entries: [], isPartial: false)
        try await scan { keys, leases throws(CacheTrouble) in
            for entry in try await self.look(at: keys, with: leases) where entry.isLike(pattern) {
                guard listing.entries.count < limit else {
                    listing.isPartial = true
                    return false
                }
                listing.entries.append(entry)
            }
            return true
        }
        return listing
    }

    package func entry(of id: ProductID) async throws(CacheTrouble) -> (entry: CacheEntry, document: String?)? {
        let leases = try usable()
        guard let entry = try await look(at: [CacheKeys.value(id, in: leases.generation)], with: leases).first else {
            return nil
        }
        let key = RedisArgument(CacheKeys.value(id, in: leases.generation))
        guard case .bytes(let bytes)? = try await send([["GET", key]], leases).first else { return nil }
        return (entry, CachedValue(bytes, of: id)?.document.map { String(buffer: $0.body) })
    }

    package func flush(_ ids: [ProductID], dryRun: Bool) async throws(CacheTrouble) -> Flushed {
        let leases = try usable()
        var flushed = Flushed()
        for start in stride(from: 0, to: ids.count, by: Self.keysAtOnce) {
            let keys = ids[start..<min(start + Self.keysAtOnce, ids.count)].map {
                CacheKeys.value($0, in: leases.generation)
            }
            try await flush(keys, dryRun: dryRun, leases, into: &flushed)
        }
        return flushed
    }

    package func flush(matching pattern: SKUPattern?, dryRun: Bool) async throws(CacheTrouble) -> Flushed {
        var flushed = Flushed()
        if !dryRun { try await dropLeases() }
        try await scan { keys, leases throws(CacheTrouble) in
            var keys = keys
            if let pattern {
                keys = try await self.look(at: keys, with: leases).filter { $0.isLike(pattern) }.compactMap { entry in
                    (try? ProductID(entry.productId)).map { CacheKeys.value($0, in: leases.generation) }
                }
            }
            try await self.flush(keys, dryRun: dryRun, leases, into: &flushed)
            return true
        }
        return flushed
    }

    // MARK: Parts

    /// Takes all rights to fill: what is not cached yet, and may be meant by a flush, has no name here. Before the values, or
    /// somebody fills in between.
    private func dropLeases() async throws(CacheTrouble) {
        try await scan(withLeases: true) { keys, leases throws(CacheTrouble) in
            let rights = keys.filter { !Self.isValue($0) }
            if !rights.isEmpty { _ = try await self.send([["UNLINK"] + rights.map { RedisArgument($0) }], leases) }
            return true
        }
    }

    private static func isValue(_ key: String) -> Bool { CacheKeys.id(inValue: key) != nil }

    private func flush(
        _ keys: [String], dryRun: Bool, _ leases: Leases, into flushed: inout Flushed
    ) async throws(CacheTrouble) {
        guard !keys.isEmpty else { return }
        let values = keys.filter(Self.isValue)
        let sizes = try await send(values.map { ["STRLEN", RedisArgument($0)] }, leases).map(\.count)
        flushed.entries += sizes.count { $0 > 0 }
        flushed.bytes += sizes.reduce(0, +)
        guard !dryRun else { return }
        let gone = Set(keys).union(values.map(CacheKeys.lease(ofValue:)))
        _ = try await send([["UNLINK"] + gone.map { RedisArgument($0) }], leases)
    }

    private func look(at keys: [String], with leases: Leases) async throws(CacheTrouble) -> [CacheEntry] {
        let commands: [[RedisArgument]] = keys.flatMap { key in
            [
                ["GETRANGE", RedisArgument(key), 0, RedisArgument(Self.headerBytes)], ["STRLEN", RedisArgument(key)],
                ["PTTL", RedisArgument(key)],
            ]
        }
        let replies = try await send(commands, leases)
        return keys.indices.compactMap { index in
            guard case .bytes(let header) = replies[index * 3], header.readableBytes > 0,
                let id = CacheKeys.id(inValue: keys[index])
            else { return nil }
            let time = replies[index * 3 + 2].integer
            return CacheEntry(
                id, header: header, bytes: replies[index * 3 + 1].count, ttlMs: time.flatMap { $0 >= 0 ? $0 : nil })
        }
    }

    /// Goes through the keys of all values; some may come twice (SCAN promises no more), but each only once in a piece.
    ///
    /// - Parameters:
    ///   - withLeases: whether the keys of leases are wanted too.
    ///   - body: says whether to go on.
    private func scan(
        withLeases: Bool = false, _ body: (_ keys: [String], Leases) async throws(CacheTrouble) -> Bool
    ) async throws(CacheTrouble) {
        let leases = try usable()
        var cursor = "0"
        repeat {
            let pattern = RedisArgument(CacheKeys.pattern(in: leases.generation, withLeases: withLeases))
            let command: [RedisArgument] = [
                "SCAN", RedisArgument(cursor), "MATCH", pattern, "COUNT", RedisArgument(Self.keysAtOnce),
            ]
            guard case .array(let parts)? = try await send([command], leases).first, parts.count == 2,
                case .bytes(let next) = parts[0], case .array(let items) = parts[1]
            else { throw CacheTrouble("Redis answered SCAN with something else. Is it a proxy?") }
            cursor = String(buffer: next)
            let keys = Set(items.compactMap { if case .bytes(let key) = $0 { String(buffer: key) } else { nil } })
            if !keys.isEmpty, try await !body(keys.sorted(), leases) { return }
        } while cursor != "0"
    }

    private func usable() throws(CacheTrouble) -> Leases {
        guard condition != .none else {
            throw CacheTrouble("There is no cache in front of this store. Set REDIS_URL to have one.")
        }
        guard let leases = currentLeases else {
            throw CacheTrouble(
                "The cache cannot be used now, so everything comes from the store. Try again in a moment.")
        }
        return leases
    }

    /// Sends commands that leave together.
    private func send(_ commands: [[RedisArgument]], _ leases: Leases) async throws(CacheTrouble) -> [RedisValue] {
        let connection = leases.connection
        let timeout = TimeAmount(Self.timeout)
        let replies: Result<[RedisValue], RedisError> = await withCheckedContinuation { continuation in
            connection.eventLoop.execute {
                let answers = PipelineAnswers(count: commands.count) { continuation.resume(returning: $0) }
                for (index, command) in commands.enumerated() {
                    connection.send(RedisCommand(command), timeout: timeout) { answers.take($0, at: index) }
                }
            }
        }
        do { return try replies.get() } catch { throw CacheTrouble("Redis did not answer: \(error). Try again.") }
    }
}

/// Collects the answers to commands that left together; on one event loop.
private final class PipelineAnswers {
    private var values: [RedisValue]
    private var missing: Int
    private var trouble: RedisError?
    private let done: (Result<[RedisValue], RedisError>) -> Void

    init(count: Int, _ done: @escaping (Result<[RedisValue], RedisError>) -> Void) {
        values = Array(repeating: .null, count: count)
        missing = count
        self.done = done
        if count == 0 { done(.success([])) }
    }

    func take(_ result: Result<RedisValue, RedisError>, at index: Int) {
        switch result {
        case .success(let value): values[index] = value
        case .failure(let error): trouble = error
        }
        missing -= 1
        if missing == 0 { done(trouble.map { .failure($0) } ?? .success(values)) }
    }
}

extension RedisValue {
    fileprivate var integer: Int64? { if case .integer(let value) = self { value } else { nil } }
    fileprivate var count: Int { integer.map { Int(clamping: max(0, $0)) } ?? 0 }
}

extension CacheEntry {
    /// - Parameter header: how the value begins.
    fileprivate init(_ id: ProductID, header: ByteBuffer, bytes: Int, ttlMs: Int64?) {
        let document = CachedValue(header, of: id)?.document
        self.init(
            productId: id.text, sku: document?.skuKey, isAbsence: document == nil, etag: document?.etag.quoted,
            bytes: bytes, ttlMs: ttlMs)
    }

    func isLike(_ pattern: SKUPattern?) -> Bool {
        guard let pattern else { return true }
        return sku.map(pattern.matches) ?? false
    }
}
