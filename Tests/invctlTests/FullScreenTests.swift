import Glibc
import Synchronization
import Testing

@testable import invctl

private let interruptions = Atomic(0)

/// A terminal of which the other end is in the test's hands.
private final class PseudoTerminal {
    let user: Int32
    let program: Int32

    init() throws {
        user = open("/dev/ptmx", O_RDWR | O_NOCTTY)
        // Glibc's module has no posix_openpt(3) and its like; these are what they are made of.
        var number: Int32 = 0
        var isLocked: Int32 = 0
        let (unlock, tellNumber): (UInt, UInt) = (0x4004_5431, 0x8004_5430)
        try #require(ioctl(user, unlock, &isLocked) == 0 && ioctl(user, tellNumber, &number) == 0)
        program = open("/dev/pts/\(number)", O_RDWR | O_NOCTTY)
        try #require(program >= 0)
        _ = fcntl(user, F_SETFL, O_NONBLOCK)
    }

    deinit {
        close(user)
        close(program)
    }

    var terminal: Terminal {
        Terminal(
            descriptor: program,
            capabilities: Capabilities(isTerminal: true, hasColour: true, hasUTF8: true, hasScreen: true))
    }

    var isRaw: Bool {
        var modes = termios()
        tcgetattr(program, &modes)
        return modes.c_lflag & tcflag_t(ICANON | ECHO) == 0
    }

    func resize(_ columns: Int, _ rows: Int) {
        var size = winsize(ws_row: UInt16(rows), ws_col: UInt16(columns), ws_xpixel: 0, ws_ypixel: 0)
        _ = ioctl(user, UInt(TIOCSWINSZ), &size)
    }

    func press(_ text: String) { _ = Array(text.utf8).withUnsafeBytes { write(user, $0.baseAddress, $0.count) } }

    var shown: String {
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count = read(user, &bytes, bytes.count)
        // The terminal puts a return of its own before each end of line.
        let shown = bytes.prefix(max(0, count)).split(separator: 0x0A, omittingEmptySubsequences: false)
        return shown.map { String(decoding: $0.last == 0x0D ? $0.dropLast() : $0, as: UTF8.self) }.joined(
            separator: "\n")
    }
}

/// The threads that tests run on block signals, so that this one has to be let in.
private func receive(_ signal: Int32) {
    var mask = sigset_t()
    var before = sigset_t()
    sigemptyset(&mask)
    sigaddset(&mask, signal)
    pthread_sigmask(SIG_UNBLOCK, &mask, &before)
    raise(signal)
    pthread_sigmask(SIG_SETMASK, &before, nil)
}

extension SignalTests {
    @Suite("A full screen", .serialized)
    struct FullScreenTests {
        @Test("takes the terminal with the first picture and gives it back")
        func lifetime() throws {
            let pty = try PseudoTerminal()
            pty.resize(20, 3)
            let screen = try FullScreen(on: pty.terminal, keys: pty.program)
            #expect(!pty.isRaw)
            try screen.draw(["one", "two", "three", "four"])
            #expect(pty.isRaw)
            let picture = pty.shown
            #expect(picture.hasPrefix("\u{1B}[?1049h"))
            #expect(picture.contains("\u{1B}[2Kone\r\n\u{1B}[2Ktwo\r\n\u{1B}[2Kthree\u{1B}[?2026l"))
            #expect(!picture.contains("four"))
            screen.close()
            screen.close()
            #expect(!pty.isRaw)
            #expect(pty.shown.hasSuffix("\u{1B}[?1049l"))
            try screen.draw(["late"])
            #expect(pty.shown == "")
            #expect(screen.events(within: .seconds(9)) == [.closed])
        }

        @Test("tells keys, and the change of its size")
        func events() throws {
            let pty = try PseudoTerminal()
            let screen = try FullScreen(on: pty.terminal, keys: pty.program)
            try screen.draw([])
            #expect(screen.events(within: .zero) == [])
            pty.press("q\u{1B}[A")
            #expect(screen.events(within: .seconds(9)) == [.key(.character("q")), .key(.up)])
            pty.press("\u{1B}")
            #expect(screen.events(within: .seconds(9)) == [])
            #expect(screen.events(within: .seconds(9)) == [.key(.escape)])
            pty.resize(33, 7)
            receive(SIGWINCH)
            #expect(screen.events(within: .seconds(9)) == [.resized])
            #expect(screen.size == TerminalSize(columns: 33, rows: 7))
            screen.close()
        }

        @Test("takes the terminal again after a stop")
        func returning() throws {
            let pty = try PseudoTerminal()
            let screen = try FullScreen(on: pty.terminal, keys: pty.program)
            try screen.draw(["one"])
            _ = pty.shown
            receive(SIGCONT)
            #expect(screen.events(within: .seconds(9)) == [.returned])
            try screen.draw(["two"])
            #expect(pty.shown.hasPrefix("\u{1B}[?1049h"))
            screen.close()
        }

        @Test("gives the terminal back before a signal does what it did without")
        func interruption() throws {
            let pty = try PseudoTerminal()
            let before = signal(SIGINT) { _ in _ = interruptions.add(1, ordering: .relaxed) }
            defer { signal(SIGINT, before) }
            let screen = try FullScreen(on: pty.terminal, keys: pty.program)
            try screen.draw(["one"])
            _ = pty.shown
            receive(SIGINT)
            #expect(interruptions.load(ordering: .relaxed) == 1)
            #expect(!pty.isRaw)
            #expect(pty.shown.hasSuffix("\u{1B}[?1049l"))
            try screen.draw(["late"])
            #expect(pty.shown == "")
            screen.close()
        }

        @Test("is one at a time, and only on a terminal")
        func refusal() throws {
            let pty = try PseudoTerminal()
            let screen = try FullScreen(on: pty.terminal, keys: pty.program)
            #expect(throws: ScreenFailure.noTerminal) { try FullScreen(on: pty.terminal, keys: pty.program) }
            screen.close()
            try FullScreen(on: pty.terminal, keys: pty.program).close()
            let pipe = Terminal(descriptor: pty.program, capabilities: .pipe)
            #expect(throws: ScreenFailure.noTerminal) { try FullScreen(on: pipe, keys: pty.program) }
            var ends: [Int32] = [0, 0]
            #expect(Glibc.pipe(&ends) == 0)
            #expect(throws: ScreenFailure.noTerminal) { try FullScreen(on: pty.terminal, keys: ends[0]) }
            for end in ends { close(end) }
        }

        @Test("says that nobody reads any more")
        func broken() {
            #expect(throws: OutputFailure(code: EBADF)) {
                try Terminal(descriptor: -1, capabilities: .pipe).write(["x"])
            }
        }
    }
}
