import Glibc

/// What is written cannot be: nobody reads any more, the disk is full.
struct OutputFailure: Error, Hashable, CustomStringConvertible {
    /// Of errno(3).
    let code: Int32

    var isForWantOfReaders: Bool { code == EPIPE }

    var description: String {
        "cannot write the output: \(unsafe String(cString: strerror(code))); check where it is sent to"
    }
}

/// A descriptor that lines for people are written to.
struct Terminal: Sendable {
    let descriptor: Int32
    let capabilities: Capabilities

    /// Looks at the descriptor and the environment.
    init(descriptor: Int32, colour: ColourChoice = .auto) {
        self.descriptor = descriptor
        capabilities = Capabilities(
            isTerminal: isatty(descriptor) == 1, colour: colour, variable: Self.variable
        )
    }

    init(descriptor: Int32, capabilities: Capabilities) {
        self.descriptor = descriptor
        self.capabilities = capabilities
    }

    /// As it is now; the user may change it at any time.
    var size: TerminalSize {
        var window = winsize()
        let isKnown = unsafe ioctl(descriptor, UInt(TIOCGWINSZ), &window) == 0
        return .from(
            window: isKnown ? TerminalSize(columns: Int(window.ws_col), rows: Int(window.ws_row)) : nil,
            variable: Self.variable
        )
    }

    /// What a table may take: nil when piped, where nothing is cut.
    var tableWidth: Int? { capabilities.isTerminal ? size.columns : nil }

    func write(_ lines: [StyledText]) throws(OutputFailure) {
        try send(lines.map { render($0) + "\n" }.joined())
    }

    /// Draws a line over the one that the cursor is in, for progress.
    func redraw(_ line: StyledText) throws(OutputFailure) {
        try send("\r" + render(line.truncated(to: size.columns - 1)) + "\u{1B}[K")
    }

    func render(_ line: StyledText) -> String {
        line.rendered(colour: capabilities.hasColour, utf8: capabilities.hasUTF8)
    }

    /// Writes as is; waits where the descriptor does not block.
    func send(_ text: String) throws(OutputFailure) {
        let bytes = Array(text.utf8)
        var offset = 0
        while offset < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { buffer in
                unsafe Glibc.write(descriptor, buffer.baseAddress.map { unsafe $0 + offset }, buffer.count - offset)
            }
            if count >= 0 {
                offset += count
            } else if errno == EAGAIN {
                var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = unsafe poll(&wait, 1, -1)
            } else if errno != EINTR {
                throw OutputFailure(code: errno)
            }
        }
    }

    private static func variable(_ name: String) -> String? {
        unsafe getenv(name).map { unsafe String(cString: $0) }
    }
}
