import InventoryKit
import Synchronization

/// Ends waiting when its time is up, whatever libmongoc is doing on its thread. One task looks at all who wait, since a
/// timer for each would cost more than most calls.
final class Deadlines: Sendable {
    /// How late somebody may be told that time is up.
    private static let interval = Duration.milliseconds(50)

    private struct State {
        var overdue: [UInt64: @Sendable () -> Void] = [:]
        /// In the order in which they will be over, for all wait equally long.
        var order: [(id: UInt64, instant: ContinuousClock.Instant)] = []
        var first = 0
        var nextID: UInt64 = 0
    }

    let timeout: Duration
    private let state = Mutex(State())
    private let ticker = Mutex<Task<Void, Never>?>(nil)

    init(timeout: Duration) {
        self.timeout = timeout
    }

    func start() {
        ticker.withLock { ticker in
            ticker = Task { [weak self] in
                while !Task.isCancelled {
                    try? await Task.sleep(for: Self.interval)
                    self?.endWhatIsOverdue()
                }
            }
        }
    }

    func stop() { ticker.withLock { $0?.cancel() } }

    /// Calls `overdue` when time is up, unless ``forget(_:)`` came first.
    func add(_ overdue: @escaping @Sendable () -> Void) -> UInt64 {
        let instant = ContinuousClock.now + timeout
        return state.withLock { state in
            state.nextID += 1
            state.overdue[state.nextID] = overdue
            state.order.append((state.nextID, instant))
            return state.nextID
        }
    }

    func forget(_ id: UInt64) { _ = state.withLock { $0.overdue.removeValue(forKey: id) } }

    private func endWhatIsOverdue() {
        let now = ContinuousClock.now
        let calls = state.withLock { state in
            var calls: [@Sendable () -> Void] = []
            while state.first < state.order.count,
                case let entry = state.order[state.first],
                entry.instant <= now || state.overdue[entry.id] == nil
            {
                if let call = state.overdue.removeValue(forKey: entry.id) { calls.append(call) }
                state.first += 1
            }
            if state.first > 1_024 || state.first == state.order.count {
                state.order.removeFirst(state.first)
                state.first = 0
            }
            return calls
        }
        for call in calls { call() }
    }
}

/// Somebody who waits for one answer, and gets exactly one: the first.
final class Waiter<Value: Sendable>: Sendable {
    private struct State {
        var continuation: CheckedContinuation<Result<Value, InventoryError>, Never>?
        var deadline: (of: Deadlines, id: UInt64)?
        var isAnswered = false
        var overdue = InventoryError.Trouble.outOfReach
    }

    private let state = Mutex(State())

    var isAnswered: Bool { state.withLock { $0.isAnswered } }

    /// - Parameter overdue: what is told when the deadline passes.
    func wait(
        _ continuation: CheckedContinuation<Result<Value, InventoryError>, Never>, until deadlines: Deadlines,
        overdue: InventoryError.Trouble
    ) {
        state.withLock { state in
            state.continuation = continuation
            state.overdue = overdue
        }
        let id = deadlines.add { [weak self] in self?.giveUp() }
        state.withLock { $0.deadline = (deadlines, id) }
    }

    /// From now on nobody can say that it has not happened.
    ///
    /// - Returns: whether it may be sent at all: not when time ran out and the client was told so.
    func markSent() -> Bool {
        state.withLock { state in
            state.overdue = .outcomeUnknown
            return !state.isAnswered
        }
    }

    /// It is known that nothing has been sent.
    func markUnsent() { state.withLock { $0.overdue = .outOfReach } }

    func answer(_ result: Result<Value, InventoryError>) {
        let (continuation, deadline) = state.withLock { state in
            defer {
                state.continuation = nil
                state.isAnswered = true
            }
            return (state.continuation, state.deadline)
        }
        if let deadline { deadline.of.forget(deadline.id) }
        continuation?.resume(returning: result)
    }

    /// Tells what is known without an answer: that it has not happened, or that nobody can say.
    func giveUp() {
        answer(.failure(.unavailable(state.withLock { $0.overdue })))
    }
}
