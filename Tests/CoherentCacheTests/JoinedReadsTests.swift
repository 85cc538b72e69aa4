import InventoryKit
import NIOCore
import RedisClient
import Testing

@testable import CoherentCache

/// Who shares whose question, on a real connection.
@Suite("Questions of one turn", .timeLimit(.minutes(1)))
struct JoinedReadsTests {
    /// - Returns: whether it was answered without an error.
    private static func ask(
        _ reads: JoinedReads, _ leases: Leases, _ id: ProductID, on loop: any EventLoop
    ) -> EventLoopFuture<Bool> {
        let promise = loop.makePromise(of: Bool.self)
        reads.get(id, with: leases) { result in promise.succeed((try? result.get()).flatMap { $0 } != nil) }
        return promise.futureResult
    }

    /// - Returns: `count` ids of products that are not there.
    private static func ids(_ count: Int) throws -> [ProductID] {
        try (0..<count).map { try ProductID("6655aabbccddeeff001122" + String(0x10 + $0, radix: 16)) }
    }

    /// Asks ten times for each of two products in one turn.
    @Test("Questions that leave together are one command, and for one product one question")
    func joined() async throws {
        try await SharedConnection.with { fixture in
            let (leases, loop) = (fixture.leases, fixture.loop)
            let counters = CacheCounters()
            let reads = JoinedReads(on: loop, counters: counters)
            let ids = try Self.ids(2)
            let answered = try await loop.flatSubmit {
                EventLoopFuture.whenAllSucceed(
                    (0..<20).map { Self.ask(reads, leases, ids[$0 % 2], on: loop) }, on: loop)
            }.get()
            #expect(answered.count == 20)
            #expect(try await fixture.runs(of: "mget") == 1)
            #expect(counters.statistics.joined == 18)
        }
    }

    /// Fails where answers are told to others than those who asked, or where one reply may have any length.
    @Test("Each gets what its own key holds, however many ask")
    func each() async throws {
        try await SharedConnection.with { fixture in
            let (leases, loop) = (fixture.leases, fixture.loop)
            let reads = JoinedReads(on: loop, counters: CacheCounters())
            let ids = try Self.ids(100)
            for id in ids.enumerated().filter({ $0.offset % 3 == 0 }).map(\.element) {
                let key = CacheKeys.value(id, in: leases.generation)
                _ = try await leases.connection.send(
                    RedisCommand(["SET", RedisArgument(key), "-"]), timeout: .seconds(1))
            }
            let answered = try await loop.flatSubmit {
                EventLoopFuture.whenAllSucceed(
                    ids.map { Self.ask(reads, leases, $0, on: loop) }, on: loop)
            }.get()
            #expect(answered == (0..<100).map { $0 % 3 == 0 })
            #expect(try await fixture.runs(of: "mget") == 4)
        }
    }

    @Test("A key that holds something else is that product's trouble alone")
    func foreign() async throws {
        try await SharedConnection.with { fixture in
            let (leases, loop) = (fixture.leases, fixture.loop)
            let reads = JoinedReads(on: loop, counters: CacheCounters())
            let ids = try Self.ids(3)
            for (id, text) in zip(ids, ["-", "what is this", "-"]) {
                let key = CacheKeys.value(id, in: leases.generation)
                _ = try await leases.connection.send(
                    RedisCommand(["SET", RedisArgument(key), RedisArgument(text)]), timeout: .seconds(1))
            }
            let answered = try await loop.flatSubmit {
                EventLoopFuture.whenAllSucceed(
                    ids.map { Self.ask(reads, leases, $0, on: loop) }, on: loop)
            }.get()
            #expect(answered == [true, false, true])
        }
    }

    /// Fails where a reader joins a question that is under way: its answer may be older than what he has to see.
    @Test("A question that has left is joined by nobody")
    func left() async throws {
        try await SharedConnection.with { fixture in
            let (leases, loop) = (fixture.leases, fixture.loop)
            let reads = JoinedReads(on: loop, counters: CacheCounters())
            let id = fixture.id
            let both = try await loop.flatSubmit {
                let first = Self.ask(reads, leases, id, on: loop)
                // Behind the task that sends what this turn has collected, and before any answer can be read.
                let second = loop.submit { Self.ask(reads, leases, id, on: loop) }.flatMap { $0 }
                return first.and(second)
            }.get()
            #expect(both == (false, false))
            #expect(try await fixture.runs(of: "mget") == 2)
        }
    }

    /// Fails where a question that ended without having left can still be joined: nobody would answer it.
    @Test("Who asks over a connection that has just ended is told so")
    func ended() async throws {
        try await SharedConnection.with { fixture in
            let (leases, loop) = (fixture.leases, fixture.loop)
            let reads = JoinedReads(on: loop, counters: CacheCounters())
            let id = fixture.id
            let both = try await loop.flatSubmit {
                let first = Self.ask(reads, leases, id, on: loop)
                leases.connection.close("test")
                return first.and(Self.ask(reads, leases, id, on: loop))
            }.get()
            #expect(both == (false, false))
        }
    }
}
