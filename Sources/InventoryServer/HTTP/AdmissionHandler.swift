import InventoryKit
import NIOCore
import NIOHTTP1

/// Takes each request first, right on the event loop and ahead of Hummingbird, and does with it what its ``Judge`` says:
/// answers it, at once or later, or passes it on. So a refusal costs next to nothing, and plain requests are answered
/// without the framework's loop and router (`docs/decisions.md`).
///
/// It stands behind ``ConnectionGuard``, which counts its answers like all others. It looks at one request at a time, in
/// their order: while an answer is on its way, is owed, or cannot go out because the client does not read, what comes
/// behind is kept back, and when there is anything kept nothing more is read from the connection. So what is kept is never
/// more than one read brings.
final class AdmissionHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = AnswerPart

    struct Answer: Sendable {
        var head: HTTPResponseHead
        let body: ByteBuffer
    }

    /// What becomes of a request.
    enum Verdict {
        case answer(Answer)
        /// It is passed on, and its answer gets these fields.
        case pass(RateFields?)
        /// Its body is wanted, and then a verdict again, which may be ``pass(_:)`` only at once: the body is not kept. Where
        /// not all of it has come along with the head, the request is passed on: to wait for a body is not done here.
        case gather(RateFields?, _ take: (ByteBuffer) -> Void)
    }

    /// Takes the verdict on a request, on the connection's event loop.
    struct Tell {
        fileprivate let handler: AdmissionHandler
        fileprivate let context: ChannelHandlerContext

        /// - Returns: whether the request still waited for it; not where its connection has ended.
        @discardableResult func callAsFunction(_ verdict: Verdict) -> Bool { handler.settle(verdict, context) }

        /// Whether the request still waits for it.
        var isAwaited: Bool { handler.isWaiting }
    }

    /// Says what becomes of a request, at once or later.
    typealias Judge = @Sendable (HTTPRequestHead, Peer, any EventLoop, Tell) -> Void

    private enum State {
        /// Parts are passed on as they come.
        case passing
        /// The request that is coming in gets this answer when it is complete.
        case answering(Answer)
        /// The request that is coming in has been answered before it was complete.
        case dropping
        /// What becomes of the request is not known yet; most are complete by then.
        case waiting(HTTPRequestHead, ByteBuffer? = nil, isComplete: Bool)
        /// The request that is coming in is kept until its body is complete, or the read is over.
        case gathering(HTTPRequestHead, ByteBuffer?, RateFields?, take: (ByteBuffer) -> Void)
    }

    /// What came in behind a request that is not through.
    private enum Later {
        case part(HTTPServerRequestPart)
        case inputClosed
    }

    private let judge: Judge
    private var state = State.passing
    private var later = CircularBuffer<Later>()
    private var isCatchingUp = false

    /// Something was passed on since the framework last heard that a read was over.
    private var hasPassedOn = false
    private var isJudging = false

    /// Somebody asked to read on while that was not wanted.
    private var readIsOwed = false

    /// A request was passed on, and its answer has not gone out in whole.
    private var isAnswerOwed = false

    /// What the answer to the request that was passed on gets.
    private var fields: RateFields?
    private var peer: Peer?

    init(judge: @escaping Judge) {
        self.judge = judge
    }

    private var isWaiting: Bool { if case .waiting = state { true } else { false } }

    // MARK: Requests

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = unwrapInboundIn(data)
        if later.isEmpty, isNext(part, context) { take(part, context) } else { later.append(.part(part)) }
    }

    /// Whether it is the part's turn, if nothing stands before it.
    private func isNext(_ part: HTTPServerRequestPart, _ context: ChannelHandlerContext) -> Bool {
        switch (part, state) {
        case (.end, .waiting(_, _, isComplete: false)): true
        case (_, .waiting): false
        case (.head, _): !isAnswerOwed && context.channel.isWritable
        default: true
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event as? ChannelEvent == .inputClosed { passOnWhatIsIncomplete(context) }
        // Told of the end before the requests, the framework would not take them any more.
        if isWaiting || !later.isEmpty, event as? ChannelEvent == .inputClosed {
            later.append(.inputClosed)
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    func read(context: ChannelHandlerContext) {
        // One more read may be under way while a request waits: to forbid it and allow it again costs two calls of the
        // system for each request.
        if later.isEmpty { context.read() } else { readIsOwed = true }
    }

    private func isNext(_ next: Later, _ context: ChannelHandlerContext) -> Bool {
        switch next {
        case .part(let part): isNext(part, context)
        case .inputClosed: !isWaiting
        }
    }

    private func take(_ part: HTTPServerRequestPart, _ context: ChannelHandlerContext) {
        switch (part, state) {
        case (.head(let head), _): begin(head, context)
        case (.end, .waiting(let head, let body, _)): state = .waiting(head, body, isComplete: true)
        case (.body(let more), .gathering(let head, var body, let fields, let take)):
            body.setOrWriteImmutableBuffer(more)
            state = .gathering(head, body, fields, take: take)
        case (.end, .gathering(let head, let body, _, let take)):
            state = .waiting(head, body, isComplete: true)
            ask { take(body ?? ByteBuffer()) }
            // It may be a piece of a larger buffer, and nobody counts it any more.
            if case .waiting = state { state = .waiting(head, isComplete: true) }
        // It needs no body, and one that comes all the same says nothing.
        case (.body, .answering), (.body, .dropping): break
        case (.end, .dropping): state = .passing
        case (.end, .answering(let answer)):
            state = .passing
            write(answer, context)
        default: pass(part, context)
        }
    }

    private func pass(_ part: HTTPServerRequestPart, _ context: ChannelHandlerContext) {
        hasPassedOn = true
        context.fireChannelRead(wrapInboundOut(part))
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        passOnWhatIsIncomplete(context)
        hasPassedOn = false
        context.fireChannelReadComplete()
    }

    private func begin(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let peer = self.peer ?? Peer(context.channel.remoteAddress)
        self.peer = peer
        state = .waiting(head, isComplete: false)
        ask { judge(head, peer, context.eventLoop, Tell(handler: self, context: context)) }
    }

    private func ask(_ question: () -> Void) {
        isJudging = true
        question()
        isJudging = false
    }

    private func passOnWhatIsIncomplete(_ context: ChannelHandlerContext) {
        guard case .gathering(let head, let body, let fields, _) = state else { return }
        perform(.pass(fields), on: head, body, isComplete: false, context)
    }

    private func perform(
        _ verdict: Verdict, on head: HTTPRequestHead, _ body: ByteBuffer?, isComplete: Bool,
        _ context: ChannelHandlerContext
    ) {
        switch verdict {
        case .pass(let fields):
            isAnswerOwed = true
            self.fields = fields
            state = .passing
            pass(.head(head), context)
            if let body { pass(.body(body), context) }
        case .gather(let fields, let take): state = .gathering(head, body, fields, take: take)
        // A small body is let in first, so that the connection can go on; a long one is not waited for.
        case .answer(let answer) where !isComplete && Self.hasLongBody(head):
            state = .dropping
            write(answer, context)
        case .answer(let answer): state = .answering(answer)
        }
    }

    private static func hasLongBody(_ head: HTTPRequestHead) -> Bool {
        if head.headers.contains(name: "transfer-encoding") { return true }
        guard let length = head.headers.first(name: "content-length") else { return false }
        return Int(length).map { $0 > 64 * 1_024 } ?? true
    }

    private func write(_ answer: Answer, _ context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(.whole(answer.head, answer.body)), promise: nil)
    }

    // MARK: Waiting

    /// Does with the request that waited what its verdict says, and then takes up what came in behind it.
    ///
    /// - Returns: whether it still waited.
    fileprivate func settle(_ verdict: Verdict, _ context: ChannelHandlerContext) -> Bool {
        guard case .waiting(let head, let body, let isComplete) = state else { return false }
        perform(verdict, on: head, body, isComplete: isComplete, context)
        if isComplete { take(.end(nil), context) }
        if !isCatchingUp, !isJudging { catchUp(context) }
        return true
    }

    private func catchUp(_ context: ChannelHandlerContext) {
        isCatchingUp = true
        while let next = later.first, isNext(next, context) {
            later.removeFirst()
            switch next {
            case .part(let part): take(part, context)
            case .inputClosed: context.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
            }
        }
        isCatchingUp = false
        // All that has come was kept, and is through.
        if later.isEmpty { passOnWhatIsIncomplete(context) }
        // What was passed on outside of a read is looked at only after one.
        if hasPassedOn { channelReadComplete(context: context) }
        guard later.isEmpty, readIsOwed else { return }
        readIsOwed = false
        context.read()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        context.fireChannelWritabilityChanged()
        if context.channel.isWritable, !later.isEmpty, !isCatchingUp { catchUp(context) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        forget()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { forget() }

    private func forget() {
        state = .passing
        later.removeAll()
    }

    // MARK: Answers

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(var head) where head.status.code >= 200 && fields != nil:
            fields?.add(to: &head.headers)
            context.write(wrapOutboundOut(.part(.head(head))), promise: promise)
        case .end(let trailers):
            isAnswerOwed = false
            fields = nil
            context.write(wrapOutboundOut(.part(.end(trailers))), promise: promise)
            goOnSoon(context)
        case let part: context.write(wrapOutboundOut(.part(part)), promise: promise)
        }
    }

    /// When this answer is out: what follows it must not be begun in the middle of writing it.
    private func goOnSoon(_ context: ChannelHandlerContext) {
        guard !later.isEmpty else { return }
        let contextBox = NIOLoopBound(context, eventLoop: context.eventLoop)
        let handlerBox = NIOLoopBound(self, eventLoop: context.eventLoop)
        context.eventLoop.execute {
            let handler = handlerBox.value
            if !handler.isWaiting, !handler.isCatchingUp { handler.catchUp(contextBox.value) }
        }
    }
}

/// Who is at the other end of a connection.
struct Peer: Sendable {
    let address: IPAddress?

    /// As whom it is limited, where it speaks for itself.
    let caller: String

    init(_ address: SocketAddress?) {
        self.address = address.flatMap(IPAddress.init)
        caller = self.address?.caller ?? "local"
    }
}
