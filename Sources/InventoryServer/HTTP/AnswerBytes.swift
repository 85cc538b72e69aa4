import NIOCore
import NIOHTTP1

/// Puts an answer that comes in one go on the wire as one buffer. NIO's encoder makes two of it, one for the head and one
/// for the body, and takes three parts and the system's dearer call for that. What comes piece by piece, or without a
/// length, is left to the encoder.
///
/// It stands right behind the encoder, and writes past it.
final class AnswerBytes: ChannelOutboundHandler {
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// A longer body is not worth being copied.
    private static let bodyBytesMax = 8 * 1_024

    /// An answer of which the end has not come yet.
    private struct Held {
        let head: HTTPResponseHead
        var body: ByteBuffer?
        var promise: EventLoopPromise<Void>?
    }

    private var held: Held?
    private var encoder: ChannelHandlerContext?

    func handlerRemoved(context: ChannelHandlerContext) {
        encoder = nil
        held?.promise?.fail(ChannelError.ioOnClosedChannel)
        held = nil
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(let head) where Self.isHeld(head): held = Held(head: head, promise: promise)
        case .body(.byteBuffer(let body))
        where held != nil && held?.body == nil && body.readableBytes <= Self.bodyBytesMax:
            held?.body = body
            held?.promise.setOrCascade(to: promise)
        case .end(nil):
            guard var held, let encoder = encoder(context) else { return pass(data, promise, context) }
            self.held = nil
            held.promise.setOrCascade(to: promise)
            encoder.write(NIOAny(IOData.byteBuffer(Self.bytes(of: held, context))), promise: held.promise)
        default: pass(data, promise, context)
        }
    }

    /// What has been held back is wanted now.
    func flush(context: ChannelHandlerContext) {
        release(context)
        context.flush()
    }

    private func pass(_ data: NIOAny, _ promise: EventLoopPromise<Void>?, _ context: ChannelHandlerContext) {
        release(context)
        context.write(data, promise: promise)
    }

    private func release(_ context: ChannelHandlerContext) {
        guard let held else { return }
        self.held = nil
        context.write(wrapOutboundOut(.head(held.head)), promise: held.body == nil ? held.promise : nil)
        guard let body = held.body else { return }
        context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: held.promise)
    }

    private static func isHeld(_ head: HTTPResponseHead) -> Bool {
        head.status.code >= 200 && head.version == .http1_1 && head.headers.contains(name: "content-length")
    }

    private func encoder(_ context: ChannelHandlerContext) -> ChannelHandlerContext? {
        if let encoder { return encoder }
        encoder = try? context.pipeline.syncOperations.context(handlerType: HTTPResponseEncoder.self)
        return encoder
    }

    private static func bytes(of answer: Held, _ context: ChannelHandlerContext) -> ByteBuffer {
        // Put together in an array: a buffer asks for each small text whether it may be changed.
        var head: [UInt8] = []
        head.reserveCapacity(640)
        let status = answer.head.status
        head += "HTTP/1.1 ".utf8
        head += String(status.code).utf8
        head.append(UInt8(ascii: " "))
        head += status.reasonPhrase.utf8
        head += lineEnd
        for (name, value) in answer.head.headers {
            head += name.utf8
            head += ": ".utf8
            head += value.utf8
            head += lineEnd
        }
        head += lineEnd
        var bytes = context.channel.allocator.buffer(capacity: head.count + (answer.body?.readableBytes ?? 0))
        bytes.writeBytes(head)
        if let body = answer.body { bytes.writeImmutableBuffer(body) }
        return bytes
    }

    private static let lineEnd: [UInt8] = [0x0D, 0x0A]
}
