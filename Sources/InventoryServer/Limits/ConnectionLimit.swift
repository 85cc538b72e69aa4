import InventoryKit
import NIOCore
import NIOHTTP1
import Synchronization

/// Keeps one address from taking all the connections there are: one too many is told so and closed at once.
///
/// Nothing is kept of it, not even until the client has read why: what a refused connection costs is what the limit is
/// there to bound.
final class ConnectionLimit: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundOut = AnswerPart

    /// What applies to every connection, and how many there are by now.
    struct Policy: Sendable {
        fileprivate let counts = Counts()

        /// Where all of them are counted, whoever they come from.
        let figures: ConnectionFigures

        /// How many connections the address may have; nothing for one that is not counted.
        let limit: @Sendable (IPAddress) -> Int?

        /// The answer to one too many, from whom it is.
        let refusal: @Sendable (_ caller: String) -> AdmissionHandler.Answer
    }

    /// Connections by whom they come from. The lock is taken twice in a connection's life and never for a request.
    fileprivate final class Counts: Sendable {
        private let counts = Mutex<[String: Int]>([:])

        /// - Returns: with the new one.
        func add(_ caller: String) -> Int {
            counts.withLock { counts in
                counts[caller, default: 0] += 1
                return counts[caller, default: 0]
            }
        }

        func remove(_ caller: String) {
            counts.withLock { counts in
                guard let count = counts[caller] else { return }
                counts[caller] = count > 1 ? count - 1 : nil
            }
        }
    }

    private let policy: Policy
    private var counted: String?
    private var isOpen = false
    private var isRefused = false

    init(_ policy: Policy) {
        self.policy = policy
    }

    func channelActive(context: ChannelHandlerContext) {
        isOpen = true
        policy.figures.opened()
        guard let address = context.remoteAddress.flatMap(IPAddress.init), let limit = policy.limit(address) else {
            return context.fireChannelActive()
        }
        let caller = address.caller
        counted = caller
        guard policy.counts.add(caller) > limit else { return context.fireChannelActive() }
        isRefused = true
        policy.figures.refused()
        var answer = policy.refusal(caller)
        answer.head.headers.replaceOrAdd(name: "Connection", value: "close")
        context.writeAndFlush(wrapOutboundOut(.whole(answer.head, answer.body)), promise: nil)
        context.close(promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if !isRefused { context.fireChannelRead(data) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        forget()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { forget() }

    private func forget() {
        if isOpen { policy.figures.closed() }
        isOpen = false
        if let counted { policy.counts.remove(counted) }
        counted = nil
    }
}

/// Connections of the REST API.
final class ConnectionFigures: Sendable {
    private let current = Atomic<Int>(0)
    private let turnedAway = Atomic<UInt64>(0)

    /// Those there are now.
    var open: Int { current.load(ordering: .relaxed) }

    /// Those that were one too many for their address, since the process began.
    var refusals: UInt64 { turnedAway.load(ordering: .relaxed) }

    fileprivate func opened() { current.add(1, ordering: .relaxed) }
    fileprivate func closed() { current.subtract(1, ordering: .relaxed) }
    fileprivate func refused() { turnedAway.add(1, ordering: .relaxed) }
}
