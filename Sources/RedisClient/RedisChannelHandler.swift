import NIOCore
import Synchronization

/// What others may see of a connection without being on its event loop.
final class RedisConnectionFlags: Sendable {
    private let open = Atomic(true)
    private let overdue = Atomic(false)

    var isOpen: Bool { open.load(ordering: .acquiring) }

    var isOverdue: Bool {
        get { overdue.load(ordering: .acquiring) }
        set { overdue.store(newValue, ordering: .releasing) }
    }

    func noteClosed() { open.store(false, ordering: .releasing) }
}

/// Carries commands out and replies in: the protocol's state with a channel and a clock. On its event loop only.
final class RedisChannelHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    typealias Completion = (Result<RedisValue, RedisError>) -> Void

    /// A timer serves many commands, so time-outs are noticed this much later; and as much again, see ``timePassed()``.
    private static let resolution = TimeAmount.milliseconds(2)
    /// Longer than any sensible one, so that sums do not overflow.
    private static let timeoutMax = TimeAmount.hours(1)

    let flags = RedisConnectionFlags()
    private let eventLoop: any EventLoop
    private var state: RedisProtocolState<Completion>
    private var context: ChannelHandlerContext?
    /// Commands of this turn of the loop.
    private var pending = ByteBuffer()
    /// When the first of them came; nothing while there is none.
    private var turnBegan: NIODeadline?
    /// Who has more to send when they leave.
    private var departing: [() -> Void] = []
    private var timer: (at: NIODeadline, task: Scheduled<Void>)?
    /// A time-out has passed, and the loop has had a turn since to read what had come by then.
    private var hasReadAgain = false
    /// Why it was closed.
    private(set) var closeReason: String?
    /// Called once, when it is closed and before those who wait are told.
    var onClose: ((_ why: String) -> Void)?

    init(eventLoop: any EventLoop, limits: RedisLimits = RedisLimits()) {
        self.eventLoop = eventLoop
        state = RedisProtocolState(limits: limits)
    }

    // MARK: Commands

    func send(_ command: RedisCommand, timeout: TimeAmount, _ completion: @escaping Completion) {
        eventLoop.preconditionInEventLoop()
        guard let bytes = command.bytes else { return refuse(.overloaded, completion) }
        let now = eventLoop.now
        let deadline = now + max(.zero, min(timeout, Self.timeoutMax))
        if let refusal = state.enqueue(completion, bytes: bytes.readableBytes, deadline: deadline) {
            return refuse(refusal, completion)
        }
        pending.writeImmutableBuffer(bytes)
        beginTurn(at: now)
        scheduleTimer(now: now)
    }

    func beforeDeparture(_ action: @escaping () -> Void) {
        eventLoop.preconditionInEventLoop()
        departing.append(action)
        beginTurn(at: eventLoop.now)
    }

    func close(_ why: String) {
        eventLoop.preconditionInEventLoop()
        perform(state.close(why))
    }

    private func refuse(_ error: RedisError, _ completion: @escaping Completion) {
        eventLoop.assumeIsolated().execute { completion(.failure(error)) }
    }

    private func beginTurn(at now: NIODeadline) {
        guard turnBegan == nil else { return }
        turnBegan = now
        eventLoop.assumeIsolated().execute { self.flush() }
    }

    private func flush() {
        while !departing.isEmpty {
            let actions = departing
            departing = []
            for action in actions { action() }
        }
        if let turnBegan { state.turnEnded(after: eventLoop.now - turnBegan) }
        turnBegan = nil
        guard let context, state.isOpen, pending.readableBytes > 0 else { return }
        let bytes = pending
        pending = context.channel.allocator.buffer(capacity: min(bytes.readableBytes, 16 << 10))
        let count = bytes.readableBytes
        context.writeAndFlush(wrapOutboundOut(bytes)).assumeIsolated().whenSuccess { self.state.sent(count) }
    }

    // MARK: The channel

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        perform(state.close("the connection is gone"))
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        perform(state.received(unwrapInboundIn(data)))
    }

    func channelInactive(context: ChannelHandlerContext) {
        perform(state.close("the server closed the connection"))
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        perform(state.close(RedisTrouble.describe(error)))
    }

    // MARK: What follows

    /// Nobody is told before the state is as it should be: they may send, or close, at once.
    private func perform(_ actions: RedisProtocolState<Completion>.Actions) {
        noteOverdue()
        if let why = actions.close {
            flags.noteClosed()
            closeReason = why
            pending = ByteBuffer()
            timer?.task.cancel()
            timer = nil
            let told = onClose
            onClose = nil
            context?.close(promise: nil)
            told?(why)
        }
        for answer in actions.answers { answer.waiter(answer.result) }
    }

    private func noteOverdue() {
        // Read by others all the time, so it is written only when it changes.
        if flags.isOverdue != state.isOverdue { flags.isOverdue = state.isOverdue }
    }

    // MARK: Time

    private func scheduleTimer(now: NIODeadline) {
        guard let deadline = state.nextDeadline else { return }
        let at = max(deadline, now + Self.resolution)
        if let timer {
            guard at < timer.at else { return }
            timer.task.cancel()
        }
        timer = (at, eventLoop.assumeIsolated().scheduleTask(deadline: at) { self.timePassed() })
    }

    /// Nobody is given up before the loop has read once more: after a turn that was unusually long, or a moment in which
    /// the whole process stood still, the reply has long been there.
    private func timePassed() {
        timer = nil
        let now = eventLoop.now
        let isDue = state.nextDeadline.map { $0 <= now } ?? false
        if !isDue || hasReadAgain {
            hasReadAgain = false
            perform(state.timePassed(now: now))
            scheduleTimer(now: now)
        } else {
            hasReadAgain = true
            let at = now + Self.resolution
            timer = (at, eventLoop.assumeIsolated().scheduleTask(deadline: at) { self.timePassed() })
        }
    }
}
