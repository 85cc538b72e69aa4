import NIOCore
import NIOPosix
import Synchronization

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Many connections that say the same and then hold still, each of them open for as long as the server likes.
package final class Crowd: Sendable {
    private let members: [Member]

    /// One connection.
    private struct Member: Sendable {
        let channel: any Channel
        let heard: Heard
    }

    /// - Parameters:
    ///   - reads: whether it takes what the server sends. If not, it takes the beginning, and its system a few kilobytes.
    package init(_ count: Int, port: Int, host: String = "127.0.0.1", saying text: String = "", reads: Bool = true)
        async throws
    {
        Self.raiseFileLimit()
        var members: [Member] = []
        for _ in 0..<count {
            let heard = Heard()
            var bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .channelOption(ChannelOptions.autoRead, value: reads)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(heard) }
                }
            if !reads { bootstrap = bootstrap.channelOption(ChannelOptions.socketOption(.so_rcvbuf), value: 4_096) }
            let channel = try await bootstrap.connect(host: host, port: port).get()
            if !text.isEmpty { channel.writeAndFlush(ByteBuffer(string: text), promise: nil) }
            if !reads { channel.read() }
            members.append(Member(channel: channel, heard: heard))
        }
        self.members = members
    }

    /// What each has heard so far.
    package var answers: [String] { members.map(\.heard.text) }

    /// How many have heard anything.
    package var begun: Int { members.count { $0.heard.hasBegun } }

    /// How many the server has closed.
    package var closed: Int { members.filter { !$0.channel.isActive }.count }

    /// Says something more, where there is still somebody to hear it.
    package func say(_ text: String) {
        let bytes = ByteBuffer(string: text)
        for member in members { member.channel.writeAndFlush(bytes, promise: nil) }
    }

    /// They go, all at once.
    package func disperse() async {
        for member in members { member.channel.close(promise: nil) }
        for member in members { try? await member.channel.closeFuture.get() }
    }

    private static func raiseFileLimit() {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}

private final class Heard: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer

    private let bytes = Mutex(ByteBuffer())

    var hasBegun: Bool { bytes.withLock { $0.readableBytes > 0 } }
    var text: String { bytes.withLock { String(buffer: $0) } }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = unwrapInboundIn(data)
        bytes.withLock { _ = $0.writeImmutableBuffer(part) }
    }

    // Who is cut off is closed, however rudely.
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
