import InventoryKit
import NIOCore
import NIOHTTP1
import NIOPosix

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The daemon, as tools see it: over its admin socket.
package struct AdminClient: Sendable {
    private static let connectTimeout = TimeAmount.seconds(5)

    /// Where it may be, in the order in which to look.
    private let places: [String]
    private let timeout: Duration

    /// What the tool was told to do, for the daemon's log.
    private let command: String?

    /// - Parameters:
    ///   - path: of the socket; nothing for the default places.
    ///   - timeout: of an answer that comes as a whole.
    ///   - command: without secrets.
    package init(
        socket path: String?, environment: [String: String], timeout: Duration = .seconds(30), command: String? = nil
    ) {
        places = path.map { [$0] } ?? AdminSocketPlace.defaults(environment: environment, userID: geteuid())
        self.timeout = timeout
        // A header's line ends where the text has one.
        self.command = command.map { text in
            String(decoding: text.utf8.prefix(300).map { (0x20...0x7E).contains($0) ? $0 : 0x3F }, as: UTF8.self)
        }
    }

    /// Connects, makes requests, and closes.
    ///
    /// - Throws: ``AdminError``, and what `body` throws.
    package func connected<Value: Sendable>(
        _ body: (AdminConnection) async throws -> Value
    ) async throws -> Value {
        let channel = try await connect()
        return try await channel.executeThenClose { inbound, outbound in
            try await body(
                AdminConnection(
                    channel: channel.channel, outbound: outbound, parts: inbound.makeAsyncIterator(), timeout: timeout,
                    command: command))
        }
    }

    /// One request on a connection of its own.
    ///
    /// - Throws: ``AdminError``.
    package func send(_ request: AdminRequest) async throws -> AdminAnswer {
        try await connected { try await $0.send(request) }
    }

    /// Anybody may make a directory in /tmp, also one that is called like a daemon's: there only what root or this user
    /// has made is taken for it.
    private func isTrustworthy(_ path: String) -> Bool {
        guard path.hasPrefix("/tmp/"), places.count > 1 else { return true }
        var status = stat()
        return unsafe lstat(path, &status) == 0 && (status.st_uid == 0 || status.st_uid == geteuid())
    }

    private func connect() async throws(AdminError) -> AdminConnection.Channel {
        // One that cannot be used need not be the only one.
        var trouble: AdminError?
        for path in places {
            guard path.utf8.count <= AdminSocketPlace.pathLimit else {
                trouble = trouble ?? .pathTooLong(path: path)
                continue
            }
            guard isTrustworthy(path) else { continue }
            do {
                return try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                    .connectTimeout(Self.connectTimeout)
                    .connect(unixDomainSocketPath: path) { channel in
                        channel.eventLoop.makeCompletedFuture {
                            try channel.pipeline.syncOperations.addHTTPClientHandlers(
                                enableOutboundHeaderValidation: true)
                            return try NIOAsyncChannel(wrappingChannelSynchronously: channel)
                        }
                    }
            } catch {
                switch (error as? IOError)?.errnoCode {
                case EACCES, EPERM: trouble = trouble ?? .noPermission(path: path)
                case ENOENT, ECONNREFUSED, ENOTDIR, ENOTSOCK: continue
                default: trouble = trouble ?? .closed("cannot connect to \(path): \(error)")
                }
            }
        }
        throw trouble ?? .notRunning(tried: places)
    }
}
