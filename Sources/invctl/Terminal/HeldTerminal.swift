import Glibc
import Synchronization

// A terminal that is held for a screen must be given back however the process ends, also from a signal handler. A
// handler may do little more than system calls, so what it needs lies in plain memory, filled in before it is set up.

/// What a handler needs.
private struct Held {
    var keys: Int32 = -1
    var screen: Int32 = -1
    var wake: Int32 = -1
    var modes = termios()
}

private enum State {
    /// Nobody holds the terminal.
    static let free: Int32 = 0
    /// It is held, but stands as the user left it: before the first picture and after a stop.
    static let outside: Int32 = 1
    /// Its modes are being changed.
    static let entering: Int32 = 2
    static let inside: Int32 = 3
    /// Given back for good, since the process is ending.
    static let ended: Int32 = 4
}

private let state = Atomic(State.free)
/// Written while the state is not `inside` and by the one who made it `entering` alone; read once it is `inside`, by the
/// one who takes that away. It is never freed.
nonisolated(unsafe) private let held = UnsafeMutablePointer<Held>.allocate(capacity: 1)

/// The actions before ours, by the number of the signal: written before our handler for that signal is set, which alone
/// reads them. Never freed.
nonisolated(unsafe) private let previous = UnsafeMutablePointer<sigaction>.allocate(capacity: signalCount)
private let signalCount = 65

/// Autowrap is off, so that a character that the terminal thinks wider than we do cannot break the picture.
private let enterSequence = "\u{1B}[?1049h\u{1B}[?25l\u{1B}[?7l"
private let leaveSequence: StaticString = "\u{1B}[0m\u{1B}[?7h\u{1B}[?25h\u{1B}[?1049l"

/// What ends the process, traps of Swift included: the terminal is given back, then they take their course.
private let endings = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGABRT, SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE]

/// Gives the terminal back; safe in a signal handler. Nothing happens when it is not held or already given back.
private func giveBack(_ next: Int32) {
    var now = state.load(ordering: .acquiring)
    while true {
        // Another thread is at it and takes no longer than a system call. It is never this one: no signal is taken by
        // a thread while it enters.
        if now != State.entering {
            guard now == State.inside || now == State.outside else { return }
            let (isOurs, found) = state.compareExchange(expected: now, desired: next, ordering: .acquiringAndReleasing)
            if isOurs { break }
            now = found
        } else {
            now = state.load(ordering: .acquiring)
        }
    }
    guard now == State.inside else { return }
    unsafe tcsetattr(held.pointee.keys, TCSANOW, &held.pointee.modes)
    _ = unsafe Glibc.write(held.pointee.screen, leaveSequence.utf8Start, leaveSequence.utf8CodeUnitCount)
}

/// Tells whoever waits for keys that something has changed.
private func wakeUp(_ reason: UInt8) {
    var reason = reason
    // A full pipe is as good: there is something to read.
    _ = unsafe Glibc.write(held.pointee.wake, &reason, 1)
}

private func onEnding(_ signal: Int32) {
    giveBack(State.ended)
    // The signal is blocked until this returns, and then meets what was there before us.
    unsafe sigaction(signal, previous + Int(signal), nil)
    raise(signal)
}

/// ^Z: stops as if there were no handler. SIGCONT tells of the return.
private func onStop(_ signal: Int32) {
    let code = errno
    giveBack(State.outside)
    var ours = sigaction()
    unsafe sigaction(signal, previous + Int(signal), &ours)
    var mask = sigset_t()
    unsafe sigemptyset(&mask)
    unsafe sigaddset(&mask, signal)
    raise(signal)
    unsafe pthread_sigmask(SIG_UNBLOCK, &mask, nil)
    unsafe sigaction(signal, &ours, nil)
    errno = code
}

private func onReturn(_ signal: Int32) {
    let code = errno
    // Whoever had the terminal meanwhile has set it up for itself.
    _ = state.compareExchange(expected: State.inside, desired: State.outside, ordering: .acquiringAndReleasing)
    wakeUp(HeldTerminal.returned)
    errno = code
}

private func onResize(_ signal: Int32) {
    let code = errno
    wakeUp(HeldTerminal.resized)
    errno = code
}

private let givesBackAtExit: Void = {
    atexit { giveBack(State.ended) }
}()

/// Of the process there is one terminal, so these are functions on what is global to it.
enum HeldTerminal {
    static let resized = UInt8(ascii: "w")
    static let returned = UInt8(ascii: "c")

    /// Takes the terminal: from here on every end of the process gives it back.
    /// - Parameter wake: the end of a pipe that is not to block, to which one byte is written for each change.
    /// - Returns: false when it is taken, or the keys do not come from a terminal.
    static func take(keys: Int32, screen: Int32, wake: Int32) -> Bool {
        var new = Held(keys: keys, screen: screen, wake: wake)
        guard unsafe tcgetattr(keys, &new.modes) == 0, state.load(ordering: .acquiring) == State.free else {
            return false
        }
        unsafe held.initialize(to: new)
        givesBackAtExit
        for signal in endings { handle(signal, onEnding) }
        handle(SIGTSTP, onStop)
        handle(SIGCONT, onReturn)
        handle(SIGWINCH, onResize)
        state.store(State.outside, ordering: .releasing)
        return true
    }

    /// Gives it back, and the signals to whom they belonged.
    static func release() {
        withoutSignals {
            giveBack(State.outside)
            for signal in endings + [SIGTSTP, SIGCONT, SIGWINCH] {
                unsafe sigaction(signal, previous + Int(signal), nil)
            }
            state.store(State.free, ordering: .releasing)
        }
    }

    /// Sets up keys and screen, unless they are.
    /// - Returns: what to write before the picture; nil while the terminal is not ours to draw on, in the background
    ///   and at the end.
    static func enter() -> String? {
        var prologue: String?
        withoutSignals {
            let keys = unsafe held.pointee.keys
            let foreground = tcgetpgrp(keys)
            guard foreground < 0 || foreground == getpgrp() else { return }
            let (isOurs, now) = state.compareExchange(
                expected: State.outside, desired: State.entering, ordering: .acquiringAndReleasing
            )
            if now == State.inside { prologue = "" }
            guard isOurs else { return }
            var raw = unsafe held.pointee.modes
            // Signals and the end of lines stay as they are: ^C and ^Z do what they do everywhere.
            raw.c_lflag &= ~tcflag_t(ICANON | ECHO)
            unsafe tcsetattr(keys, TCSANOW, &raw)
            state.store(State.inside, ordering: .releasing)
            prologue = enterSequence
        }
        return prologue
    }

    private static func handle(_ signal: Int32, _ handler: @escaping @convention(c) (Int32) -> Void) {
        var action = sigaction()
        unsafe action.__sigaction_handler.sa_handler = handler
        action.sa_flags = SA_RESTART
        unsafe sigfillset(&action.sa_mask)
        unsafe sigaction(signal, nil, previous + Int(signal))
        // What was told to be ignored, by nohup say, stays so.
        if unsafe previous[Int(signal)].isIgnored, signal != SIGCONT, signal != SIGWINCH { return }
        unsafe sigaction(signal, &action, nil)
    }

    private static func withoutSignals(_ body: () -> Void) {
        var all = sigset_t()
        var before = sigset_t()
        unsafe sigfillset(&all)
        unsafe pthread_sigmask(SIG_BLOCK, &all, &before)
        body()
        unsafe pthread_sigmask(SIG_SETMASK, &before, nil)
    }
}
