import CoherentCache
import Foundation
import InventoryKit
import Logging
import NIOCore
import NIOPosix
import RedisClient
import TestSupport
import Testing

/// The limit that daemons share, at a real Redis.
@Suite("Rate limiter", .serialized)
struct CallerRateLimiterTests {
    /// A daemon's limiter.
    private struct Daemon: Sendable {
        let redis: RedisClient
        let limiter: CallerRateLimiter
        let loop: any EventLoop

        init(_ server: RedisServer, timeout: TimeAmount) async throws {
            let group = MultiThreadedEventLoopGroup.singleton
            let redis = RedisClient(
                url: try RedisURL(server.url), group: group, logger: Logger(label: "") { _ in SwiftLogNoOpLogHandler() }
            )
            self.redis = redis
            // Long enough for a machine that does other things: here it is Redis that is to judge.
            limiter = CallerRateLimiter(redis: redis, timeout: timeout)
            loop = group.next()
            redis.start()
            try await connected()
        }

        func connected() async throws {
            try await eventually("a connection") { redis.connection(on: loop) == nil ? nil : () }
        }

        func admit(_ caller: String, _ policy: RatePolicy) async throws -> RateDecision {
            let (limiter, loop) = (limiter, loop)
            return try await loop.flatSubmit {
                switch limiter.admit(caller, to: .read, under: policy, on: loop) {
                case .decided(let decision): loop.makeSucceededFuture(decision)
                case .asked(let future): future
                }
            }.get()
        }
    }

    private static func with(
        _ count: Int, timeout: TimeAmount = .seconds(10), _ body: ([Daemon], RedisServer) async throws -> Void
    ) async throws {
        try await withTemporaryDirectory { directory in
            let server = try await RedisServer.start(directory: directory)
            var daemons: [Daemon] = []
            for _ in 0..<count { daemons.append(try await Daemon(server, timeout: timeout)) }
            try await body(daemons, server)
            for daemon in daemons { await daemon.redis.close() }
        }
    }

    private static func microseconds(_ server: RedisServer) async throws -> Int64 {
        let parts = try await server.command("TIME").split(whereSeparator: \.isNewline).compactMap { Int64($0) }
        try #require(parts.count == 2)
        return parts[0] * 1_000_000 + parts[1]
    }

    /// Fails where each daemon counts for itself, where an advance is spent twice, and where what is left of one is.
    @Test("Two daemons together never admit more than rate and burst allow")
    func together() async throws {
        try await Self.with(2) { daemons, server in
            let policy = try RatePolicy("500/s:200")
            let start = try await Self.microseconds(server)
            let admitted = try await withThrowingTaskGroup(of: Int64.self) { group in
                for daemon in daemons {
                    for _ in 0..<8 {
                        group.addTask {
                            var admitted: Int64 = 0
                            for _ in 0..<400 where try await daemon.admit("a", policy).isAllowed { admitted += 1 }
                            return admitted
                        }
                    }
                }
                return try await group.reduce(0, +)
            }
            let end = try await Self.microseconds(server)
            #expect(admitted <= policy.burst + (end - start) / policy.interval)
            #expect(admitted >= policy.burst / 2, "and what the burst allows is given")
        }
    }

    /// Fails where an advance is asked for call by call.
    @Test("A busy caller costs far fewer questions than calls")
    func advances() async throws {
        try await Self.with(1) { daemons, server in
            let policy = try RatePolicy("1000000/s:1000000")
            for _ in 0..<2_000 { #expect(try await daemons[0].admit("a", policy).isAllowed) }
            let figures = try await server.command("INFO", "commandstats")
            let line = try #require(
                figures.split(whereSeparator: \.isNewline).first { $0.contains("cmdstat_evalsha:") })
            let calls = try #require(line.firstMatch(of: /calls=([0-9]+)/).flatMap { Int($0.1) })
            #expect(calls < 400)
        }
    }

    /// Fails where each refused call is asked about again.
    @Test("A refusal is remembered until its time has come")
    func refusals() async throws {
        try await Self.with(1) { daemons, server in
            let policy = try RatePolicy("1/h:1")
            #expect(try await daemons[0].admit("a", policy).isAllowed)
            for _ in 0..<500 { #expect(try await !daemons[0].admit("a", policy).isAllowed) }
            let figures = try await server.command("INFO", "commandstats")
            let line = try #require(
                figures.split(whereSeparator: \.isNewline).first { $0.contains("cmdstat_evalsha:") })
            let calls = try #require(line.firstMatch(of: /calls=([0-9]+)/).flatMap { Int($0.1) })
            #expect(calls <= 3)
        }
    }

    /// Fails where a wait is rounded down, and where a refusal is remembered for too long.
    @Test("Who waits as long as told is not refused again")
    func obedience() async throws {
        try await Self.with(2) { daemons, _ in
            let policy = try RatePolicy("50/s:5")
            var wasRefused = false
            var refusals = 0
            for number in 0..<200 {
                let decision = try await daemons[number % 2].admit("a", policy)
                #expect(!(wasRefused && !decision.isAllowed), "refused twice in a row")
                wasRefused = !decision.isAllowed
                if wasRefused {
                    refusals += 1
                    try await Task.sleep(for: .microseconds(decision.retryAfter))
                }
            }
            #expect(refusals > 10, "else nothing was shown")
        }
    }

    @Test("Callers do not share a limit, nor do classes")
    func apart() async throws {
        try await Self.with(1) { daemons, _ in
            let policy = try RatePolicy("1/h:1")
            #expect(try await daemons[0].admit("a", policy).isAllowed)
            #expect(try await daemons[0].admit("b", policy).isAllowed)
            #expect(try await !daemons[0].admit("a", policy).isAllowed)
        }
    }

    @Test(
        "A Redis that has lost everything has only forgotten: callers begin anew, except where a refusal is remembered")
    func forgotten() async throws {
        try await Self.with(2) { daemons, server in
            let policy = try RatePolicy("1/h:1")
            #expect(try await daemons[0].admit("a", policy).isAllowed)
            #expect(try await !daemons[0].admit("a", policy).isAllowed)
            try await server.command("FLUSHALL")
            #expect(try await daemons[1].admit("a", policy).isAllowed)
            #expect(try await !daemons[0].admit("a", policy).isAllowed)
        }
    }

    /// Fails in a table that grows with whoever calls.
    @Test("Of very many callers the oldest are forgotten")
    func bounded() async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let limiter = CallerRateLimiter(redis: nil)
        let policy = try RatePolicy("1/h:1")
        func isAllowed(_ caller: String) -> Bool {
            guard case .decided(let decision) = limiter.admit(caller, to: .read, under: policy, on: loop) else {
                return false
            }
            return decision.isAllowed
        }
        #expect(isAllowed("first"))
        #expect(!isAllowed("first"))
        for number in 0..<200_000 where !isAllowed("\(number)") { Issue.record("\(number) is new") }
        #expect(isAllowed("first"))
    }

    @Test("Without Redis the same limit holds in each daemon, and with it again all are one", arguments: [false, true])
    func withoutRedis(isFrozen: Bool) async throws {
        try await Self.with(1, timeout: .milliseconds(20)) { daemons, server in
            let policy = try RatePolicy("1/h:3")
            if isFrozen { try server.pause() } else { try await server.killHard() }
            if !isFrozen {
                try await eventually("no connection") {
                    daemons[0].redis.connection(on: daemons[0].loop) == nil ? () : nil
                }
            }
            var allowed = 0
            for _ in 0..<10 where try await daemons[0].admit("a", policy).isAllowed { allowed += 1 }
            #expect(allowed == 3)
            if isFrozen { try server.resume() } else { try await server.restart() }
            try await daemons[0].connected()
            #expect(try await daemons[0].admit("c", policy).isAllowed)
        }
    }
}
