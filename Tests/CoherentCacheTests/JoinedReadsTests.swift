import InventoryKit
import NIOCore
import RedisClient
import TestSupport
import Testing

@testable import CoherentCache

/// Who shares whose question, on a real connection.
@Suite("Questions of one turn", .timeLimit(.minutes(1)))
struct JoinedReadsTests {
    /// - Returns: whether the key holds something that is ours.
    private static func ask(
        _ reads: JoinedReads, _ leases: Leases, _ id: ProductID, on loop: any EventLoop
    ) -> EventLoopFuture<Bool> {
        let promise = loop.makePromise(of: Bool.self)
        reads.get(id, with: leases) { result in
            if case .success(.some) = result { promise.succeed(true) } else { promise.succeed(false) }
        }
        return promise.futureResult
    }

    /// Asks for all of these in one turn.
    private static func ask(
        _ reads: JoinedReads, _ fixture: SharedConnection, _ ids: [ProductID]
    ) async throws -> [Bool] {
        let (leases, loop) = (fixture.leases, fixture.loop)
        return try await loop.flatSubmit {
            EventLoopFuture.whenAllSucceed(ids.map { ask(reads, leases, $0, on: loop) }, on: loop)
        }.get()
    }

    /// Puts a text where a product's value stands.
    private static func put(_ text: String, under id: ProductID, _ leases: Leases) async throws {
        let key = RedisArgument(CacheKeys.value(id, in: leases.generation))
        _ = try await leases.connection.send(RedisCommand(["SET", key, RedisArgument(text)]), timeout: .seconds(1))
    }

    /// - Returns: `count` ids of products that are not there.
    private static func ids(_ count: Int) throws -> [ProductID] {
        try (0..<count).map { try ProductID("6655aabbccddeeff001122" + String(0x10 + $0, radix: 16)) }
    }

    @Test("Questions that leave together are one command, and for one product one question")
    func joined() async throws {
        try await SharedConnection.with { fixture in
            let counters = CacheCounters()
            let reads = JoinedReads(on: fixture.loop, counters: counters)
            let ids = try Self.ids(2)
            let answered = try await Self.ask(reads, fixture, (0..<20).map { ids[$0 % 2] })
            #expect(answered == [Bool](repeating: false, count: 20))
            #expect(try await fixture.runs(of: "mget") == 1)
            #expect(counters.statistics.joined == 18)
        }
    }

    /// Fails where answers are told to others than those who asked, or where one reply may have any length.
    @Test("Each gets what its own key holds, however many ask")
    func each() async throws {
        try await SharedConnection.with { fixture in
            let reads = JoinedReads(on: fixture.loop, counters: CacheCounters())
            let ids = try Self.ids(100)
            for index in stride(from: 0, to: 100, by: 3) { try await Self.put("-", under: ids[index], fixture.leases) }
            // A busy machine may take longer than a read waits.
            let commands = try await eventually("each answer") {
                let before = try await fixture.runs(of: "mget")
                let answers = try await Self.ask(reads, fixture, ids)
                return answers == (0..<100).map { $0 % 3 == 0 } ? try await fixture.runs(of: "mget") - before : nil
            }
            #expect(commands == 4)
        }
    }

    /// Fails where one value that others have put there costs all who asked with it.
    @Test("A key that holds something else is that product's trouble alone")
    func foreign() async throws {
        try await SharedConnection.with { fixture in
            let reads = JoinedReads(on: fixture.loop, counters: CacheCounters())
            let ids = try Self.ids(3)
            for (id, text) in zip(ids, ["-", "what is this", "-"]) {
                try await Self.put(text, under: id, fixture.leases)
            }
            try await eventually("the others' answers") {
                try await Self.ask(reads, fixture, ids) == [true, false, true] ? () : nil
            }
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
