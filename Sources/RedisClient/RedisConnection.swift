package import NIOCore

/// One connection to one Redis of which it is known which one it is. A command that was meant for this connection goes
/// over no other.
package final class RedisConnection: Sendable {
    /// Where it lives, and where completions are called.
    package let eventLoop: any EventLoop

    /// Which Redis it leads to; that does not change as long as it is open.
    package let identity: RedisIdentity

    private let flags: RedisConnectionFlags
    private let handler: NIOLoopBound<RedisChannelHandler>

    /// On the event loop.
    init(eventLoop: any EventLoop, identity: RedisIdentity, handler: RedisChannelHandler) {
        self.eventLoop = eventLoop
        self.identity = identity
        flags = handler.flags
        self.handler = NIOLoopBound(handler, eventLoop: eventLoop)
    }

    /// Whether commands are taken. It may end at any time, so each command says for itself what became of it.
    package var isOpen: Bool { flags.isOpen }

    /// Whether the time-out of a command has passed and its reply has not come yet.
    package var isOverdue: Bool { flags.isOverdue }

    /// Sends a command; on the event loop only.
    ///
    /// - Parameter completion: called on the event loop, exactly once, and never before this returns. It may send more,
    ///   or close.
    package func send(
        _ command: RedisCommand, timeout: TimeAmount,
        _ completion: @escaping (Result<RedisValue, RedisError>) -> Void
    ) {
        handler.value.send(command, timeout: timeout, completion)
    }

    /// Sends a command, from anywhere.
    package func send(_ command: RedisCommand, timeout: Duration) async throws(RedisError) -> RedisValue {
        let result: Result<RedisValue, RedisError> = await withCheckedContinuation { continuation in
            eventLoop.execute {
                self.send(command, timeout: TimeAmount(timeout)) { continuation.resume(returning: $0) }
            }
        }
        return try result.get()
    }

    /// Has something called when the commands of this turn of the event loop leave: what it sends leaves with them. On the
    /// event loop only.
    ///
    /// - Parameter action: called exactly once, also where the connection has ended by then and takes nothing.
    package func beforeDeparture(_ action: @escaping () -> Void) { handler.value.beforeDeparture(action) }

    /// Closes it, from anywhere; all who wait are answered ``RedisError/closed(_:)``. Its client makes a new one.
    package func close(_ why: String) {
        flags.noteClosed()
        if eventLoop.inEventLoop {
            handler.value.close(why)
        } else {
            eventLoop.execute { self.handler.value.close(why) }
        }
    }
}
