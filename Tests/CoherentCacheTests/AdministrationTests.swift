import CoherentCache
import InventoryKit
import Logging
import NIOPosix
import RedisClient
import TestSupport
import Testing

/// What operators ask of a cache, of either kind.
@Suite("Administration of the cache")
struct AdministrationTests {
    @Test("in the process")
    func here() async throws {
        let cache = InProcessCache()
        try await check(cache)
        try await checkLateFill(cache)
    }

    @Test("in Redis, where keys of others stay")
    func shared() async throws {
        try await withTemporaryDirectory { directory in
            let server = try await RedisServer.start(directory: directory)
            let group = MultiThreadedEventLoopGroup.singleton
            let logger = Logger(label: "") { _ in SwiftLogNoOpLogHandler() }
            let redis = RedisClient(url: try RedisURL(server.url), group: group, logger: logger)
            let cache = SharedCache(
                register: MemoryRegister(), redis: redis, group: group, timeToLive: .seconds(60),
                writeLimit: .seconds(15), logger: logger)
            redis.start()
            cache.start()
            try await eventually("the cache to be on") { cache.condition == .ok ? () : nil }
            try await server.command("SET", "somebody:{else}:v", "1")
            try await check(cache)
            try await checkLateFill(cache)
            #expect(try await server.command("EXISTS", "somebody:{else}:v").contains("1"))
            await cache.close()
            await redis.close()
        }
    }

    @Test("Without a cache it says so")
    func none() async throws {
        let cache = SharedCache(
            register: MemoryRegister(), redis: nil, group: MultiThreadedEventLoopGroup.singleton,
            timeToLive: .seconds(60), writeLimit: .seconds(15),
            logger: Logger(label: "") { _ in SwiftLogNoOpLogHandler() })
        await #expect(throws: CacheTrouble.self) { try await cache.entries(matching: nil, limit: 1) }
        await #expect(throws: CacheTrouble.self) { try await cache.flush(matching: nil, dryRun: false) }
    }

    /// Fails where the right to fill outlives a flush: what somebody had read before comes back with it.
    private func checkLateFill(_ cache: some ProductCache & CacheAdministration) async throws {
        for (number, isNamed) in [(11, true), (12, false)] {
            let old = try Sample.product(id: number, stockVersion: 1)
            let new = try Sample.product(id: number, stockVersion: 2)
            _ = try await cache.document(old.id) { () async throws(InventoryError) in
                do {
                    _ =
                        try await isNamed
                        ? cache.flush([old.id], dryRun: false) : cache.flush(matching: nil, dryRun: false)
                } catch { Issue.record(error) }
                return old
            }
            for _ in 0..<20 { #expect(try await cache.document(old.id) { new }.document?.etag == new.etag) }
        }
    }

    /// Fails where a dry run takes anything out, or something else is taken out than was asked for.
    private func check(_ cache: some ProductCache & CacheAdministration) async throws {
        let products = try (1...5).map { try Sample.product(id: $0, stockVersion: 1) }
        for product in products { _ = try await CacheContract(cache: cache).readUntilHit(product) }
        let listing = try await cache.entries(matching: nil, limit: 100)
        #expect(Set(listing.entries.map(\.productId)) == Set(products.map(\.id.text)))
        #expect(!listing.isPartial)
        #expect(try await cache.entries(matching: nil, limit: 2).isPartial)
        #expect(try await cache.entries(matching: SKUPattern("nothing-*"), limit: 100).entries.isEmpty)
        let first = products[0]
        let entry = try #require(try await cache.entry(of: first.id))
        #expect(entry.entry.etag == first.etag.quoted)
        #expect(entry.document?.contains(first.id.text) == true)

        let dry = try await cache.flush([first.id], dryRun: true)
        #expect(dry.entries == 1 && dry.bytes > 0)
        #expect(try await cache.flush([first.id], dryRun: false) == dry)
        #expect(try await cache.entry(of: first.id) == nil)
        #expect(try await cache.flush([first.id], dryRun: false).entries == 0)
        let sku = products[1].catalogue.sku
        #expect(try await cache.flush(matching: SKUPattern(sku.text), dryRun: false).entries >= 1)
        #expect(try await cache.entry(of: products[1].id) == nil)
        _ = try await cache.flush(matching: nil, dryRun: false)
        #expect(try await cache.entries(matching: nil, limit: 100).entries.isEmpty)
        // And it fills again.
        _ = try await CacheContract(cache: cache).readUntilHit(first)
    }
}
