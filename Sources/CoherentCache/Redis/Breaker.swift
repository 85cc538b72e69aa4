import Synchronization

/// Keeps a Redis that is too slow from costing every read its time-out: when it happens again and again, nobody asks for
/// a while, each time twice as long (Nygard, "Release It!", 2007: circuit breaker).
///
/// It has nothing to do for one that does not answer at all, nor for a moment in which it did not: a connection that owes
/// a reply is not used, and is used again as soon as that has come.
final class Breaker: Sendable {
    private static let shortest = Duration.milliseconds(50)
    private static let longest = Duration.seconds(2)

    /// After so long without a time-out the next one counts as the first.
    private static let memory = Duration.seconds(2)

    private struct State {
        var pause = Duration.zero
        var trippedAt = BootTime(nanoseconds: 0)
    }

    private let state = Mutex(State())
    private let openUntil = Atomic<Int64>(0)

    func allows(at now: BootTime) -> Bool { now.nanoseconds >= openUntil.load(ordering: .relaxed) }

    /// A read that was sent at `sent` has had no answer in time.
    func trip(sent: BootTime, at now: BootTime) {
        state.withLock { state in
            // All that were under way together are one failure.
            guard sent >= state.trippedAt else { return }
            if now < state.trippedAt + state.pause + Self.memory {
                state.pause = max(Self.shortest, min(state.pause * 2, Self.longest))
            } else {
                state.pause = .zero
            }
            state.trippedAt = now
            openUntil.store((now + state.pause).nanoseconds, ordering: .relaxed)
        }
    }
}
