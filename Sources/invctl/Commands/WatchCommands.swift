import AdminClient
import ArgumentParser
import InventoryKit

struct StatsCommand: ToolCommand {
    static let configuration = CommandConfiguration(
        commandName: "stats", abstract: "All figures: requests, answers, latency, cache. Reading never resets.",
        discussion: """
            EXAMPLES
              invctl stats
              invctl stats requests.purchase cache.hits
              invctl stats cache --watch 1s -o jsonl
            """)
    @Argument(help: "Only figures whose name begins like this.") var names: [String] = []
    @Option(help: ArgumentHelp("Again and again.", valueName: "time")) var watch: Time?
    @OptionGroup var common: CommonOptions

    func run(_ tool: Tool) async throws {
        let path = AdminProtocol.root + "/stats"
        guard let watch else {
            return try Self.write(try await tool.send(AdminRequest(.get, path)).json(), names, tool)
        }
        let interval = "\(max(100, min(60_000, Int64(watch.duration / .milliseconds(1)))))ms"
        let request = AdminRequest(.get, path, query: [("interval", interval)])
        try await tool.connected { connection in
            try await connection.lines(request, silence: watch.duration + tool.timeout) { line in
                try Self.write(try JSONDocument(parsing: line).root, names, tool)
                return true
            }
            throw AdminError.closed("the daemon has stopped")
        }
    }

    /// - Parameter names: only figures whose name begins like one of these, if there are any.
    static func write(_ json: JSON, _ names: [String], _ tool: Tool) throws {
        let figures = flat(json).filter { figure in
            names.isEmpty || names.contains { figure.name == $0 || figure.name.hasPrefix($0 + ".") }
        }
        guard !figures.isEmpty else {
            throw CommandFailure(.notFound, "no-figure", "no figure is called that; invctl stats has all their names")
        }
        if tool.console.mode.isJSON {
            let chosen = JSON.object(Dictionary(figures.map { ($0.name, $0.value) }) { first, _ in first })
            return try tool.console.write(names.isEmpty ? json : chosen)
        }
        let records = figures.map { figure in
            let text = figure.value.string ?? String(decoding: figure.value.encoded(), as: UTF8.self)
            return Record(
                figure.name, figure.value, [.init("name", figure.name), .init("value", StyledText(text), .right)])
        }
        try tool.console.write(records, empty: "")
    }

    /// `cache.hits`, `requests.read`, …, without the buckets of latencies.
    private static func flat(_ json: JSON, _ prefix: String = "") -> [(name: String, value: JSON)] {
        guard case .object(let members) = json else { return [(prefix, json)] }
        return members.sorted { $0.key < $1.key }.flatMap { name, value -> [(name: String, value: JSON)] in
            if case .array = value { return [] }
            return flat(value, prefix.isEmpty ? name : "\(prefix).\(name)")
        }
    }
}

struct MonitorCommand: ToolCommand {
    static let configuration = CommandConfiguration(
        commandName: "monitor", abstract: "Requests as they happen, until Ctrl-C.",
        discussion: """
            EXAMPLES
              invctl monitor
              invctl monitor --failed
              invctl monitor -o jsonl | jq -r 'select(.duration_us > 50000) | .path'
            """)
    @Flag(help: "Only those answered with a status from 400 on.") var failed = false
    @Option(help: "End after so many.") var count: Int?
    @OptionGroup var common: CommonOptions

    func validate() throws {
        guard count ?? 1 > 0 else { throw ValidationError("--count must be 1 or more.") }
    }

    func run(_ tool: Tool) async throws {
        let request = AdminRequest(.get, AdminProtocol.root + "/monitor")
        var seen = 0
        try await tool.connected { connection in
            try await connection.lines(request, silence: tool.timeout) { line in
                let event = try AdminProtocol.decode(MonitorEvent.self, from: line)
                guard !failed || event.status >= 400 else { return true }
                seen += 1
                if tool.console.mode.isJSON {
                    try tool.console.write(try JSONDocument(parsing: line).root)
                } else {
                    try tool.console.output.write([Self.text(event)])
                }
                return seen != count
            }
            if seen != count { throw AdminError.closed("the daemon has stopped") }
        }
    }

    private static func text(_ event: MonitorEvent) -> StyledText {
        let style: Style =
            switch event.status {
            case ..<400: .green
            case ..<500: .yellow
            default: .red
            }
        return StyledText(event.at, .dim) + " " + StyledText(String(event.status), style) + " "
            + StyledText(pad(event.method, to: 6)) + " " + StyledText(event.path) + "  "
            + StyledText(Figures.duration(.microseconds(event.durationUs)), .bold)
            + StyledText(event.cache.map { "  \($0)" } ?? "", .cyan) + StyledText("  \(event.caller)", .dim)
    }
}

struct TopCommand: ToolCommand {
    static let configuration = CommandConfiguration(
        commandName: "top", abstract: "What goes on, live: throughput, latency, hit rates, store and Redis.",
        discussion: """
            q ends it. Where there is no terminal, one picture is written; in other modes than table and wide it is the \
            figures, as stats has them.

            EXAMPLES
              invctl top
              invctl top --interval 500ms
              invctl top | head -5
            """)
    @Option(help: ArgumentHelp("Between two pictures.", valueName: "time")) var interval = Time(.seconds(1))
    @OptionGroup var common: CommonOptions

    func validate() throws {
        guard (.milliseconds(100)...(.seconds(60))).contains(interval.duration) else {
            throw ValidationError("--interval must be 100ms to 60s.")
        }
    }

    func run(_ tool: Tool) async throws {
        guard [.table, .wide].contains(tool.console.mode) else {
            return try StatsCommand.write(
                try await tool.send(AdminRequest(.get, AdminProtocol.root + "/stats")).json(), [], tool)
        }
        let output = tool.console.output
        let status = try await tool.send(AdminRequest(.get, AdminProtocol.root + "/status")).message(ServiceStatus.self)
        var figures = TopFigures(status: status)
        guard output.capabilities.hasScreen, Terminal(descriptor: 0).capabilities.isTerminal else {
            try await figures.take(tool)
            try await Task.sleep(for: interval.duration)
            try await figures.take(tool)
            let screen = TopScreen(
                model: figures.model, size: output.capabilities.isTerminal ? output.size : .usual,
                utf8: output.capabilities.hasUTF8, tellsKeys: false)
            return try output.write(screen.lines)
        }
        let screen = try FullScreen(on: output)
        defer { screen.close() }
        var isPaused = false
        while true {
            try Task.checkCancellation()
            if !isPaused { await figures.refresh(tool) }
            let end = ContinuousClock.now + interval.duration
            repeat {
                let picture = TopScreen(
                    model: figures.model, size: output.size, utf8: output.capabilities.hasUTF8, isPaused: isPaused)
                try screen.draw(picture.lines)
                for event in screen.events(within: min(.milliseconds(200), max(.zero, end - .now))) {
                    if event.isEnd { return }
                    if event == .key(.character("p")) { isPaused.toggle() }
                }
            } while ContinuousClock.now < end
        }
    }
}

extension ScreenEvent {
    /// Whether the user has seen enough.
    fileprivate var isEnd: Bool {
        switch self {
        case .key(.character("q")), .key(.character("Q")), .key(.escape), .closed: true
        default: false
        }
    }
}
