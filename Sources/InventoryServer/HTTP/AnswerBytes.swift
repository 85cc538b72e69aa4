import NIOCore
import NIOHTTP1

/// What a connection's handlers hand on towards the client.
enum AnswerPart {
    /// As the framework has it.
    case part(HTTPServerResponsePart)
    /// All of an answer: one step through the handlers, where its parts would be three.
    case whole(HTTPResponseHead, ByteBuffer)
}

/// Puts an answer that comes in one go on the wire as one buffer. NIO's encoder makes two of it, one for the head and one
/// for the body, and takes three parts and the system's dearer call for that. What comes piece by piece, or without a
/// length, is left to the encoder.
///
/// It stands right behind the encoder, and writes past it.
final class AnswerBytes: ChannelOutboundHandler {
    typealias OutboundIn = AnswerPart
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
        case .whole(let head, let body): write(head, body, promise, context)
        case .part(.head(let head)) where Self.isHeld(head): held = Held(head: head, promise: promise)
        case .part(.body(.byteBuffer(let body)))
        where held != nil && held?.body == nil && body.readableBytes <= Self.bodyBytesMax:
            held?.body = body
            held?.promise.setOrCascade(to: promise)
        case .part(.end(nil)):
            guard var held, let encoder = encoder(context) else { return pass(.end(nil), promise, context) }
            self.held = nil
            held.promise.setOrCascade(to: promise)
            encoder.write(Self.bytes(held.head, held.body, context), promise: held.promise)
        case .part(let part): pass(part, promise, context)
        }
    }

    private func write(
        _ head: HTTPResponseHead, _ body: ByteBuffer, _ promise: EventLoopPromise<Void>?,
        _ context: ChannelHandlerContext
    ) {
        guard Self.isHeld(head), body.readableBytes <= Self.bodyBytesMax, let encoder = encoder(context) else {
            pass(.head(head), nil, context)
            pass(.body(.byteBuffer(body)), nil, context)
            return pass(.end(nil), promise, context)
        }
        release(context)
        encoder.write(Self.bytes(head, body, context), promise: promise)
    }

    /// What has been held back is wanted now.
    func flush(context: ChannelHandlerContext) {
        release(context)
        context.flush()
    }

    private func pass(
        _ part: HTTPServerResponsePart, _ promise: EventLoopPromise<Void>?, _ context: ChannelHandlerContext
    ) {
        release(context)
        context.write(wrapOutboundOut(part), promise: promise)
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

    private static func bytes(_ head: HTTPResponseHead, _ body: ByteBuffer?, _ context: ChannelHandlerContext) -> NIOAny
    {
        // Put together in an array: a buffer asks for each small text whether it may be changed.
        var text: [UInt8] = []
        text.reserveCapacity(640)
        text += "HTTP/1.1 ".utf8
        text += String(head.status.code).utf8
        text.append(UInt8(ascii: " "))
        text += head.status.reasonPhrase.utf8
        text += lineEnd
        for (name, value) in head.headers {
            text += name.utf8
            text += ": ".utf8
            text += value.utf8
            text += lineEnd
        }
        text += lineEnd
        var bytes = context.channel.allocator.buffer(capacity: text.count + (body?.readableBytes ?? 0))
        bytes.writeBytes(text)
        if let body { bytes.writeImmutableBuffer(body) }
        return NIOAny(IOData.byteBuffer(bytes))
    }

    private static let lineEnd: [UInt8] = [0x0D, 0x0A]
}
