import NIOConcurrencyHelpers
import NIOCore
import Synchronization

/// Closes a connection on which nothing has come for too long.
final class Deadline: Sendable {
    private struct State {
        var end: NIODeadline
        var hasPassed = false
        var isOver = false
    }

    private let time: TimeAmount
    private let channel: any Channel
    private let state: Mutex<State>

    init(_ time: Duration, of channel: any Channel) {
        self.time = TimeAmount(time)
        self.channel = channel
        state = Mutex(State(end: .now() + self.time))
        watch(until: .now() + self.time)
    }

    /// From now on it is as long again.
    func extend() { state.withLock { $0.end = .now() + time } }

    /// Until it is extended, nothing is waited for.
    func pause() { state.withLock { $0.end = .distantFuture } }

    func end() { state.withLock { $0.isOver = true } }

    /// What went wrong, in the client's words: an error on a connection that was closed here means that time ran out.
    func explain(_ error: any Error, _ time: Duration) -> AdminError {
        if state.withLock({ $0.hasPassed }) { return .timedOut(seconds: time / .seconds(1)) }
        if let error = error as? AdminError { return error }
        return .closed("\(error)")
    }

    private func watch(until next: NIODeadline) {
        // It may be extended to a time before that, so it is looked at no later than after its length.
        channel.eventLoop.scheduleTask(deadline: min(next, .now() + time)) {
            let next: NIODeadline? = self.state.withLock { state in
                guard !state.isOver else { return nil }
                guard state.end <= .now() else { return state.end }
                state.hasPassed = true
                return nil
            }
            if let next { return self.watch(until: next) }
            if self.state.withLock({ $0.hasPassed }) { self.channel.close(promise: nil) }
        }
    }
}
