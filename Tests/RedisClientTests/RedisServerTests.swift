import Foundation
import NIOCore
import RedisClient
import TestSupport
import Testing

@Suite("A client of a real Redis")
struct RedisServerTests {
    /// Sends, and sees in Redis that it came there.
    private func exchange(_ server: RedisServer, _ url: String, database: Int = 0) async throws {
        try await withClient(url) { client in
            let connection = try await client.connected()
            let reply = try await connection.send(RedisCommand(["SET", "a", "1"]), timeout: .seconds(5))
            #expect(reply == .status("OK"))
            let value = try await connection.send(RedisCommand(["GET", "a"]), timeout: .seconds(5))
            #expect(value == .bytes(ByteBuffer(string: "1")))
            #expect(try await server.command("INFO", "keyspace").contains("db\(database):keys=1"))
            #expect(try await server.command("CLIENT", "LIST").contains("name=inventoryd"))
        }
    }

    @Test("There is one connection for each loop, and it is known which server it leads to")
    func loops() async throws {
        try await withRedis { server in
            try await withClient(server.url, loops: 3) { client in
                let connections = try await eventually("three connections") {
                    client.connections.count == 3 ? client.connections : nil
                }
                let identity = try #require(client.identity)
                #expect(try await server.command("INFO", "server").contains("run_id:\(identity.runID)"))
                #expect(try await server.command("INFO", "replication").contains("replid:\(identity.replicationID)"))
                #expect(Set(connections.map { ObjectIdentifier($0.eventLoop) }).count == 3)
                for connection in connections {
                    #expect(client.connection(on: connection.eventLoop) === connection)
                    #expect(connection.identity == identity)
                    #expect(connection.isOpen && !connection.isOverdue)
                }
                #expect(client.lastTrouble == nil)
            }
        }
    }

    @Test("Closing ends all connections, and none comes back")
    func close() async throws {
        try await withRedis { server in
            try await withClient(server.url, loops: 2) { client in
                let connection = try await client.connected()
                await client.close()
                #expect(client.connections.isEmpty)
                #expect(client.identity == nil)
                #expect(!connection.isOpen)
                await #expect(throws: RedisError.notConnected) {
                    try await connection.send(RedisCommand(["PING"]), timeout: .seconds(5))
                }
                #expect(try await server.command("CLIENT", "LIST").split(separator: "\n").count == 1)
            }
        }
    }

    @Test("A refusal of Redis is told as such, and the connection goes on")
    func refusal() async throws {
        try await withRedis { server in
            try await withClient(server.url) { client in
                let connection = try await client.connected()
                await #expect(throws: RedisError.server("NOSCRIPT No matching script. Please use EVAL.")) {
                    let command = RedisCommand(["EVALSHA", .text(String(repeating: "0", count: 40)), 0])
                    _ = try await connection.send(command, timeout: .seconds(5))
                }
                #expect(try await connection.send(RedisCommand(["PING"]), timeout: .seconds(5)) == .status("PONG"))
            }
        }
    }

    @Test("Eight thousand commands at once are answered in order")
    func many() async throws {
        try await withRedis { server in
            try await withClient(server.url) { client in
                let connection = try await client.connected()
                let replies = try await connection.eventLoop.flatSubmit {
                    let replies = (0..<8_000).map { number in
                        let promise = connection.eventLoop.makePromise(of: RedisValue.self)
                        connection.send(RedisCommand(["ECHO", RedisArgument(number)]), timeout: .seconds(30)) {
                            promise.completeWith($0.mapError { $0 as any Error })
                        }
                        return promise.futureResult
                    }
                    return EventLoopFuture.whenAllSucceed(replies, on: connection.eventLoop)
                }.get()
                #expect(replies == (0..<8_000).map { .bytes(ByteBuffer(string: "\($0)")) })
            }
        }
    }

    @Test("A password, a database number")
    func password() async throws {
        try await withRedis(password: "s@cret") { server in
            try await exchange(server, server.url(database: 3, credentials: ":s%40cret"), database: 3)
        }
    }

    @Test("A user of the access list")
    func user() async throws {
        try await withRedis { server in
            try await server.command("ACL", "SETUSER", "ann", "on", ">pw", "~*", "+@all")
            try await exchange(server, server.url(credentials: "ann:pw"))
        }
    }

    @Test("A wrong password is said to be wrong, and is not repeated", arguments: [":wr0ng", "ann:wr0ng"])
    func wrongPassword(_ credentials: String) async throws {
        try await withRedis(password: "right") { server in
            let log = RecordedLog()
            try await withClient(server.url(credentials: credentials), logger: log.logger) { client in
                let trouble = try await client.trouble("AUTH is refused: WRONGPASS")
                // Several attempts, and one line.
                _ = try await eventually("more attempts") {
                    try await server.command("INFO", "commandstats").split(whereSeparator: \.isNewline)
                        .first { $0.hasPrefix("cmdstat_auth:") }?
                        .split(separator: "=").last.flatMap { Int($0.prefix { $0.isNumber }) }
                        .flatMap { $0 >= 4 ? true : nil }
                }
                #expect(client.connections.isEmpty)
                #expect(client.identity == nil)
                #expect(log.lines.filter { $0.contains("WRONGPASS") }.count == 1)
                #expect(!log.lines.joined().contains("wr0ng"))
                #expect(!trouble.contains("wr0ng"))
            }
        }
    }

    /// Fails where a Redis counts as usable because it answers.
    @Test("One that takes no writes is not used, says why, and is used when it does")
    func noWrites() async throws {
        try await withRedis { server in
            try await withClient(server.url) { client in
                _ = try await client.connected()
                try await server.command("CONFIG", "SET", "min-replicas-to-write", "1")
                try await client.trouble("NOREPLICAS")
                #expect(client.connections.isEmpty)
                try await server.command("CONFIG", "SET", "min-replicas-to-write", "0")
                _ = try await client.connected()
            }
        }
    }

    @Test("A user who may not use scripts is told so")
    func noScripts() async throws {
        try await withRedis { server in
            try await server.command("ACL", "SETUSER", "bob", "on", ">pw", "~*", "+@all", "-@scripting")
            try await withClient(server.url(credentials: "bob:pw")) { client in
                try await client.trouble("NOPERM")
            }
        }
    }

    @Test("No password where one is needed")
    func noPassword() async throws {
        try await withRedis(password: "right") { server in
            try await withClient("redis://127.0.0.1:\(server.port)") { client in
                try await client.trouble("NOAUTH")
            }
        }
    }

    @Test("A database that there is not")
    func noDatabase() async throws {
        try await withRedis { server in
            try await withClient(server.url(database: 99)) { client in
                try await client.trouble("SELECT is refused")
            }
        }
    }

    @Test("A Unix socket, with password and database")
    func unixSocket() async throws {
        try await withRedis(socket: true, password: "pw") { server in
            try await exchange(server, server.url(database: 2), database: 2)
        }
    }

    @Test("TLS where the authority is named, by name and by address")
    func tls() async throws {
        try await withTemporaryDirectory { directory in
            let certificate = try await TestCertificate.make(in: directory)
            let server = try await RedisServer.start(
                directory: directory + "/redis", certificate: certificate, password: "pw")
            try await exchange(server, server.url)
            try await server.command("FLUSHALL")
            try await exchange(server, "rediss://:pw@127.0.0.1:\(server.port)?ca=\(certificate.authority)")
        }
    }

    @Test("TLS is refused without the authority, and where the certificate is for another host")
    func tlsRefused() async throws {
        try await withTemporaryDirectory { directory in
            let certificate = try await TestCertificate.make(in: directory)
            let server = try await RedisServer.start(directory: directory + "/redis", certificate: certificate)
            for (url, trouble) in [
                ("rediss://localhost:\(server.port)", "CERTIFICATE_VERIFY_FAILED"),
                ("rediss://127.0.0.1:\(server.port)?ca=\(directory)/none.pem", "none.pem"),
            ] {
                try await withClient(url) { client in
                    let text = try await client.trouble(trouble)
                    #expect(text.contains("TLS"))
                    #expect(client.connections.isEmpty)
                }
            }
            let other = try await TestCertificate.make(in: directory, names: "DNS:elsewhere.example")
            let elsewhere = try await RedisServer.start(directory: directory + "/other", certificate: other)
            try await withClient("rediss://localhost:\(elsewhere.port)?ca=\(other.authority)") { client in
                try await client.trouble("TLS: ")
                #expect(client.connections.isEmpty)
            }
        }
    }
}
