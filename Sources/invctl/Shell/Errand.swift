import Synchronization

/// Work of the async world that the shell's thread waits for, or gives up.
struct Errand<Outcome: Sendable> {
    private final class Answer: Sendable {
        let outcome = Mutex<Outcome?>(nil)
    }

    private let answer: Answer
    private let task: Task<Void, Never>

    /// - Parameter pipe: woken when it is done.
    init(waking pipe: EventPipe, _ work: @escaping @Sendable () async -> Outcome) {
        let answer = Answer()
        self.answer = answer
        task = Task {
            let outcome = await work()
            answer.outcome.withLock { $0 = outcome }
            pipe.wake()
        }
    }

    /// `nil` until it is done.
    var outcome: Outcome? { answer.outcome.withLock { $0 } }

    func cancel() { task.cancel() }
}
