import NIOCore
import Synchronization

/// Turns at reading a list and writing it out: so many at once, while the others wait, in turn by caller.
///
/// A page may have 26 MB and take a processor for a tenth of a second. Of a thousand that are asked for at once each would
/// be served, the last after a minute, and whoever wants a single product or ten would stand behind them. So lists have
/// a part of the store only, whoever asks for many waits for his own, and who has waited for long is told to come again.
package final class ListTurns: Sendable {
    private struct Waiter {
        let since = ContinuousClock.now
        let turn: CheckedContinuation<Bool, Never>
    }

    private struct State {
        var free: Int
        var waiting = 0
        var waiters: [String: CircularBuffer<Waiter>] = [:]
        /// Those who wait, the next first.
        var callers = CircularBuffer<String>()
    }

    private let state: Mutex<State>
    private let patience: Duration

    /// - Parameters:
    ///   - count: lists at once.
    ///   - patience: who has waited for longer when a turn is free does not get it.
    package init(_ count: Int, patience: Duration = .seconds(2)) {
        state = Mutex(State(free: count))
        self.patience = patience
    }

    /// Those who wait.
    var waiting: Int { state.withLock { $0.waiting } }

    /// Waits for a turn, which ends with ``leave()``.
    ///
    /// - Parameters:
    ///   - caller: whose turns are counted together.
    ///   - most: how many may wait.
    /// - Returns: whether there is one; otherwise too many wait, most of them this caller's, or it has waited for too long.
    func take(for caller: String, waitingAtMost most: Int) async -> Bool {
        await withCheckedContinuation { continuation in
            let (hasTurn, displaced): (Bool?, Waiter?) = state.withLock { state in
                if state.free > 0 {
                    state.free -= 1
                    return (true, nil)
                }
                var displaced: Waiter?
                if state.waiting >= most {
                    displaced = Self.displace(for: caller, in: &state)
                    guard displaced != nil else { return (false, nil) }
                }
                state.waiting += 1
                if state.waiters[caller] == nil { state.callers.append(caller) }
                state.waiters[caller, default: []].append(Waiter(turn: continuation))
                return (nil, displaced)
            }
            displaced?.turn.resume(returning: false)
            if let hasTurn { continuation.resume(returning: hasTurn) }
        }
    }

    func leave() {
        let (next, late) = state.withLock { state in
            var late: [Waiter] = []
            while let waiter = Self.next(&state) {
                if waiter.since.duration(to: .now) <= patience { return (Waiter?.some(waiter), late) }
                late.append(waiter)
            }
            state.free += 1
            return (nil, late)
        }
        for waiter in late { waiter.turn.resume(returning: false) }
        next?.turn.resume(returning: true)
    }

    /// Makes room where somebody has more waiting than the caller would have: his last one goes. Otherwise whoever asks
    /// for the most would keep everybody else from waiting at all.
    private static func displace(for caller: String, in state: inout State) -> Waiter? {
        guard let most = state.waiters.max(by: { $0.value.count < $1.value.count }),
            most.value.count > (state.waiters[caller]?.count ?? 0) + 1, let last = state.waiters[most.key]?.popLast()
        else { return nil }
        state.waiting -= 1
        return last
    }

    private static func next(_ state: inout State) -> Waiter? {
        guard let caller = state.callers.popFirst(), let waiter = state.waiters[caller]?.popFirst() else { return nil }
        state.waiting -= 1
        if state.waiters[caller]?.isEmpty ?? true {
            state.waiters[caller] = nil
        } else {
            state.callers.append(caller)
        }
        return waiter
    }
}
