import Glibc
import Synchronization

/// Commands one after the other: typed at a terminal, or read from a script.
struct Shell: Sendable {
    /// How long the daemon may take over a prompt, and over a TAB.
    static let daemonTimeout = Duration.milliseconds(300)
    static let completionTimeout = Duration.milliseconds(200)
    /// Exit codes for what is the shell's own doing.
    static let failed: Int32 = 1
    static let usage: Int32 = 2

    let host: any ShellHost
    var isColoured = false
    /// Where lines are kept; `nil` keeps none.
    var historyPath = HistoryFile.path { name in unsafe getenv(name).map { unsafe String(cString: $0) } }
    /// Takes what the shell itself has to say, in whole lines.
    var tell: @Sendable (String) -> Void = { Output.error.write($0 + "\n") }

    /// Whether somebody sits at both ends.
    static var isOnTerminal: Bool { isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1 }

    /// Readline can serve one conversation only.
    private static let isConversing = Atomic(false)

    /// Converses at the terminal until Ctrl-D or `exit`.
    /// - Returns: the exit code of the last command, or 128 and the number of the signal that ended it.
    func run() async -> Int32 {
        guard !Self.isConversing.exchange(true, ordering: .sequentiallyConsistent) else {
            tell("This is the shell already.")
            return Self.usage
        }
        defer { Self.isConversing.store(false, ordering: .sequentiallyConsistent) }
        return await onSession(signals: [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH]) { session in
            let terminal = TerminalState()
            defer { terminal.restore() }
            var conversation = Conversation(shell: self, session: session, terminal: terminal)
            return conversation.run()
        }
    }

    /// Runs a script up to the first command that fails.
    /// - Returns: the exit code of the command that failed, 0 if none did.
    func run(script source: Script.Source) async -> Int32 {
        await onSession(signals: [SIGINT, SIGTERM, SIGHUP]) { session in
            Script(shell: self, session: session).run(source)
        }
    }

    private func onSession(signals: [Int32], _ body: @escaping @Sendable (Session) -> Int32) async -> Int32 {
        let code = await OwnThread.run { () -> Int32? in
            guard let session = Session(host: host, signals: signals) else { return nil }
            defer { session.route.end() }
            return body(session)
        }
        guard let code, let code else {
            tell(
                "The shell cannot start: the system grants no more threads or files. Close some programs and try again."
            )
            return Self.failed
        }
        return code
    }

    /// What the shell itself does at a word.
    enum BuiltIn: String, CaseIterable {
        case help
        case exit
        case quit
        case history

        var abstract: String {
            switch self {
            case .help: "explain the commands"
            case .exit, .quit: "leave the shell"
            case .history: "show the lines typed before"
            }
        }
    }
}

/// The shell at a terminal. Belongs to the shell's thread.
struct Conversation {
    private let shell: Shell
    private let session: Session
    private let terminal: TerminalState
    private let editor: LineEditor
    private var history: HistoryFile?
    private var hasToldOfHistory = false
    private var daemon: DaemonState?
    private var lastCode: Int32 = 0
    private var isOver = false

    init(shell: Shell, session: Session, terminal: TerminalState) {
        self.shell = shell
        self.session = session
        self.terminal = terminal
        var trouble: HistoryError?
        if let path = shell.historyPath {
            var file = HistoryFile(path: path)
            do throws(HistoryError) { try file.load() } catch { trouble = error }
            history = file
        }
        var table = shell.host.commands
        for word in Shell.BuiltIn.allCases where !table.commands.contains(where: { $0.name == word.rawValue }) {
            table.commands.append(.init(name: word.rawValue, abstract: word.abstract))
        }
        editor = LineEditor(session: session, table: table, history: history?.entries ?? [])
        if let trouble { tellOnce(trouble) }
    }

    mutating func run() -> Int32 {
        defer { editor.end() }
        while !isOver {
            lookAfterDaemon()
            switch editor.read(prompt: prompt) {
            case .line(let text): take(text)
            case .interrupted: lastCode = 130
            case .unreadable: refuse("the line is no UTF-8 text")
            case .stopped: break
            case .end:
                Output.standard.write("\n")
                isOver = true
            }
            if let signal = session.ending { return 128 + signal }
        }
        return lastCode
    }

    // MARK: The daemon

    private mutating func lookAfterDaemon() {
        let host = shell.host
        let answer = session.ask(within: Shell.daemonTimeout) { await host.daemonState() }
        if answer == nil, session.isInterrupted { return }
        let now = answer ?? .down("it does not answer")
        switch (daemon, now) {
        case (nil, .up(let name)): shell.tell("Connected to \(name). TAB completes, ? helps, Ctrl-D leaves.")
        case (nil, .down(let reason)): shell.tell("Not connected: \(reason)")
        case (.up, .down(let reason)): shell.tell("The daemon has gone away: \(reason)")
        case (.down, .up(let name)): shell.tell("Reconnected to \(name).")
        case (.up(let old), .up(let name)) where old != name: shell.tell("Connected to another daemon: \(name).")
        default: break
        }
        daemon = now
    }

    private var prompt: String {
        let isUp = if case .up? = daemon { true } else { false }
        let text = isUp ? "invctl>" : "invctl (not connected)>"
        // Between \001 and \002, so that Readline does not count what takes up no room.
        return shell.isColoured ? "\u{1}\u{1B}[\(isUp ? 32 : 31)m\u{2}\(text)\u{1}\u{1B}[0m\u{2} " : text + " "
    }

    // MARK: Lines

    /// A pasted text may be several lines: they are run one by one up to the first that fails, and none of them if one
    /// cannot be read.
    private mutating func take(_ text: String) {
        guard text.utf8.count <= Script.lineBytesMax else {
            return refuse(
                "the line is longer than \(Script.lineBytesMax) bytes: put it into a file and use shell -f FILE")
        }
        let lines = text.split(whereSeparator: \.isNewline).map(String.init)
        for line in lines { remember(line) }
        var commands: [[String]] = []
        do throws(WordsError) {
            for line in lines { commands.append(try Words.split(line)) }
        } catch {
            return refuse(error.description)
        }
        for words in commands where !words.isEmpty {
            run(words)
            if isOver || lastCode != 0 || session.ending != nil { return }
        }
    }

    private mutating func run(_ words: [String]) {
        switch words.count == 1 ? Shell.BuiltIn(rawValue: words[0]) : nil {
        case .exit, .quit: isOver = true
        case .history:
            Output.standard.write((history?.entries ?? []).map { Listing.printable($0) + "\n" }.joined())
            lastCode = 0
        case .help, nil:
            lastCode = session.run(words == ["?"] ? ["help"] : words)
            terminal.restore()
        }
    }

    private mutating func refuse(_ reason: String) {
        shell.tell("Nothing was run: \(reason).")
        lastCode = Shell.usage
    }

    private mutating func remember(_ line: String) {
        do throws(HistoryError) {
            let before = history?.entries.last
            defer { if let last = history?.entries.last, last != before { editor.remember(last) } }
            _ = try history?.add(line)
        } catch {
            tellOnce(error)
        }
    }

    private mutating func tellOnce(_ error: HistoryError) {
        guard !hasToldOfHistory else { return }
        hasToldOfHistory = true
        shell.tell("What is typed here is not kept for the next time: \(error.reason)")
    }
}
