import AdminClient
import ArgumentParser
import FoundationEssentials
import InventoryKit
import Synchronization

/// How the tool was called: what a command needs to know besides its own arguments.
struct Invocation: Sendable {
    /// What was asked for, for the daemon's log.
    var words: [String] = []
    var environment = ProcessInfo.processInfo.environment

    /// The socket that a shell was started with.
    var socket: String?
    var isInShell = false

    /// Whether standard input is a script, of which commands read nothing.
    var isInputTaken = false

    @TaskLocal static var current = Invocation()
}

/// What every command takes.
struct CommonOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("The daemon's admin socket (INVCTL_SOCKET); else the usual places.", valueName: "path"))
    var socket: String?
    @Option(name: [.customShort("o"), .long], help: "How to write answers.") var output = OutputMode.table
    @Option(help: "Colours: only on a terminal (auto), and never with NO_COLOR set.") var color = ColourChoice.auto
    @Option(help: ArgumentHelp("How long to wait for an answer, such as 500ms, 30s or 2m.", valueName: "time"))
    var timeout = Time(.seconds(30))
    @Flag(name: [.customShort("q"), .long], help: "Say nothing but answers and errors.") var quiet = false

    /// The words with what is common to all commands behind them, where the parser looks for it: `--socket S status` is
    /// `status --socket S`.
    static func last(in words: [String]) -> [String] {
        var (rest, common) = (words[...], [String]())
        while let word = rest.first, word.hasPrefix("-") {
            let name = word.prefix { $0 != "=" }
            let takesValue = ["--socket", "--output", "-o", "--color", "--timeout"].contains(name)
            guard takesValue || ["--quiet", "-q"].contains(name) else { return words }
            common.append(word)
            rest.removeFirst()
            guard takesValue, !word.contains("=") else { continue }
            guard let value = rest.popFirst() else { return words }
            common.append(value)
        }
        return rest + common
    }

    /// Where to look for the daemon: flag, shell, variable; nothing for the usual places.
    var socketPath: String? {
        let invocation = Invocation.current
        return socket ?? invocation.socket
            ?? invocation.environment["INVCTL_SOCKET"].flatMap { $0.isEmpty ? nil : $0 }
    }

    var console: Console { Console(mode: output, colour: color, isQuiet: quiet) }
}

/// A length of time with its unit.
struct Time: ExpressibleByArgument, Sendable, CustomStringConvertible {
    let duration: Duration

    init(_ duration: Duration) { self.duration = duration }

    init?(argument: String) {
        let digits = argument.prefix { $0.isASCII && $0.isNumber }
        let units: [String: Int64] = ["ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "": 1_000]
        guard let count = Int64(digits), let unit = units[String(argument.dropFirst(digits.count))],
            (1...86_400_000).contains(count), count * unit <= 86_400_000
        else { return nil }
        duration = .milliseconds(count * unit)
    }

    var description: String { Figures.span(duration) }
    var defaultValueDescription: String { description }
}

/// A command of the tool.
protocol ToolCommand: AsyncParsableCommand {
    var common: CommonOptions { get }
    func run(_ tool: Tool) async throws
}

extension ToolCommand {
    func run() async throws { try await run(Tool(common)) }
}

/// What commands work with: the daemon, and where to write.
struct Tool: Sendable {
    let console: Console
    let client: AdminClient
    let timeout: Duration
    private static let hasTold = Mutex(false)

    init(_ common: CommonOptions) {
        console = common.console
        timeout = common.timeout.duration
        client = AdminClient(
            socket: common.socketPath, environment: Invocation.current.environment, timeout: timeout,
            command: Invocation.current.words.joined(separator: " "))
    }

    /// One request on a connection of its own.
    func send(_ request: AdminRequest) async throws -> AdminAnswer {
        try await connected { try await $0.send(request) }
    }

    func connected<Value: Sendable>(_ body: (AdminConnection) async throws -> Value) async throws -> Value {
        try await client.connected { connection in
            defer { tell(connection.release) }
            do { return try await body(connection) } catch AdminError.refused(let refused)
                where refused.code == "no-route" && refused.text("instance")?.hasPrefix(AdminProtocol.root) == true
            {
                throw CommandFailure(
                    .failed, "version-skew",
                    "this inventoryd (\(connection.release ?? "?")) does not know that; this invctl is of release "
                        + "\(Release.version). Update the older one.")
            }
        }
    }

    /// Says once that the two ends are of different releases.
    private func tell(_ release: String?) {
        guard let release, release != AdminProtocol.release else { return }
        let isFirst = Self.hasTold.withLock { told in
            defer { told = true }
            return !told
        }
        if isFirst {
            console.warn(
                "the daemon is of release \(release), this invctl of \(AdminProtocol.release). Update the older one.")
        }
    }

    /// Says so where what was asked for had happened before, under the same key.
    func tellIfReplayed(_ answer: AdminAnswer) {
        if answer.isReplayed { console.note("It had happened under the same key before; nothing happened again.") }
    }

    /// Asks before something that cannot be taken back: on a terminal a person, elsewhere `--yes`.
    func confirm(_ question: String, yes: Bool) throws {
        if yes { return }
        guard Terminal(descriptor: 0).capabilities.isTerminal, console.errors.capabilities.isTerminal else {
            throw CommandFailure(.usage, "usage", "\(question) Say --yes to do so without being asked.")
        }
        try console.errors.send(question + " [y/N] ")
        try OpenedInput.wait(for: 0)
        guard let answer = readLine(), ["y", "yes"].contains(answer.lowercased()) else {
            throw CommandFailure(.interrupted, "interrupted", "nothing was done")
        }
    }
}
