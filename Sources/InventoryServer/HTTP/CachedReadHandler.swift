import InventoryKit
import NIOCore
import NIOHTTP1

/// The fast way through: answers a plain read of a product that is in memory right on the event loop, ahead of
/// Hummingbird, and passes everything else on. It is worth half as many reads again (`docs/decisions.md`).
///
/// It stands behind ``ConnectionGuard``, which counts its answers like all others, and it answers only while nothing
/// that was passed on is still open, so pipelined requests are answered in their order.
final class CachedReadHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// The answer to a request that can be answered at once.
    typealias Read = @Sendable (HTTPRequestHead) -> (HTTPResponseHead, ByteBuffer)?

    private let read: Read
    private var answer: (head: HTTPResponseHead, body: ByteBuffer)?

    /// Requests passed on of which the answer has not gone out in whole.
    private var passedOn = 0

    init(read: @escaping Read) {
        self.read = read
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            // A client that asks and does not read takes the ordinary way, which stops reading from it.
            if passedOn == 0, context.channel.isWritable, let answer = read(head) {
                self.answer = answer
            } else {
                passedOn += 1
                context.fireChannelRead(data)
            }
        case .body:
            // A read needs no body, and one that comes all the same says nothing.
            if answer == nil { context.fireChannelRead(data) }
        case .end:
            guard let (head, body) = answer else { return context.fireChannelRead(data) }
            answer = nil
            context.write(wrapOutboundOut(.head(head)), promise: nil)
            context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if case .end = unwrapOutboundIn(data) { passedOn -= 1 }
        context.write(data, promise: promise)
    }
}
