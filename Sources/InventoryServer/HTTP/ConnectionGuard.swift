import InventoryKit
import NIOCore
import NIOHTTP1

/// Stands between HTTP's parser and everything else on a connection, and answers what the framework would leave
/// unanswered or answer by itself: malformed HTTP gets a problem document, a body that dribbles and a client that does
/// not read are cut off, `Expect: 100-continue` is met, `Connection: close` and what HTTP/1.0 has of it are kept to, idle
/// connections are closed, and all are when the server stops.
final class ConnectionGuard: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = AnswerPart
    typealias OutboundOut = AnswerPart

    /// How the server words an answer that no route gives, to which request if there is one, and whether it logs it.
    typealias Reject =
        @Sendable (
            ProblemCode, _ detail: String, HTTPRequestHead?, _ isLogged: Bool
        ) -> AdmissionHandler.Answer

    struct Limits: Sendable {
        /// For the whole body of an ordinary request, and for any progress of a streamed one.
        var bodyTimeout = TimeAmount.seconds(30)

        /// How long a body that is under way may still take when the server stops: less than the stop itself.
        var stopTimeout = TimeAmount.seconds(15)

        /// How long a client may take to read ``writeProgress`` of what was sent to it.
        var writeTimeout = TimeAmount.seconds(30)

        /// Bytes that have to go out in that time, while there are as many.
        var writeProgress = 32 * 1_024

        /// A connection on which nothing is under way, or of which a header does not get finished, is closed after this.
        var idleTimeout = TimeAmount.seconds(60)

        /// How long a refused client has to read why, before the connection goes.
        var lingerTimeout = TimeAmount.seconds(2)

        /// Requests on one connection that may have come in and not been answered. Whoever sends ahead without reading would
        /// have a thousand kept in each read.
        var requestsAtOnce = 1_024
    }

    private enum State {
        case open
        /// A problem is to be written when the answers before it are out.
        case rejecting(ProblemCode, String)
        /// The last word has been written; everything that follows is dropped.
        case closing
    }

    private let limits: Limits
    private let isStreamed: @Sendable (_ uri: String) -> Bool
    private let reject: Reject
    private let lastWord: LastWord
    private var state = State.open

    /// Requests of which the head has come in and the end of the answer has not gone out.
    private var openRequests = 0
    /// Bytes have come in that make no head yet, as far as the reads tell: what follows a request in one read is not seen.
    private var isHeadUnfinished = false
    private var hasReadParts = false
    private var isReadingBody = false
    /// The body that is being read was announced, so it has a deadline.
    private var isBodyExpected = false
    /// Of the request that is being read, if its body was announced, or that has just been found wrong.
    private var head: HTTPRequestHead?
    private var isStreaming = false
    private var hasStartedAnswer = false
    private var closesAfterAnswer = false

    /// What is coming in is the last request, by its own word, and then nothing more is heard (RFC 9112, 9.6).
    private var isLastRequest = false
    private var hasReadLastRequest = false
    private var speaksHTTP10 = false

    /// The answer that goes out ends with the connection, so nothing may follow it.
    private var isAnswerOpenEnded = false

    /// The server stops, and no body's time is extended any more.
    private var isStopping = false
    private var bodyTimer: Scheduled<Void>?
    private var writeTimer: Scheduled<Void>?
    private var idleTimer: Scheduled<Void>?
    private var lastActivity = NIODeadline.now()

    init(
        limits: Limits, isStreamed: @escaping @Sendable (String) -> Bool, lastWord: LastWord,
        reject: @escaping Reject
    ) {
        self.limits = limits
        self.isStreamed = isStreamed
        self.lastWord = lastWord
        self.reject = reject
    }

    func handlerAdded(context: ChannelHandlerContext) {
        lastActivity = context.eventLoop.now
        watchIdleness(context)
    }

    func handlerRemoved(context: ChannelHandlerContext) { cancelTimers() }

    func channelInactive(context: ChannelHandlerContext) {
        state = .closing
        cancelTimers()
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // The server stops: what is under way is finished, and nothing else begun.
        guard event is ChannelShouldQuiesceEvent else { return context.fireUserInboundEventTriggered(event) }
        isStopping = true
        closesAfterAnswer = true
        if case .closing = state { return close(context, in: limits.stopTimeout) }
        if openRequests == 0 { return context.close(promise: nil) }
        if isReadingBody {
            startBodyTimer(context, .stopping, "The service is stopping. Try again.", in: limits.stopTimeout)
        }
    }

    private func cancelTimers() {
        for timer in [bodyTimer, writeTimer, idleTimer] { timer?.cancel() }
    }

    /// Looks at the clock now and then, rather than setting a timer anew for each request.
    private func watchIdleness(_ context: ChannelHandlerContext) {
        let idle = context.eventLoop.now - lastActivity
        if openRequests == 0, idle >= limits.idleTimeout {
            guard isHeadUnfinished else { return context.close(promise: nil) }
            return fail(context, .requestTimeout, "The header did not arrive in time.")
        }
        let contextBox = NIOLoopBound(context, eventLoop: context.eventLoop)
        let handlerBox = NIOLoopBound(self, eventLoop: context.eventLoop)
        let wait = openRequests == 0 ? limits.idleTimeout - idle : limits.idleTimeout
        idleTimer = context.eventLoop.scheduleTask(in: wait) { handlerBox.value.watchIdleness(contextBox.value) }
    }

    // MARK: Requests

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .open = state, !hasReadLastRequest else { return }
        hasReadParts = true
        switch unwrapInboundIn(data) {
        case .head(let head):
            isHeadUnfinished = false
            self.head = head
            if let fault = head.fault { return fail(context, .malformedRequest, fault) }
            guard openRequests < limits.requestsAtOnce else {
                return fail(
                    context, .overloaded,
                    "\(limits.requestsAtOnce) requests on this connection have no answer yet. Read the answers first.")
            }
            openRequests += 1
            isReadingBody = true
            isStreaming = isStreamed(head.uri)
            speaksHTTP10 = head.version.minor == 0
            isLastRequest = !head.isKeepAlive || head.asksForUpgrade
            if isLastRequest { closesAfterAnswer = true }
            meetExpectation(of: head, context: context)
            isBodyExpected = head.announcesBody
            if !isBodyExpected { self.head = nil }
            context.fireChannelRead(data)
        case .body:
            // A stream lives as long as it moves; an ordinary body has one deadline, so a drip does not extend it.
            if isStreaming, !isStopping { startBodyTimer(context) }
            context.fireChannelRead(data)
        case .end:
            isReadingBody = false
            head = nil
            hasReadLastRequest = isLastRequest
            bodyTimer?.cancel()
            bodyTimer = nil
            context.fireChannelRead(data)
            // Answered before it had been read to the end.
            if closesAfterAnswer, openRequests == 0 { linger(context) }
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        // Most bodies come along with their head, and need no timer.
        if case .open = state, isReadingBody, isBodyExpected, bodyTimer == nil { startBodyTimer(context) }
        if !hasReadParts, openRequests == 0 { isHeadUnfinished = true }
        hasReadParts = false
        context.fireChannelReadComplete()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // To whatever comes in after its first error the parser says that it is in error: the framework, told so, would close
        // at once on a client that is still to read why.
        guard error is HTTPParserError || error is ByteToMessageDecoderError else {
            return context.fireErrorCaught(error)
        }
        guard case .open = state, !hasReadLastRequest else { return }
        switch error as? HTTPParserError {
        case .headerOverflow: fail(context, .headersTooLarge, "The header may have 16 KiB and 100 fields in all.")
        case .invalidEOFState, .closedConnection: context.close(promise: nil)
        default: fail(context, .malformedRequest, "The request is not well-formed HTTP/1.1.")
        }
    }

    private func meetExpectation(of head: HTTPRequestHead, context: ChannelHandlerContext) {
        guard head.headers[canonicalForm: "expect"].contains(where: { $0.lowercased() == "100-continue" }) else {
            return
        }
        // Who announces more than is taken is told so instead of being asked to go on.
        let length = head.headers.first(name: "content-length").flatMap { Int($0) } ?? 0
        guard isStreaming || length <= APILimits.bodyBytes, openRequests == 1, head.version.minor > 0 else { return }
        let goOn = HTTPResponseHead(version: head.version, status: .continue)
        context.writeAndFlush(wrapOutboundOut(.part(.head(goOn))), promise: nil)
    }

    // MARK: Answers

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if case .closing = state {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        switch unwrapOutboundIn(data) {
        case .whole(var head, let body):
            begin(&head)
            context.write(wrapOutboundOut(.whole(head, body)), promise: promise)
            end(context)
        case .part(.head(var head)) where head.status.code >= 200:
            begin(&head)
            context.write(wrapOutboundOut(.part(.head(head))), promise: promise)
        case .part(.end):
            context.write(data, promise: promise)
            end(context)
        case .part:
            // An answer that goes out is progress too: a client cannot send while it is the server that is slow.
            if isStreaming, isReadingBody, !isStopping { startBodyTimer(context) }
            context.write(data, promise: promise)
        }
    }

    /// An answer begins to go out.
    private func begin(_ head: inout HTTPResponseHead) {
        hasStartedAnswer = true
        // Refused before its body was read: what follows on the connection could be that body or another request.
        if isReadingBody, openRequests == 1, !isStreaming || head.status.code >= 400 { closesAfterAnswer = true }
        if speaksHTTP10 { suitHTTP10(&head) }
        if closesAfterAnswer, openRequests == 1 || isAnswerOpenEnded {
            head.headers.replaceOrAdd(name: "Connection", value: "close")
        }
    }

    /// The last of an answer has been written.
    private func end(_ context: ChannelHandlerContext) {
        hasStartedAnswer = false
        openRequests -= 1
        lastActivity = context.eventLoop.now
        guard openRequests == 0 || isAnswerOpenEnded else { return }
        if case .rejecting(let code, let detail) = state, !isAnswerOpenEnded {
            writeProblem(context, code, detail)
        } else if closesAfterAnswer {
            context.flush()
            linger(context)
        }
    }

    /// An old client stays only where it is told that it may, and knows the end of an answer by its length or that of the
    /// connection.
    private func suitHTTP10(_ head: inout HTTPResponseHead) {
        if head.headers.contains(name: "content-length") {
            if !closesAfterAnswer { head.headers.replaceOrAdd(name: "Connection", value: "keep-alive") }
        } else {
            head.version = .http1_0
            closesAfterAnswer = true
            isAnswerOpenEnded = true
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if !context.channel.isWritable {
            watchWrites(context, unsent: nil)
        } else if case .closing = state {
            // The rest is waited for no longer than what went before.
        } else {
            writeTimer?.cancel()
            writeTimer = nil
        }
        context.fireChannelWritabilityChanged()
    }

    /// Cuts off a client that leaves its answer unread: too little of it has gone out since the last look.
    private func watchWrites(_ context: ChannelHandlerContext, unsent: Int?) {
        writeTimer?.cancel()
        let contextBox = NIOLoopBound(context, eventLoop: context.eventLoop)
        let handlerBox = NIOLoopBound(self, eventLoop: context.eventLoop)
        let now = (try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? nil
        if let unsent, let now, now > unsent - limits.writeProgress {
            context.close(promise: nil)
            return
        }
        writeTimer = context.eventLoop.scheduleTask(in: limits.writeTimeout) {
            handlerBox.value.watchWrites(contextBox.value, unsent: now ?? 0)
        }
    }

    // MARK: The end of a connection

    private func startBodyTimer(
        _ context: ChannelHandlerContext, _ code: ProblemCode = .requestTimeout,
        _ detail: String = "The body did not arrive in time.", in timeout: TimeAmount? = nil
    ) {
        bodyTimer?.cancel()
        let contextBox = NIOLoopBound(context, eventLoop: context.eventLoop)
        let handlerBox = NIOLoopBound(self, eventLoop: context.eventLoop)
        bodyTimer = context.eventLoop.scheduleTask(in: timeout ?? limits.bodyTimeout) {
            handlerBox.value.fail(contextBox.value, code, detail)
        }
    }

    private func fail(_ context: ChannelHandlerContext, _ code: ProblemCode, _ detail: String) {
        guard case .open = state else { return }
        bodyTimer?.cancel()
        if hasStartedAnswer, openRequests == 1, isReadingBody {
            // Its answer is half out, so there is no place for another.
            state = .closing
            context.close(promise: nil)
        } else if openRequests == 0 || (openRequests == 1 && isReadingBody) {
            writeProblem(context, code, detail)
        } else {
            // It is told after the answers that are owed before it, of which there is one less if it had begun.
            if isReadingBody { openRequests -= 1 }
            isReadingBody = false
            state = .rejecting(code, detail)
        }
    }

    private func writeProblem(_ context: ChannelHandlerContext, _ code: ProblemCode, _ detail: String) {
        // Somebody works on the request, and will log it.
        let isUnderWay = openRequests == 1 && isReadingBody
        var answer = reject(code, detail, head, !isUnderWay)
        if isUnderWay {
            lastWord.say(.init(code: code, requestID: answer.head.headers.first(name: "x-request-id") ?? "-"))
        }
        answer.head.headers.replaceOrAdd(name: "Connection", value: "close")
        context.writeAndFlush(wrapOutboundOut(.whole(answer.head, answer.body)), promise: nil)
        linger(context)
    }

    /// Says that nothing more comes, and leaves the client time to read before the connection goes: closing at once
    /// on a client that still sends would make its system throw away our answer.
    private func linger(_ context: ChannelHandlerContext) {
        state = .closing
        let contextBox = NIOLoopBound(context, eventLoop: context.eventLoop)
        let handlerBox = NIOLoopBound(self, eventLoop: context.eventLoop)
        let closed = context.eventLoop.makePromise(of: Void.self)
        // The client's time begins when all of the answer is out.
        closed.futureResult.whenComplete { _ in
            let handler = handlerBox.value
            handler.close(contextBox.value, in: handler.limits.lingerTimeout)
        }
        // Which may be never, also where so little is left that the connection counts as writable.
        if writeTimer == nil { watchWrites(context, unsent: nil) }
        context.close(mode: .output, promise: closed)
    }

    private func close(_ context: ChannelHandlerContext, in time: TimeAmount) {
        let contextBox = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: time) { contextBox.value.close(promise: nil) }
    }
}
