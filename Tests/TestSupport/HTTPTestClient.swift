package import InventoryKit
import NIOCore
package import NIOHTTP1
import NIOPosix
import Synchronization

/// A small HTTP/1.1 client for tests: keep-alive connections, as many as there are requests at once.
package final class HTTPTestClient: Sendable {
    package struct Reply: Sendable {
        package let status: Int
        package let headers: HTTPHeaders
        package let body: [UInt8]

        package var text: String { String(decoding: body, as: UTF8.self) }

        /// The body as JSON; `null` where it is none.
        package var json: JSON { (try? JSONDocument(parsing: body).root) ?? .null }

        package func header(_ name: String) -> String? { headers.first(name: name) }
    }

    private let port: Int
    private let idle = Mutex<[any Channel]>([])

    package init(port: Int) {
        self.port = port
    }

    /// Sends a request and waits for its answer. A body without a content type is sent as JSON.
    package func send(
        _ method: HTTPMethod, _ path: String, headers: [(String, String)] = [], body: String? = nil
    ) async throws -> Reply {
        let channel = try await connection()
        var fields = HTTPHeaders([("Host", "127.0.0.1:\(port)")] + headers)
        if let body {
            if !fields.contains(name: "Content-Type") { fields.add(name: "Content-Type", value: "application/json") }
            fields.add(name: "Content-Length", value: String(body.utf8.count))
        }
        let head = HTTPRequestHead(version: .http1_1, method: method, uri: path, headers: fields)
        let promise = channel.eventLoop.makePromise(of: NIOHTTPClientResponseFull.self)
        let exchange = HTTPExchange(head: head, body: body.map { ByteBuffer(string: $0) }, reply: promise)
        // A connection may be gone by now; then nothing is written, and there is nothing to wait for.
        channel.writeAndFlush(exchange).whenFailure { promise.fail($0) }
        let response = try await promise.futureResult.get()
        if response.head.isKeepAlive { idle.withLock { $0.append(channel) } }
        let bytes = response.body.map { Array($0.readableBytesView) } ?? []
        return Reply(status: Int(response.head.status.code), headers: response.head.headers, body: bytes)
    }

    package func get(_ path: String, headers: [(String, String)] = []) async throws -> Reply {
        try await send(.GET, path, headers: headers)
    }

    /// Posts JSON, under an idempotency key where one is given.
    package func post(_ path: String, key: String? = nil, _ body: String) async throws -> Reply {
        try await send(.POST, path, headers: key.map { [("Idempotency-Key", $0)] } ?? [], body: body)
    }

    private func connection() async throws -> any Channel {
        while let channel = idle.withLock({ $0.popLast() }) { if channel.isActive { return channel } }
        return try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHTTPClientHandlers()
                    try pipeline.addHandler(NIOHTTPClientResponseAggregator(maxContentLength: 64 * 1_024 * 1_024))
                    try pipeline.addHandler(ReplyHandler())
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
    }
}

/// A request, and who waits for its answer.
private struct HTTPExchange: Sendable {
    let head: HTTPRequestHead
    let body: ByteBuffer?
    let reply: EventLoopPromise<NIOHTTPClientResponseFull>
}

private final class ReplyHandler: ChannelDuplexHandler {
    typealias InboundIn = NIOHTTPClientResponseFull
    typealias OutboundIn = HTTPExchange
    typealias OutboundOut = HTTPClientRequestPart

    private var expected: EventLoopPromise<NIOHTTPClientResponseFull>?

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let exchange = unwrapOutboundIn(data)
        expected = exchange.reply
        context.write(wrapOutboundOut(.head(exchange.head)), promise: nil)
        if let body = exchange.body { context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil) }
        context.write(wrapOutboundOut(.end(nil)), promise: promise)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        expected?.succeed(unwrapInboundIn(data))
        expected = nil
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        expected?.fail(error)
        expected = nil
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        expected?.fail(ChannelError.eof)
        expected = nil
        context.fireChannelInactive()
    }
}
