import InventoryKit
import NIOCore
import RedisClient
import TestSupport
import Testing

@testable import CoherentCache

/// Which BEGINs and ENDs share a command, on a real connection, and that they leave what they would one by one.
@Suite("Steps of writers of one turn", .timeLimit(.minutes(1)))
struct JoinedWritesTests {
    private static func tokens(_ count: Int) -> [LeaseToken] { (0..<count).map { _ in LeaseToken() } }

    @Test("Those of one turn are one command, and everybody is answered; a very long one is parted")
    func joined() async throws {
        try await SharedConnection.with { fixture in
            // The first time each script has to be taught.
            try await fixture.begin(Self.tokens(1))
            _ = try await fixture.end(Self.tokens(1))
            let before = try await fixture.scripts()
            let tokens = Self.tokens(300)
            try await fixture.begin(tokens)
            #expect(try await fixture.writers().count == 301)
            #expect(try await fixture.end(tokens).count == 300)
            // Three for either step. Somebody who looks for the server that had this port before may add a few.
            let runs = try await fixture.scripts() - before
            #expect((6...60).contains(runs), "\(runs)")
        }
    }

    /// Fails where the END of some takes the marks of others away: readers would fill while these still write.
    @Test("Who goes on stays noted, and readers do not fill meanwhile")
    func remaining() async throws {
        try await SharedConnection.with { fixture in
            let tokens = Self.tokens(5)
            try await fixture.begin(tokens)
            #expect(try await fixture.writers() == (5, true))
            _ = try await fixture.end(Array(tokens.prefix(3)))
            #expect(try await fixture.writers() == (2, true))
            guard case .busy = try await fixture.leases.look(for: fixture.id, token: LeaseToken()) else {
                Issue.record("a reader may fill while somebody writes")
                return
            }
            _ = try await fixture.end(Array(tokens.suffix(2)))
            #expect(try await fixture.writers() == (0, false))
            guard case .lease = try await fixture.leases.look(for: fixture.id, token: LeaseToken()) else {
                Issue.record("nobody writes, and a reader may not fill")
                return
            }
        }
    }

    /// Fails where one of several writers puts in what another's write may have replaced.
    @Test("A document is put in by who was alone, and by nobody who ends or began together with others")
    func documents() async throws {
        try await SharedConnection.with { fixture in
            let alone = Self.tokens(1)
            try await fixture.begin(alone)
            #expect(try await fixture.end(alone, document: "mine") == [.integer(1)])
            #expect(try await fixture.value() == "mine")

            let together = Self.tokens(2)
            try await fixture.begin(together)
            #expect(try await fixture.value().isEmpty)
            #expect(try await fixture.end(together, document: "either") == [.integer(0), .integer(0)])
            #expect(try await fixture.value().isEmpty)

            let inTurn = Self.tokens(2)
            try await fixture.begin(inTurn)
            for token in inTurn { #expect(try await fixture.end([token], document: "old") == [.integer(0)]) }
            #expect(try await fixture.value().isEmpty)

            try await fixture.begin(alone)
            #expect(try await fixture.end(alone, document: "again") == [.integer(1)])
        }
    }
}

/// Steps of writers, and what they leave.
extension SharedConnection {
    /// Lets each of several writers take a step, all in one turn of the loop.
    fileprivate func atOnce(
        _ tokens: [LeaseToken],
        _ step: @escaping @Sendable (JoinedWrites, LeaseToken, @escaping JoinedWrites.Completion) -> Void
    ) async throws -> [RedisValue] {
        let (loop, writes) = (loop, leases.writes)
        return try await loop.flatSubmit {
            EventLoopFuture.whenAllSucceed(
                tokens.map { token in
                    let promise = loop.makePromise(of: RedisValue.self)
                    step(writes, token) { promise.completeWith($0.mapError { $0 as any Error }) }
                    return promise.futureResult
                }, on: loop)
        }.get()
    }

    fileprivate func begin(_ tokens: [LeaseToken]) async throws {
        let (id, leases) = (id, leases)
        let answers = try await atOnce(tokens) { writes, token, completion in
            writes.begin(id, token: token, limit: .seconds(15), with: leases, completion)
        }
        #expect(answers.count == tokens.count)
    }

    fileprivate func end(_ tokens: [LeaseToken], document: String? = nil) async throws -> [RedisValue] {
        let (id, leases) = (id, leases)
        return try await atOnce(tokens) { writes, token, completion in
            let value = document.map { (value: ByteBuffer(string: $0), timeToLive: Duration.seconds(60)) }
            writes.end(id, token: token, document: value, with: leases, completion)
        }
    }

    /// Scripts that have been run.
    fileprivate func scripts() async throws -> Int { try await runs(of: "evalsha") + runs(of: "eval") }

    /// Writers under way, and whether it is noted that some overlapped.
    fileprivate func writers() async throws -> (count: Int, areContended: Bool) {
        let key = "g:{\(id.text)}:w"
        let all = Int(try await server.command("ZCARD", key)) ?? -1
        let isMarked = try await !server.command("ZSCORE", key, "!").isEmpty
        return (isMarked ? all - 1 : all, isMarked)
    }

    fileprivate func value() async throws -> String { try await server.command("GET", "g:{\(id.text)}:v") }
}
