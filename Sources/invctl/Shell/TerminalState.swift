import Glibc

/// The settings of the terminal, to be put back whatever commands and Readline have done to them.
struct TerminalState {
    private var attributes = termios()
    private let isKnown: Bool

    /// Those of now.
    init() { isKnown = unsafe tcgetattr(STDIN_FILENO, &attributes) == 0 }

    func restore() {
        // In the background the terminal is another's, and touching it would stop the process.
        guard isKnown, tcgetpgrp(STDIN_FILENO) == getpgrp() else { return }
        var attributes = attributes
        _ = unsafe tcsetattr(STDIN_FILENO, TCSADRAIN, &attributes)
    }
}
