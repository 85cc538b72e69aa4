import Synchronization

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Whether Ctrl-C has come since work that minds it has begun.
private let hasBeenInterrupted = Atomic(false)

/// Writes no more than a signal's handler may.
private func onInterrupt(_ signal: Int32) {
    guard !hasBeenInterrupted.exchange(true, ordering: .relaxed) else { _exit(ExitStatus.interrupted.rawValue) }
    let code = errno
    let text: StaticString = "\nFinishing what is under way; Ctrl-C again leaves at once.\n"
    _ = unsafe write(2, text.utf8Start, text.utf8CodeUnitCount)
    errno = code
}

/// How the process meets signals, and how it ends.
enum Interrupts {
    /// A pipe that nobody reads any more is an error like others, not a signal. Ctrl-C ends a command where it is, unless
    /// it minds (``gently(_:)``).
    static func watch() {
        signal(SIGPIPE, SIG_IGN)
    }

    /// Ctrl-C is left to the work, which looks for it with ``check()`` and ends where nothing is left open; a second one
    /// ends the process where it is. In a shell Ctrl-C cancels the command's task, and here nothing is to be done.
    static func gently<Value>(_ work: () async throws -> Value) async throws -> Value {
        guard !Invocation.current.isInShell else { return try await work() }
        let before = signal(SIGINT, onInterrupt)
        // What was told to be ignored, by a script's `&` say, stays so.
        if unsafe unsafeBitCast(before, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self) {
            _ = signal(SIGINT, before)
        }
        defer { _ = signal(SIGINT, before) }
        return try await work()
    }

    /// - Throws: `CancellationError` when the work is to end.
    static func check() throws {
        if Task.isCancelled || hasBeenInterrupted.load(ordering: .relaxed) { throw CancellationError() }
    }

    /// At once: there is nothing to be closed that the system does not close, and the event loops would take their time.
    static func exit(_ code: Int32) -> Never { _exit(code) }
}
