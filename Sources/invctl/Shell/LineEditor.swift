import CReadline
import Glibc

/// Reads lines with GNU Readline, whose state is global: one editor, on one thread, at a time.
final class LineEditor {
    enum Reading {
        case line(String)
        /// Ctrl-C.
        case interrupted
        /// Ctrl-D, or the terminal is gone.
        case end
        /// What was typed is no UTF-8.
        case unreadable
        /// ``Session/ending`` is set.
        case stopped
    }

    /// The one that Readline's callbacks, which carry no context, are for. Only the shell's thread touches it.
    nonisolated(unsafe) private static var current: LineEditor?

    private let session: Session
    private let table: CommandTable
    private var reading: Reading?
    /// The line and the cursor after the last TAB: another one there shows the candidates.
    private var lastTab: (line: String, cursor: Int)?

    init(session: Session, table: CommandTable, history: [String]) {
        self.session = session
        self.table = table
        unsafe Self.current = self
        invctl_readline_adopt()
        rl_initialize()
        for name in ["emacs-standard", "vi-insert"] {
            guard let keys = unsafe rl_get_keymap_by_name(name) else { continue }
            _ = unsafe rl_bind_key_in_map(9, { _, _ in LineEditor.withCurrent { $0.complete() } }, keys)
            _ = unsafe rl_bind_key_in_map(
                63, { count, key in LineEditor.withCurrent { $0.explain(count, key) } }, keys)
        }
        using_history()
        stifle_history(Int32(HistoryFile.entriesMax))
        for line in history { unsafe add_history(line) }
    }

    /// Ends Readline's part; the terminal is as it was before the last line.
    func end() { unsafe Self.current = nil }

    func remember(_ line: String) { unsafe add_history(line) }

    private static func withCurrent(_ body: (LineEditor) -> Void) -> Int32 {
        if let current = unsafe current { body(current) }
        return 0
    }

    // MARK: A line

    func read(prompt: String) -> Reading {
        using_history()
        rl_reset_screen_size()
        reading = nil
        lastTab = nil
        unsafe rl_callback_handler_install(prompt) { text in
            _ = LineEditor.withCurrent { unsafe $0.accept(text) }
        }
        while true {
            if let reading { return reading }
            let events = session.wait(input: STDIN_FILENO)
            for signal in events.signals where reading == nil { heed(signal) }
            if reading == nil, events.hasInput { rl_callback_read_char() }
        }
    }

    private func accept(_ text: UnsafeMutablePointer<CChar>?) {
        // At once, or Readline would put up the prompt again.
        rl_callback_handler_remove()
        guard let text = unsafe text else {
            reading = .end
            return
        }
        reading = unsafe String(validatingCString: text).map(Reading.line) ?? .unreadable
        unsafe free(text)
    }

    private func leave(_ reading: Reading, showing mark: String) {
        rl_callback_sigcleanup()
        moveBelow()
        rl_free_line_state()
        rl_callback_handler_remove()
        Output.standard.write(mark + "\n")
        self.reading = reading
    }

    private func heed(_ signal: Int32) {
        switch signal {
        case SIGINT: leave(.interrupted, showing: "^C")
        case SIGTERM, SIGHUP:
            session.end(by: signal)
            // In the background the terminal could not be put back without being stopped for it.
            _ = Glibc.signal(SIGTTOU, SIG_IGN)
            leave(.stopped, showing: "")
        case SIGTSTP:
            rl_deprep_terminal()
            moveBelow()
            Output.standard.write("\n")
            session.route.suspend()
        case SIGCONT:
            // Whoever continued it may have changed the terminal.
            rl_deprep_terminal()
            rl_prep_terminal(1)
            rl_on_new_line()
            rl_forced_update_display()
        case SIGWINCH: rl_resize_terminal()
        default: break
        }
    }

    // MARK: Keys

    private var line: String { unsafe invctl_readline_line().map { unsafe String(cString: $0) } ?? "" }
    private var cursor: Int { Int(invctl_readline_point()) }

    private func complete() {
        let before = (line: line, cursor: cursor)
        let isSecond = lastTab.map { $0 == before } ?? false
        lastTab = before
        guard let completion = Completion(line: before.line, cursor: before.cursor, table: table) else { return ring() }
        let candidates = completion.candidates + asked(for: completion)
        if let text = completion.insertion(of: candidates) {
            replace(completion.range, by: text)
        } else if isSecond, candidates.count > 1 {
            show(Listing.lines(of: candidates, columns: columns))
        } else {
            ring()
        }
        lastTab = (line, cursor)
    }

    private func asked(for completion: Completion) -> [Completion.Candidate] {
        switch completion.source {
        case .files: return FileNames.candidates(prefix: completion.prefix)
        case .skus:
            let (host, prefix) = (session.host, completion.prefix)
            let skus = session.ask(within: Shell.completionTimeout) {
                await host.skus(prefix: prefix, limit: Listing.candidatesMax)
            }
            return (skus ?? []).prefix(Listing.candidatesMax).lazy.filter {
                !$0.unicodeScalars.contains(where: Listing.isControl)
            }.map { Completion.Candidate(text: $0) }
        case nil: return []
        }
    }

    /// `?`: help where a word may begin, else what it is.
    private func explain(_ count: Int32, _ key: Int32) {
        guard let completion = Completion(line: line, cursor: cursor, table: table), completion.range.isEmpty else {
            rl_insert(count, key)
            return
        }
        show(Listing.help(for: completion, columns: columns))
    }

    private func replace(_ range: Range<Int>, by text: String) {
        rl_begin_undo_group()
        rl_delete_text(Int32(clamping: range.lowerBound), Int32(clamping: range.upperBound))
        invctl_readline_set_point(Int32(clamping: range.lowerBound))
        unsafe rl_insert_text(text)
        rl_end_undo_group()
    }

    private func ring() { rl_ding() }

    // MARK: The screen

    private var columns: Int {
        var rows: Int32 = 0
        var columns: Int32 = 0
        unsafe rl_get_screen_size(&rows, &columns)
        return max(20, Int(columns))
    }

    private func show(_ lines: [String]) {
        moveBelow()
        Output.standard.write("\n" + lines.map { $0 + "\n" }.joined())
        rl_on_new_line()
        rl_forced_update_display()
    }

    /// Moves to the last row that the line takes up, and leaves the cursor in the line where it is.
    private func moveBelow() {
        let point = invctl_readline_point()
        invctl_readline_set_point(invctl_readline_end())
        rl_redisplay()
        invctl_readline_set_point(point)
    }
}
