import Logging
import NIOCore
import Synchronization

/// How all connections of a client stand together, and what is logged of it: each change once, and not every attempt.
final class RedisStanding: Sendable {
    private struct State {
        /// The loops that have a connection.
        var live: Set<ObjectIdentifier> = []
        /// The identity that was learned last.
        var identity: RedisIdentity?
        /// `nil` before anything is known.
        var isUp: Bool?
        /// The reasons logged since it was up.
        var told: [String] = []
    }

    private static let toldMax = 4

    private let display: String
    private let logger: Logger
    private let state = Mutex(State())

    init(display: String, logger: Logger) {
        self.display = display
        self.logger = logger
    }

    /// Of the connection that was identified last, while at least one is live.
    var identity: RedisIdentity? { state.withLock { $0.live.isEmpty ? nil : $0.identity } }

    func gained(_ identity: RedisIdentity, on loop: any EventLoop) {
        let isNews = state.withLock { state in
            state.live.insert(ObjectIdentifier(loop))
            state.identity = identity
            state.told = []
            defer { state.isUp = true }
            return state.isUp != true
        }
        if isNews { logger.notice("Redis is connected", metadata: ["redis": "\(display)"]) }
    }

    /// - Parameter isWanted: this side did not close it.
    func lost(_ why: String, on loop: any EventLoop, isWanted: Bool) {
        let isNews = state.withLock { state in
            state.live.remove(ObjectIdentifier(loop))
            guard state.live.isEmpty else { return false }
            state.isUp = false
            guard isWanted, !state.told.contains(why), state.told.count < Self.toldMax else { return false }
            state.told.append(why)
            return true
        }
        if isNews {
            logger.warning("Redis is not connected", metadata: ["redis": "\(display)", "reason": "\(why)"])
        }
    }
}
