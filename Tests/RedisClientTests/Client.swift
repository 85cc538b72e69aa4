import Logging
import NIOCore
import NIOPosix
import RedisClient
import Synchronization
import TestSupport

/// Runs `body` with a server of its own.
func withRedis(
    socket: Bool = false, password: String? = nil, arguments: [String] = [],
    _ body: (RedisServer) async throws -> Void
) async throws {
    try await withTemporaryDirectory { directory in
        let server = try await RedisServer.start(
            directory: directory, socket: socket, password: password, arguments: arguments)
        try await body(server)
    }
}

/// Runs `body` with a client that has been started and is closed afterwards.
func withClient(
    _ url: String, loops: Int = 1, logger: Logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
    _ body: (RedisClient) async throws -> Void
) async throws {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: loops)
    let client = RedisClient(url: try RedisURL(url), group: group, logger: logger)
    client.start()
    let result: Result<Void, any Error>
    do {
        result = .success(try await body(client))
    } catch {
        result = .failure(error)
    }
    await client.close()
    try await group.shutdownGracefully()
    try result.get()
}

extension RedisClient {
    /// One of its connections, as soon as there is one.
    func connected(otherThan old: RedisIdentity? = nil) async throws -> RedisConnection {
        try await eventually("a connection to Redis") { connections.first { $0.identity != old } }
    }

    /// What is said of its trouble, as soon as that has a part of it: on a busy machine there may be other trouble first.
    @discardableResult
    func trouble(_ part: String) async throws -> String {
        try await eventually("trouble with \(part)") { lastTrouble?.contains(part) == true ? lastTrouble : nil }
    }
}

/// Keeps what is logged.
final class RecordedLog: Sendable {
    private let recorded = Mutex<[String]>([])

    /// Level, message and metadata of what was logged at notice or above.
    var lines: [String] { recorded.withLock { $0 } }

    var logger: Logger { Logger(label: "test") { _ in Handler(log: self) } }

    private struct Handler: LogHandler {
        let log: RecordedLog
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.notice

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let extra = (event.metadata ?? [:]).map { "\($0)=\($1)" }.sorted().joined(separator: " ")
            log.recorded.withLock { $0.append("\(event.level) \(event.message) \(extra)") }
        }
    }
}
