import Glibc
import Synchronization

/// What a user does at a screen.
enum ScreenEvent: Equatable, Sendable {
    case key(Key)
    case resized
    /// The process was stopped and goes on: what was drawn is gone.
    case returned
    /// No key will ever come again.
    case closed
}

/// Why no screen can be shown.
enum ScreenFailure: Error, Equatable, CustomStringConvertible {
    case noTerminal
    case noPipe(Int32)

    var description: String {
        switch self {
        case .noTerminal:
            "keys and picture both need a terminal that can move its cursor; use the one-shot output here"
        case .noPipe(let code):
            "cannot make a pipe: \(unsafe String(cString: strerror(code))); close other files or raise ulimit -n"
        }
    }
}

/// The whole terminal, for a live picture: keys come at once and unseen, the user's own screen comes back at the end,
/// however that comes. One at a time.
final class FullScreen: Sendable {
    private let terminal: Terminal
    private let keys: Int32
    private let wake: (read: Int32, write: Int32)
    private let decoder = Mutex(KeyDecoder())
    private let isClosed = Atomic(false)

    init(on terminal: Terminal, keys: Int32 = STDIN_FILENO) throws(ScreenFailure) {
        guard terminal.capabilities.hasScreen else { throw .noTerminal }
        var ends: [Int32] = [-1, -1]
        guard unsafe pipe(&ends) == 0 else { throw .noPipe(errno) }
        for end in ends {
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
        }
        self.terminal = terminal
        self.keys = keys
        wake = (ends[0], ends[1])
        guard HeldTerminal.take(keys: keys, screen: terminal.descriptor, wake: ends[1]) else {
            isClosed.store(true, ordering: .relaxed)
            closePipe()
            throw .noTerminal
        }
    }

    deinit { close() }

    /// Gives the terminal back. Further calls do nothing.
    func close() {
        guard !isClosed.exchange(true, ordering: .acquiringAndReleasing) else { return }
        HeldTerminal.release()
        closePipe()
    }

    private func closePipe() {
        _ = Glibc.close(wake.read)
        _ = Glibc.close(wake.write)
    }

    var size: TerminalSize { terminal.size }

    /// Shows these lines, from the top left, and nothing else. In the background nothing is drawn.
    func draw(_ lines: [StyledText]) throws(OutputFailure) {
        guard !isClosed.load(ordering: .acquiring), let prologue = HeldTerminal.enter() else { return }
        // In one piece between the marks of a synchronised update, so that it does not flicker. Each line is blanked
        // before: after one that is as wide as the screen, the cursor still stands on its last character.
        let size = size
        let picture = lines.prefix(size.rows).map { "\u{1B}[2K" + terminal.render($0.truncated(to: size.columns)) }
        let end = lines.count < size.rows ? "\u{1B}[0J" : ""
        try terminal.send(
            prologue + "\u{1B}[?2026h\u{1B}[H" + picture.joined(separator: "\r\n")
                + (picture.isEmpty || end.isEmpty ? end : "\r\n" + end) + "\u{1B}[?2026l"
        )
    }

    /// Waits for keys and changes.
    /// - Parameter time: how long at most; then there is nothing.
    func events(within time: Duration) -> [ScreenEvent] {
        guard !isClosed.load(ordering: .acquiring) else { return [.closed] }
        let isWaiting = decoder.withLock { $0.isWaiting }
        let limit = Duration.milliseconds(isWaiting ? 50 : 60_000)
        var ready = [
            pollfd(fd: wake.read, events: Int16(POLLIN), revents: 0),
            pollfd(fd: keys, events: Int16(POLLIN), revents: 0),
        ]
        let milliseconds = Int32((min(max(time, .zero), limit) / .milliseconds(1)).rounded(.up))
        guard unsafe poll(&ready, 2, milliseconds) > 0 else {
            return isWaiting ? decoder.withLock { $0.pause() }.map { .key($0) } : []
        }
        var events: [ScreenEvent] = []
        if ready[0].revents != 0 {
            let reasons = read(wake.read) ?? []
            if reasons.contains(HeldTerminal.returned) { events.append(.returned) }
            if reasons.contains(HeldTerminal.resized) { events.append(.resized) }
        }
        if ready[1].revents != 0 {
            let bytes = read(keys)
            events += decoder.withLock { $0.decode(bytes ?? []) }.map { .key($0) }
            if bytes?.isEmpty ?? false { events.append(.closed) }
        }
        return events
    }

    /// - Returns: empty at the end; nil when there is nothing after all.
    private func read(_ descriptor: Int32) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = unsafe Glibc.read(descriptor, &bytes, bytes.count)
        guard count >= 0 else { return errno == EINTR || errno == EAGAIN ? nil : [] }
        return Array(bytes.prefix(count))
    }
}
