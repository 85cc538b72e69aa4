import NIOCore
import NIOPosix
import Synchronization

/// Sends back what it gets, and remembers it.
final class EchoServer: Sendable {
    let port: Int
    private let listener: any Channel
    private let heard: Heard

    /// All that came, from all connections.
    var received: String { heard.text.withLock { $0 } }

    init() async throws {
        let heard = Heard()
        listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(EchoHandler(heard))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        guard let port = listener.localAddress?.port else { throw ChannelError.unknownLocalAddress }
        self.port = port
        self.heard = heard
    }

    deinit { listener.close(promise: nil) }

    fileprivate final class Heard: Sendable {
        let text = Mutex("")
    }
}

private final class EchoHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let heard: EchoServer.Heard

    init(_ heard: EchoServer.Heard) {
        self.heard = heard
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        heard.text.withLock { $0 += String(buffer: bytes) }
        context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
    }
}
