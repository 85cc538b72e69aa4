import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// Keeps one event loop connected: connects, asks who answers, watches that it stays the same, and begins again.
final class RedisLink: Sendable {
    private static let connectTimeout = TimeAmount.seconds(1)
    private static let watchInterval = TimeAmount.milliseconds(250)

    private struct State {
        var live: RedisConnection?
        var trouble: String?
        var isClosed = false
        /// There is an attempt or a connection.
        var isBusy = false
        var backoff = RedisBackoff()
        var channel: (any Channel)?
        var nextAttempt: Scheduled<Void>?
        var ended: EventLoopPromise<Void>?
    }

    let eventLoop: any EventLoop
    private let url: RedisURL
    private let standing: RedisStanding
    private let tls: RedisTLS?
    private let state = Mutex(State())

    init(eventLoop: any EventLoop, url: RedisURL, tls: RedisTLS?, standing: RedisStanding) {
        self.eventLoop = eventLoop
        self.url = url
        self.tls = tls
        self.standing = standing
    }

    /// The connection, if it is open and known.
    var live: RedisConnection? {
        guard let live = state.withLock({ $0.live }), live.isOpen else { return nil }
        return live
    }

    /// Why there is none.
    var trouble: String? { state.withLock { $0.trouble } }

    func start() { eventLoop.execute { self.attempt() } }

    /// Ends when nothing is left of it.
    func close() -> EventLoopFuture<Void> {
        let ended = eventLoop.makePromise(of: Void.self)
        eventLoop.execute {
            let (isBusy, channel) = self.state.withLock { state in
                state.isClosed = true
                state.nextAttempt?.cancel()
                let earlier = state.ended
                state.ended = ended
                if let earlier { ended.futureResult.cascade(to: earlier) }
                return (state.isBusy, state.channel)
            }
            if !isBusy { return ended.succeed() }
            if let channel, let handler = Self.handler(of: channel) { handler.close("this side closed the connection") }
        }
        return ended.futureResult
    }

    // MARK: On the event loop

    private func attempt() {
        let mayBegin = state.withLock { state in
            guard !state.isClosed, !state.isBusy else { return false }
            state.isBusy = true
            return true
        }
        guard mayBegin else { return }
        connect().whenComplete { result in
            switch result {
            case .success(let channel): self.connected(channel)
            case .failure(let error): self.lost(RedisTrouble.describe(error))
            }
        }
    }

    private func connect() -> EventLoopFuture<any Channel> {
        let (tls, eventLoop, endpoint) = (self.tls, self.eventLoop, url.endpoint)
        let bootstrap = ClientBootstrap(group: eventLoop).connectTimeout(Self.connectTimeout)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let tls { try pipeline.addHandler(tls.handler()) }
                    try pipeline.addHandler(RedisChannelHandler(eventLoop: eventLoop))
                }
            }
        switch endpoint {
        case .tcp(let host, let port): return bootstrap.connect(host: host, port: port)
        case .unix(let path): return bootstrap.connect(unixDomainSocketPath: path)
        }
    }

    private static func handler(of channel: any Channel) -> RedisChannelHandler? {
        try? channel.pipeline.syncOperations.handler(type: RedisChannelHandler.self)
    }

    private func connected(_ channel: any Channel) {
        guard let handler = Self.handler(of: channel), handler.closeReason == nil else {
            channel.close(promise: nil)
            return lost("the server closed the connection")
        }
        handler.onClose = { self.lost($0) }
        let isClosed = state.withLock { state in
            state.channel = channel
            return state.isClosed
        }
        guard !isClosed else { return handler.close("this side closed the connection") }
        RedisHandshake.identify(handler, database: url.database, greeting: url) { result in
            switch result {
            case .failure(let refusal): handler.close(refusal.description)
            case .success(let identity): self.identified(identity, handler)
            }
        }
    }

    private func identified(_ identity: RedisIdentity, _ handler: RedisChannelHandler) {
        guard handler.closeReason == nil else { return }
        let connection = RedisConnection(eventLoop: eventLoop, identity: identity, handler: handler)
        state.withLock { state in
            state.live = connection
            state.trouble = nil
            state.backoff = RedisBackoff()
        }
        watch(identity, handler)
        standing.gained(identity, on: eventLoop)
    }

    /// Asks again and again whether it is still the same.
    private func watch(_ identity: RedisIdentity, _ handler: RedisChannelHandler) {
        eventLoop.assumeIsolated().scheduleTask(in: Self.watchInterval) {
            guard handler.closeReason == nil else { return }
            RedisHandshake.identify(handler, database: self.url.database) { result in
                switch result {
                case .failure(let refusal): handler.close(refusal.description)
                case .success(identity): self.watch(identity, handler)
                case .success: handler.close("another Redis answers, or its history is another one")
                }
            }
        }
    }

    private func lost(_ why: String) {
        let why = url.redacted(why)
        let (isClosed, ended, channel) = state.withLock { state in
            defer { state.channel = nil }
            state.live = nil
            state.trouble = why
            state.isBusy = false
            if !state.isClosed {
                state.nextAttempt = eventLoop.scheduleTask(in: state.backoff.next()) { self.attempt() }
            }
            return (state.isClosed, state.isClosed ? state.ended : nil, state.channel)
        }
        standing.lost(why, on: eventLoop, isWanted: !isClosed)
        guard let ended else { return }
        guard let channel else { return ended.succeed() }
        channel.closeFuture.whenComplete { _ in ended.succeed() }
    }
}

/// How long to wait before the next attempt: longer each time, and by chance, so that many clients of a server that
/// comes back do not come all at once.
struct RedisBackoff: Sendable {
    static let shortest = TimeAmount.milliseconds(50)
    static let longest = TimeAmount.milliseconds(500)

    private var base = shortest

    init() {}

    /// From half of the base to one and a half of it.
    mutating func next() -> TimeAmount {
        defer { base = min(base * 2, Self.longest) }
        return .nanoseconds(Int64.random(in: base.nanoseconds / 2...base.nanoseconds * 3 / 2))
    }
}
