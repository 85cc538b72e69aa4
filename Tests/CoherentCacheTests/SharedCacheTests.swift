import CoherentCache
import Foundation
import InventoryKit
import Logging
import NIOCore
import NIOPosix
import RedisClient
import Synchronization
import TestSupport
import Testing

/// The cache in a real Redis.
@Suite("Shared cache", .serialized)
struct SharedCacheTests {
    /// One cache of several that share a Redis and a switch, as daemons do.
    private struct Daemon {
        let cache: SharedCache
        let redis: RedisClient
        let register: MemoryRegister

        init(
            _ server: RedisServer, _ register: MemoryRegister, timeToLive: Duration = .seconds(60),
            defences: Defences = .all, database: Int = 0
        ) throws {
            let group = MultiThreadedEventLoopGroup.singleton
            self.register = register
            redis = RedisClient(url: try RedisURL(server.url(database: database)), group: group, logger: quiet)
            cache = SharedCache(
                register: register, redis: redis, group: group, timeToLive: timeToLive, writeLimit: .seconds(15),
                defences: defences, logger: quiet)
            redis.start()
            cache.start()
        }

        func on() async throws {
            try await eventually("the cache to be on") { cache.condition == .ok ? () : nil }
        }

        func close() async {
            await cache.close()
            await redis.close()
        }
    }

    private static func with(
        _ count: Int, arguments: [String] = [], timeToLive: Duration = .seconds(60), defences: Defences = .all,
        _ body: ([Daemon], RedisServer) async throws -> Void
    ) async throws {
        try await withTemporaryDirectory { directory in
            let server = try await RedisServer.start(directory: directory, arguments: arguments)
            let register = MemoryRegister()
            let daemons = try (0..<count).map { _ in
                try Daemon(server, register, timeToLive: timeToLive, defences: defences)
            }
            for daemon in daemons { try await daemon.on() }
            let result = await Self.result { try await body(daemons, server) }
            for daemon in daemons { await daemon.close() }
            try result.get()
        }
    }

    private static func result(_ body: () async throws -> Void) async -> Result<Void, any Error> {
        do { return .success(try await body()) } catch { return .failure(error) }
    }

    @Test("holds the contract of a cache")
    func contract() async throws {
        try await Self.with(1) { daemons, _ in
            let contract = CacheContract(cache: daemons[0].cache)
            for clause in CacheContract.clauses { try await clause.body(contract) }
        }
    }

    @Test("Never stale after an acknowledged write, three daemons over one Redis")
    func neverStale() async throws {
        try await Self.with(3) { daemons, _ in
            let store = VersionedStore(base: 0, products: 8)
            await withTaskGroup(of: Void.self) { group in
                for daemon in daemons {
                    for _ in 0..<2 {
                        group.addTask {
                            for number in 0..<400 {
                                await store.writeSomething(
                                    through: daemon.cache, isAnnounced: !number.isMultiple(of: 4))
                            }
                        }
                        group.addTask { for _ in 0..<1_500 { await store.readSomething(through: daemon.cache) } }
                    }
                }
            }
            #expect(store.staleReads == 0)
            #expect(store.writes == 6 * 400, "a write that failed would say nothing about reads after it")
            #expect(store.reads == 6 * 1_500)
            #expect(store.hits > 100, "without hits nothing was shown")
        }
    }

    /// Fails where a read of what is being written costs questions that can only be answered with nothing, or where it
    /// goes on past the cache afterwards.
    @Test("What this process is writing is read from the store without asking, and from the cache when it is written")
    func ownWriter() async throws {
        try await Self.with(1) { daemons, server in
            let cache = daemons[0].cache
            let (old, new) = (try Sample.product(stockVersion: 1), try Sample.product(stockVersion: 2))
            let before = try await Self.gets(server)
            let seen = try await cache.write(old.id) { () async throws(InventoryError) -> Written<[CachedDocument]> in
                var seen: [CachedDocument] = []
                for _ in 0..<5 {
                    seen.append(try await cache.document(old.id) { () async throws(InventoryError) -> Product? in old })
                }
                return Written(outcome: seen, product: new)
            }
            #expect(seen.allSatisfy { $0.source == .miss && $0.document?.etag == old.etag })
            #expect(try await Self.gets(server) == before)
            let read = try await cache.document(old.id) { () async throws(InventoryError) -> Product? in old }
            #expect(read.source == .hit)
            #expect(read.document?.etag == new.etag)
        }
    }

    /// Fails where a read that the cache could not answer asks it the same once more on its way to the store.
    @Test("Who has looked in vain asks for the lease at once")
    func recentMiss() async throws {
        try await Self.with(1) { daemons, server in
            let (cache, product) = (daemons[0].cache, try Sample.product(id: 70, stockVersion: 1))
            let loop = MultiThreadedEventLoopGroup.singleton.next()
            try await eventually("a connection of this loop") {
                daemons[0].redis.connection(on: loop).map { _ in () }
            }
            let before = try await Self.gets(server)
            let hasFound = try await loop.flatSubmit {
                let promise = loop.makePromise(of: Bool.self)
                let glance = cache.glance(at: product.id, on: loop) { promise.succeed($0 != nil) }
                if case .asked = glance {} else { promise.fail(CancellationError()) }
                return promise.futureResult
            }.get()
            #expect(!hasFound)
            let read = try await cache.document(product.id) { () async throws(InventoryError) -> Product? in product }
            #expect(read.source == .miss)
            // The glance's, and the lease's own.
            #expect(try await Self.gets(server) - before == 2)
        }
    }

    /// Looks at values: readers' own, and those of the scripts.
    private static func gets(_ server: RedisServer) async throws -> Int {
        try await calls(of: "mget", server) + calls(of: "get", server)
    }

    private static func calls(of command: String, _ server: RedisServer) async throws -> Int {
        let figures = try await server.command("INFO", "commandstats")
        let lines = figures.split(whereSeparator: \.isNewline)
        let line = lines.first { $0.hasPrefix("cmdstat_\(command):") }
        return line?.firstMatch(of: /calls=([0-9]+)/).flatMap { Int($0.1) } ?? 0
    }

    /// Shows that the test above can see what it looks for.
    @Test("Without a defence a stale read is seen", arguments: ["leaseCheck", "end", "overlap"])
    func defences(without name: String) async throws {
        let defence: Defences = name == "end" ? .end : name == "overlap" ? .overlap : .leaseCheck
        try await Self.with(2, defences: Defences.all.subtracting(defence)) { daemons, _ in
            let store = VersionedStore(base: 0, products: 2)
            for _ in 0..<200 where store.staleReads == 0 {
                await withTaskGroup(of: Void.self) { group in
                    for daemon in daemons {
                        for _ in 0..<2 {
                            group.addTask {
                                for _ in 0..<50 {
                                    await store.writeSomething(
                                        through: daemon.cache, isAnnounced: defence == .overlap)
                                }
                            }
                            group.addTask { for _ in 0..<100 { await store.readSomething(through: daemon.cache) } }
                        }
                    }
                }
            }
            #expect(store.staleReads > 0)
        }
    }

    /// Fails without write-through in END.
    @Test("A lone writer leaves its document for the next reader")
    func writeThrough() async throws {
        try await Self.with(2) { daemons, _ in
            let old = try Sample.product(id: 1, stockVersion: 1)
            let new = try Sample.product(id: 1, stockVersion: 2)
            try await daemons[0].cache.write(old.id) { () async throws(InventoryError) in
                Written(outcome: (), product: new)
            }
            let read = try await daemons[1].cache.document(old.id) { old }
            #expect(read.source == .hit)
            #expect(read.document?.etag == new.etag)
        }
    }

    /// Fails where a writer whom Redis did not answer in time leaves his mark there: nobody could fill for as long as a write
    /// may take.
    @Test("A refused writer of whom Redis heard late leaves nothing behind")
    func lateMark() async throws {
        try await Self.with(2) { daemons, server in
            let product = try Sample.product(id: 11, stockVersion: 1)
            let refusal = InventoryError.refused(.overMaxPerOrder(requested: 2, maxPerOrder: 1), replayed: false)
            let before = try await Self.calls(of: "evalsha", server)
            _ = try await server.command("CLIENT", "PAUSE", "200")
            await #expect(throws: refusal) {
                try await daemons[0].cache.write(product.id) { () async throws(InventoryError) -> Written<Void> in
                    throw refusal
                }
            }
            try await eventually("BEGIN and END") {
                try await Self.calls(of: "evalsha", server) >= before + 2 ? () : nil
            }
            for _ in 0..<2 {
                _ = try await daemons[1].cache.document(product.id) { () async throws(InventoryError) in product }
            }
            let read = try await daemons[1].cache.document(product.id) { () async throws(InventoryError) in product }
            #expect(read.source == .hit)
        }
    }

    /// Fails where what a repetition is told is put into the cache: it may be older than what others have written.
    @Test("A repeated write leaves no document")
    func repetition() async throws {
        try await Self.with(1) { daemons, _ in
            let old = try Sample.product(id: 9, stockVersion: 1)
            let new = try Sample.product(id: 9, stockVersion: 2)
            try await daemons[0].cache.write(old.id) { () async throws(InventoryError) in
                Written(outcome: (), product: old, isOwn: false)
            }
            #expect(try await daemons[0].cache.document(old.id) { new }.document?.etag == new.etag)
        }
    }

    /// Fails where a writer that is under way does not keep readers from filling.
    @Test("While a writer is under way nobody fills")
    func busy() async throws {
        try await Self.with(2) { daemons, _ in
            let old = try Sample.product(id: 2, stockVersion: 1)
            let new = try Sample.product(id: 2, stockVersion: 2)
            try await daemons[0].cache.write(old.id) { () async throws(InventoryError) in
                for _ in 0..<5 {
                    let read = try await daemons[1].cache.document(old.id) { old }
                    #expect(read.source != .hit)
                }
                return Written(outcome: (), product: new)
            }
            #expect(daemons[1].cache.statistics.fills == 0)
        }
    }

    /// Fails where each daemon, or each reader, fills for itself.
    @Test("Of many readers of a product that nobody has cached, one in all daemons reads the store")
    func stampede() async throws {
        try await Self.with(3) { daemons, _ in
            let product = try Sample.product(id: 3, stockVersion: 1)
            let store = CountingStore(product)
            let answers = try await withThrowingTaskGroup(of: ETag?.self) { group in
                for _ in 0..<300 {
                    for daemon in daemons {
                        group.addTask {
                            try await daemon.cache.document(product.id) { () async throws(InventoryError) in
                                await store.read()
                            }.document?.etag
                        }
                    }
                }
                return try await group.reduce(into: [ETag?]()) { $0.append($1) }
            }
            #expect(answers == Array(repeating: product.etag, count: 300 * daemons.count))
            // A reader that has waited its time in vain reads by itself: at most one more for each daemon.
            #expect(await store.reads <= 1 + daemons.count)
        }
    }

    @Test("What Redis has forgotten is only missed")
    func flushed() async throws {
        try await Self.with(1) { daemons, server in
            let contract = CacheContract(cache: daemons[0].cache)
            let product = try Sample.product(id: 4, stockVersion: 1)
            _ = try await contract.readUntilHit(product)
            _ = try await server.command("FLUSHALL")
            #expect(try await daemons[0].cache.document(product.id) { product }.source != .hit)
            // Scripts are gone too, and come again.
            _ = try await server.command("SCRIPT", "FLUSH")
            _ = try await contract.readUntilHit(product)
        }
    }

    @Test("A document is not served beyond its time, nor is an absence")
    func expiry() async throws {
        try await Self.with(1, timeToLive: .milliseconds(50)) { daemons, _ in
            let product = try Sample.product(id: 5, stockVersion: 1)
            _ = try await CacheContract(cache: daemons[0].cache).readUntilHit(product)
            try await eventually("the document to expire") {
                try await daemons[0].cache.document(product.id) { product }.source == .miss ? () : nil
            }
        }
    }

    /// Fails where what a key holds is believed.
    @Test("What others have put under a key is not served")
    func foreignValue() async throws {
        try await Self.with(1) { daemons, server in
            let product = try Sample.product(id: 6, stockVersion: 1)
            _ = try await CacheContract(cache: daemons[0].cache).readUntilHit(product)
            let keys = try await server.command("KEYS", "*\(product.id.text)}:v")
            let key = keys.trimmingCharacters(in: .whitespacesAndNewlines)
            for nonsense in ["", "nonsense", "\"c1-s1\"", "\n\n\n"] {
                _ = try await server.command("SET", key, nonsense)
                let read = try await daemons[0].cache.document(product.id) { product }
                #expect(read.source == .bypass)
                #expect(read.document?.etag == product.etag)
            }
        }
    }

    /// Fails where a daemon without Redis lets the others cache what it writes past them.
    @Test("A daemon without Redis keeps the others from caching, and its writes are settled")
    func withoutRedis() async throws {
        try await Self.with(1) { daemons, server in
            let (daemon, register) = (daemons[0], daemons[0].register)
            let lonely = SharedCache(
                register: register, redis: nil, group: MultiThreadedEventLoopGroup.singleton, timeToLive: .seconds(60),
                writeLimit: .seconds(15), logger: quiet)
            lonely.start()
            let old = try Sample.product(id: 7, stockVersion: 1)
            let new = try Sample.product(id: 7, stockVersion: 2)
            _ = try await CacheContract(cache: daemon.cache).readUntilHit(old)
            try await lonely.write(old.id) { () async throws(InventoryError) in Written(outcome: (), product: new) }
            #expect(try await daemon.cache.document(old.id) { new }.document?.etag == new.etag)
            #expect(lonely.condition == .none)
            try await eventually("the others to be off") { daemon.cache.condition == .off ? () : nil }
            await lonely.close()
            // Nobody keeps it off any more.
            try await daemon.on()
        }
    }

    /// Fails where both take themselves for users of the same cache.
    @Test("Two daemons with different databases of one Redis never answer with what the other has changed")
    func twoDatabases() async throws {
        try await Self.with(1) { daemons, server in
            let other = try Daemon(server, daemons[0].register, database: 1)
            let store = VersionedStore(base: 40, products: 2)
            for _ in 0..<400 {
                await store.writeSomething(through: other.cache, isAnnounced: true)
                for _ in 0..<4 { await store.readSomething(through: daemons[0].cache) }
            }
            #expect(store.staleReads == 0)
            await other.close()
        }
    }

    /// Fails where each waits for the store in its turn.
    @Test("Readers of one product that the store does not answer fail together")
    func failTogether() async throws {
        try await Self.with(1) { daemons, _ in
            let (cache, id) = (daemons[0].cache, try Sample.product(id: 60, stockVersion: 1).id)
            let (readers, questions) = (Count(), Count())
            let failures = try await withThrowingTaskGroup(of: Bool.self) { group in
                for _ in 0..<20 {
                    group.addTask { try await Self.failsToRead(id, through: cache, readers, questions) }
                }
                return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(failures == 20)
            #expect(questions.value <= 3)
        }
    }

    private static func failsToRead(
        _ id: ProductID, through cache: SharedCache, _ readers: Count, _ questions: Count
    ) async throws -> Bool {
        readers.add()
        do {
            _ = try await cache.document(id) { () async throws(InventoryError) in
                questions.add()
                // Until all the others have come.
                do { try await eventually("all readers") { readers.value == 20 ? () : nil } } catch {
                    Issue.record(error)
                }
                throw .unavailable(.outOfReach)
            }
            return false
        } catch InventoryError.unavailable(.outOfReach) { return true }
    }

    private final class Count: Sendable {
        private let atomic = Atomic<Int>(0)
        var value: Int { atomic.load(ordering: .relaxed) }
        func add() { atomic.add(1, ordering: .relaxed) }
    }

    @Test("Redis killed: reads and writes go on, and hits come back with it", arguments: [false, true])
    func killed(isFrozen: Bool) async throws {
        try await Self.with(2) { daemons, server in
            let product = try Sample.product(id: 8, stockVersion: 1)
            _ = try await CacheContract(cache: daemons[0].cache).readUntilHit(product)
            if isFrozen { try server.pause() } else { try await server.killHard() }
            let next = try Sample.product(id: 8, stockVersion: 2)
            try await daemons[0].cache.write(product.id) { () async throws(InventoryError) in
                Written(outcome: (), product: next)
            }
            let read = try await daemons[1].cache.document(product.id) { next }
            #expect(read.document?.etag == next.etag)
            if isFrozen { try server.resume() } else { try await server.restart() }
            for daemon in daemons { try await daemon.on() }
            let again = try await CacheContract(cache: daemons[1].cache).readUntilHit(next)
            #expect(again.document?.etag == next.etag)
        }
    }
}

/// A store of one product that counts its reads, each of which takes a while.
private actor CountingStore {
    private let product: Product
    private(set) var reads = 0

    init(_ product: Product) { self.product = product }

    func read() async -> Product {
        reads += 1
        for _ in 0..<100 { await Task.yield() }
        return product
    }
}

private let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
