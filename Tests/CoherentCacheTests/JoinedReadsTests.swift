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

    @Test("Questions for one product that leave together are one; for another product it is another")
    func joined() async throws {
        try await SharedConnection.with { fixture in
            let (leases, loop) = (fixture.leases, fixture.loop)
            let reads = JoinedReads(on: loop, counters: CacheCounters())
            let ids = [try ProductID("6655aabbccddeeff00112233"), try ProductID("6655aabbccddeeff00112234")]
            let answered = try await loop.flatSubmit {
                EventLoopFuture.whenAllSucceed(
                    (0..<10).map { Self.ask(reads, leases, ids[$0 % 2], on: loop) }, on: loop)
            }.get()
            #expect(answered.count == 10)
            #expect(try await fixture.runs(of: "get") == 2)
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
            #expect(try await fixture.runs(of: "get") == 2)
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
