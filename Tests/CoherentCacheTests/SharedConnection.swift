import InventoryKit
import Logging
import NIOCore
import NIOPosix
import RedisClient
import TestSupport

@testable import CoherentCache

/// One connection to a Redis of the test's own, and the cache's steps over it.
struct SharedConnection: Sendable {
    let server: RedisServer
    let leases: Leases
    let id: ProductID
    var loop: any EventLoop { leases.connection.eventLoop }

    static func with(_ body: (SharedConnection) async throws -> Void) async throws {
        try await withTemporaryDirectory { directory in
            let server = try await RedisServer.start(directory: directory)
            let group = MultiThreadedEventLoopGroup.singleton
            let client = RedisClient(
                url: try RedisURL(server.url), group: group, logger: Logger(label: "") { _ in SwiftLogNoOpLogHandler() }
            )
            client.start()
            let loop = group.next()
            let connection = try await eventually("a connection") { client.connection(on: loop) }
            let leases = Leases(
                connection: connection, generation: "g", scripts: CacheScripts(), writes: JoinedWrites(on: group))
            try await body(
                SharedConnection(server: server, leases: leases, id: try ProductID("6655aabbccddeeff00112233")))
            await client.close()
        }
    }

    /// How often the server has run a command, failures left out.
    func runs(of command: String) async throws -> Int {
        let figures = try await server.command("INFO", "commandstats")
        let line = figures.split(whereSeparator: \.isNewline).first { $0.hasPrefix("cmdstat_\(command):") }
        let calls = line?.firstMatch(of: /calls=([0-9]+)/).flatMap { Int($0.1) } ?? 0
        let failed = line?.firstMatch(of: /failed_calls=([0-9]+)/).flatMap { Int($0.1) } ?? 0
        return calls - failed
    }
}
