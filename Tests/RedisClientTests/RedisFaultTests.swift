import Foundation
import NIOCore
import NIOPosix
import RedisClient
import TestSupport
import Testing

@Suite("A client of a Redis in trouble")
struct RedisFaultTests {
    private static let ping = RedisCommand(["PING"])

    private func ping(_ connection: RedisConnection, timeout: Duration = .seconds(5)) async -> Result<
        RedisValue, RedisError
    > {
        do {
            return .success(try await connection.send(Self.ping, timeout: timeout))
        } catch {
            return .failure(error)
        }
    }

    @Test("After kill -9 it comes back by itself, and knows that it is another process")
    func killed() async throws {
        try await withRedis { server in
            let log = RecordedLog()
            try await withClient(server.url, loops: 2, logger: log.logger) { client in
                let connection = try await client.connected()
                try await server.killHard()
                _ = try await eventually("the end of both connections") { client.connections.isEmpty ? true : nil }
                #expect(client.identity == nil)
                try await client.trouble("refused")
                #expect(await ping(connection) == .failure(.notConnected))
                try await server.restart()
                let next = try await client.connected()
                #expect(next.identity.runID != connection.identity.runID)
                #expect(await ping(next) == .success(.status("PONG")))
                _ = try await eventually("both connections") { client.connections.count == 2 ? true : nil }
                #expect(client.lastTrouble == nil)
                // Each reason once, however many attempts there were.
                #expect(log.lines.filter { $0.contains("refused") }.count == 1)
                #expect(log.lines.first?.hasPrefix("notice") == true && log.lines.last?.hasPrefix("notice") == true)
            }
        }
    }

    @Test("What was under way when the server died is answered as closed")
    func underWay() async throws {
        try await withRedis { server in
            try await withClient(server.url) { client in
                let connection = try await client.connected()
                try server.pause()
                let reply = connection.eventLoop.makePromise(of: RedisValue.self)
                // It has been taken when this returns.
                try await connection.eventLoop.submit {
                    connection.send(Self.ping, timeout: .seconds(60)) {
                        reply.completeWith($0.mapError { $0 as any Error })
                    }
                }.get()
                try await server.killHard()
                let error = await #expect(throws: RedisError.self) { try await reply.futureResult.get() }
                guard case .closed = error else {
                    Issue.record("answered otherwise: \(String(describing: error))")
                    return
                }
            }
        }
    }

    @Test("A server that becomes a replica is left, and is taken again as a master with another history")
    func demoted() async throws {
        try await withRedis { server in
            try await withClient(server.url) { client in
                let connection = try await client.connected()
                try await server.command("REPLICAOF", "127.0.0.1", "1")
                try await client.trouble("role is slave")
                #expect(!connection.isOpen)
                #expect(client.connections.isEmpty)
                try await server.command("REPLICAOF", "NO", "ONE")
                let next = try await client.connected()
                #expect(next.identity.runID == connection.identity.runID)
                #expect(next.identity.replicationID != connection.identity.replicationID)
            }
        }
    }

    @Test("A history that changes under an open connection closes it")
    func historyChanges() async throws {
        try await withRedis { server in
            try await withClient(server.url) { client in
                let connection = try await client.connected()
                try await server.command("DEBUG", "CHANGE-REPL-ID")
                let next = try await client.connected(otherThan: connection.identity)
                #expect(!connection.isOpen)
                #expect(next.identity.runID == connection.identity.runID)
            }
        }
    }

    @Test("A server that stands still: time-outs, a mark, the end of the connection, and recovery")
    func frozen() async throws {
        try await withRedis { server in
            try await withClient(server.url) { client in
                let connection = try await client.connected()
                try server.pause()
                #expect(await ping(connection, timeout: .milliseconds(20)) == .failure(.timedOut))
                // Unless the machine is so busy that it has ended already.
                #expect(connection.isOverdue || !connection.isOpen)
                _ = try await eventually("the end of the connection") { connection.isOpen ? nil : true }
                #expect(client.connections.isEmpty)
                #expect(client.lastTrouble != nil)
                try server.resume()
                let next = try await client.connected()
                #expect(next.identity == connection.identity)
                #expect(await ping(next) == .success(.status("PONG")))
            }
        }
    }

    @Test("A reply that is only late is swallowed, and the connection goes on")
    func late() async throws {
        try await withRedis { server in
            try await withClient(server.url) { client in
                // Again, where the machine is so busy that the reply comes too late altogether.
                let value = try await eventually("an overdue reply on a connection that lasts") {
                    let connection = try await client.connected()
                    try server.pause()
                    let hasty = try? await connection.send(RedisCommand(["ECHO", "first"]), timeout: .milliseconds(20))
                    #expect(hasty == nil)
                    try server.resume()
                    let next = try? await connection.send(RedisCommand(["ECHO", "second"]), timeout: .seconds(5))
                    return connection.isOpen && !connection.isOverdue ? next : nil
                }
                #expect(value == .bytes(ByteBuffer(string: "second")))
            }
        }
    }

    @Test("Where nobody listens, it says so and goes on trying")
    func nobody() async throws {
        let log = RecordedLog()
        let port = FreePort.any()
        try await withClient("redis://127.0.0.1:\(port)", logger: log.logger) { client in
            try await client.trouble("refused")
            #expect(log.lines.filter { $0.contains("refused") }.count == 1)
        }
    }

    @Test("What is no Redis is refused")
    func noRedis() async throws {
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(MailServer()) }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(listener.localAddress?.port)
        try await withClient("redis://127.0.0.1:\(port)") { client in
            try await client.trouble("Protocol error")
            #expect(client.connections.isEmpty)
        }
        try await listener.close()
    }

    @Test("A name that does not resolve is a trouble like others, and closing is possible meanwhile")
    func noName() async throws {
        try await withClient("redis://none.invalid") { client in
            let trouble = try await eventually("a failed attempt") { client.lastTrouble }
            #expect(!trouble.isEmpty)
        }
    }
}

/// Says what mail servers say to everything.
private final class MailServer: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: "500 command unrecognized\r\n")), promise: nil)
    }
}
