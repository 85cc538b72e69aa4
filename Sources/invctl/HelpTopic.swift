/// What can be read with `invctl help TOPIC`, besides the commands.
enum HelpTopic: String, CaseIterable {
    case exitCodes = "exit-codes"
    case output, environment, scripts

    var text: String {
        switch self {
        case .exitCodes:
            """
            invctl ends with

            \(ExitStatus.allCases.map { "  \(pad("\($0.rawValue)", to: 5))\($0.meaning)" }.joined(separator: "\n"))

            It is never 0 when something failed. Errors are told on standard error, as JSON where -o json or -o jsonl was
            asked for. Standard output has then what there is to tell all the same: what was sold or loaded before, the
            report of doctor or ledger verify; else nothing.
            """
        case .output:
            """
            -o table   for people: columns without borders (the default)
            -o wide    the same with more columns
            -o json    exactly one JSON document (monitor and stats --watch: one for each line)
            -o jsonl   a JSON document a line
            -o csv     with a header, as RFC 4180 has it
            -o name    names alone, a line each, to be used by other commands

            Colours are for terminals only; NO_COLOR turns them off, --color never or always says so outright.
            """
        case .environment:
            """
            INVCTL_SOCKET    the daemon's admin socket, where --socket does not name it. Without both:
                             /run/inventoryd/admin.sock, $XDG_RUNTIME_DIR/inventoryd/admin.sock,
                             /tmp/inventoryd-UID/admin.sock, the first that answers
            NO_COLOR         no colours, if it is set to anything
            XDG_STATE_HOME   the shell's history is below it, in invctl/history; default ~/.local/state
            LC_ALL, LC_CTYPE, LANG, TERM, COLUMNS, LINES
                             what the terminal can show
            """
        case .scripts:
            """
            Commands that create, move or sell carry an idempotency key, so that what is sent twice happens once; product
            update and archive change only what they have read. What is typed twice happens twice, unless both have the
            same --idempotency-key. seed and purchase --from make the keys of their rows from content and place: run them
            again after an interruption, and what has happened stays as it is. import has none: run again, it sets the
            catalogue to what the file says once more, and leaves the stock of what is there alone.

              invctl wait --timeout 60s && invctl seed catalogue.csv --if-empty
              invctl purchase LAMP-1 || case $? in 6) echo sold out ;; *) exit 1 ;; esac
              invctl export -o name | xargs -d '\\n' -n 500 invctl cache warm --
              printf 'status\\ncache stats\\n' | invctl shell

            invctl help exit-codes tells what the numbers mean.
            """
        }
    }
}
