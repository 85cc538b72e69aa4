import Glibc
import Synchronization

/// Where the handler of signals writes.
private let signalReceiver = Atomic<Int32>(-1)

/// Wakes the shell's thread. Signals arrive in it as bytes, and so does the news that work is done: so the thread has a
/// single place to wait in, and no handler does more than write one byte.
final class EventPipe: Sendable {
    private let reader: Int32
    private let writer: Int32

    /// - Returns: `nil` when the process may open no more files.
    init?() {
        var ends: [Int32] = [-1, -1]
        guard unsafe pipe(&ends) == 0 else { return nil }
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        (reader, writer) = (ends[0], ends[1])
    }

    deinit {
        close(reader)
        close(writer)
    }

    /// Wakes the thread without a signal.
    func wake() {
        var nothing: UInt8 = 0
        // A full pipe wakes it as well.
        _ = unsafe write(writer, &nothing, 1)
    }

    /// Waits until something comes to pass.
    /// - Parameters:
    ///   - input: a descriptor to be watched as well.
    ///   - deadline: `nil` waits for ever.
    /// - Returns: the signals, and whether there is input.
    func wait(
        input: Int32 = -1, until deadline: ContinuousClock.Instant? = nil
    ) -> (signals: [Int32], hasInput: Bool) {
        var polled = [
            pollfd(fd: reader, events: Int16(POLLIN), revents: 0), pollfd(fd: input, events: Int16(POLLIN), revents: 0),
        ]
        let timeout = deadline.map { deadline in
            let (seconds, attoseconds) = (deadline - .now).components
            return seconds < 0
                ? 0 : Int32(clamping: min(seconds, 3_600) * 1_000 + attoseconds / 1_000_000_000_000_000 + 1)
        }
        guard unsafe poll(&polled, 2, timeout ?? -1) > 0 else { return ([], false) }
        var signals: [Int32] = []
        if polled[0].revents != 0 {
            var bytes = [UInt8](repeating: 0, count: 64)
            let count = unsafe read(reader, &bytes, bytes.count)
            signals = bytes.prefix(max(0, count)).filter { $0 != 0 }.map(Int32.init)
        }
        return (signals, polled[1].revents != 0)
    }

    /// Brings signals here from now on.
    func receive(_ signals: [Int32]) -> SignalRoute { SignalRoute(signals, to: writer) }
}

/// Signals on their way to a pipe, until it is ended.
final class SignalRoute {
    private let saved: [(signal: Int32, action: sigaction)]
    private let receiverBefore: Int32

    fileprivate init(_ signals: [Int32], to writer: Int32) {
        receiverBefore = signalReceiver.exchange(writer, ordering: .sequentiallyConsistent)
        saved = signals.map { signal in
            var action = sigaction()
            _ = unsafe sigaction(signal, nil, &action)
            return (signal, action)
        }
        // What was told to be ignored, by nohup say, stays so.
        for (signal, action) in saved where !action.isIgnored { Self.catchSignal(signal) }
    }

    /// Everything as it was before.
    func end() {
        for (signal, action) in saved {
            var action = action
            _ = unsafe sigaction(signal, &action, nil)
        }
        signalReceiver.store(receiverBefore, ordering: .sequentiallyConsistent)
    }

    /// Stops the process, as Ctrl-Z does; comes back when it is continued.
    func suspend() {
        _ = signal(SIGTSTP, SIG_DFL)
        // To this thread, so it is stopped before the handler is back in place. Threads begun by those of the async
        // world have signals blocked.
        var stop = sigset_t()
        var mask = sigset_t()
        unsafe sigemptyset(&stop)
        unsafe sigaddset(&stop, SIGTSTP)
        raise(SIGTSTP)
        unsafe pthread_sigmask(SIG_UNBLOCK, &stop, &mask)
        unsafe pthread_sigmask(SIG_SETMASK, &mask, nil)
        Self.catchSignal(SIGTSTP)
    }

    private static func catchSignal(_ number: Int32) {
        _ = signal(number) { number in
            let error = errno
            var byte = UInt8(truncatingIfNeeded: number)
            _ = unsafe write(signalReceiver.load(ordering: .relaxed), &byte, 1)
            errno = error
        }
    }
}

extension sigaction {
    /// Whether the signal is ignored, as whoever has started the process may have told it.
    var isIgnored: Bool {
        unsafe unsafeBitCast(__sigaction_handler.sa_handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
    }
}
