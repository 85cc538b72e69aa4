import AdminClient
import ArgumentParser
import InventoryKit

struct StatusCommand: ToolCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "How the daemon is: state, store, cache, since when.",
        discussion: "EXAMPLES\n  invctl status\n  invctl status -o json | jq -r .store.condition")
    @OptionGroup var common: CommonOptions

    func run(_ tool: Tool) async throws {
        let answer = try await tool.send(AdminRequest(.get, AdminProtocol.root + "/status"))
        let status = try answer.message(ServiceStatus.self)
        try tool.console.write(
            Record(
                status.state.rawValue, try answer.json(),
                [
                    .init("state", StyledText(status.state.rawValue, status.state == .ready ? .green : .yellow)),
                    .init("version", status.version),
                    .init("pid", "\(status.pid)"),
                    .init("up", Figures.span(.milliseconds(Int64(status.uptimeSeconds * 1_000)))),
                    .init("since", status.startedAt, isWide: true),
                    .init("API", status.url),
                    .init("API keys", status.authentication.map(Self.keys)),
                    .init("store", Self.text(status.store)),
                    .init("cache", Self.text(status.cache)),
                    .init("log level", status.logLevel, isWide: true),
                ]))
    }

    private static func keys(_ authentication: String) -> String {
        switch authentication {
        case "off": "none needed"
        case "writes": "needed for changes"
        case "all": "needed for everything"
        default: authentication
        }
    }

    private static func text(_ part: ServiceStatus.Part) -> StyledText {
        let style: Style =
            switch part.condition {
            case "ok": .green
            case "failing": .red
            default: .yellow
            }
        return StyledText(part.condition, style) + StyledText("  \(part.description)")
    }
}

struct HealthCommand: ToolCommand {
    static let configuration = CommandConfiguration(
        commandName: "health", abstract: "Whether the daemon is alive and ready; for container health checks.",
        discussion: """
            Ends with 0 if it is ready, 1 if it is alive and not ready, 3 if it cannot be reached.

            EXAMPLES
              HEALTHCHECK CMD ["invctl", "health"]
            """)
    @OptionGroup var common: CommonOptions

    func run(_ tool: Tool) async throws {
        let answer = try await tool.send(AdminRequest(.get, "/readyz"))
        let json = try answer.json()
        let status = json["status"].string ?? "-"
        try tool.console.write(
            Record(
                status, json,
                [
                    .init("status", status), .init("store", json["store"].string), .init("cache", json["cache"].string),
                ]))
    }
}

struct WaitCommand: ToolCommand {
    static let configuration = CommandConfiguration(
        commandName: "wait", abstract: "Wait until the daemon is there and ready.",
        discussion: """
            Ends with 7 if it is not within --timeout.

            EXAMPLES
              invctl wait --timeout 60s && invctl seed catalogue.csv --if-empty
            """)
    @Flag(help: "Be content when it answers, ready or not.") var alive = false
    @OptionGroup var common: CommonOptions

    func run(_ tool: Tool) async throws {
        let deadline = ContinuousClock.now + tool.timeout
        while true {
            do {
                let answer = try await tool.send(AdminRequest(.get, alive ? "/healthz" : "/readyz"))
                let json = try answer.json()
                let status = json["status"].string ?? "-"
                return try tool.console.write(Record(status, json, [.init("status", status)]))
            } catch let error as AdminError {
                let failure = CommandFailure(error)
                guard failure.status == .notReachable || failure.status == .failed else { throw error }
                guard ContinuousClock.now < deadline else {
                    throw CommandFailure(
                        .timedOut, "timed-out", "not ready within \(common.timeout): \(failure.message)")
                }
                try await Task.sleep(for: .milliseconds(200))
            }
        }
    }
}

struct VersionCommand: ToolCommand {
    static let configuration = CommandConfiguration(
        commandName: "version", abstract: "The releases of this tool and of the daemon.",
        discussion: "EXAMPLES\n  invctl version\n  invctl version --client")
    @Flag(help: "Of this tool only; the daemon is not asked.") var client = false
    @OptionGroup var common: CommonOptions

    func run(_ tool: Tool) async throws {
        var members: [String: JSON] = ["invctl": .string(Release.version)]
        var fields: [Record.Field] = [.init("invctl", Release.version)]
        if !client {
            let status = try await tool.send(AdminRequest(.get, AdminProtocol.root + "/status"))
                .message(ServiceStatus.self)
            members["inventoryd"] = .string(status.version)
            fields.append(.init("inventoryd", status.version))
        }
        try tool.console.write(Record(Release.version, .object(members), fields))
    }
}

struct DrainCommand: ToolCommand {
    static let configuration = CommandConfiguration(
        commandName: "drain", abstract: "Tell load balancers to send nothing here; everything that comes is served.",
        discussion:
            "From now on /readyz says 503. Undo it with resume.\n\nEXAMPLES\n  invctl drain && sleep 15 && invctl stop --yes"
    )
    @OptionGroup var common: CommonOptions

    func run(_ tool: Tool) async throws { try await StateChange.drain.run(tool) }
}

struct ResumeCommand: ToolCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume", abstract: "Take back a drain.", discussion: "EXAMPLES\n  invctl resume")
    @OptionGroup var common: CommonOptions

    func run(_ tool: Tool) async throws { try await StateChange.resume.run(tool) }
}

struct StopCommand: ToolCommand {
    static let configuration = CommandConfiguration(
        commandName: "stop", abstract: "Stop the daemon: it finishes what is under way first.",
        discussion: "EXAMPLES\n  invctl stop --yes")
    @Flag(name: [.customShort("y"), .long], help: "Do not ask.") var yes = false
    @OptionGroup var common: CommonOptions

    func run(_ tool: Tool) async throws {
        try tool.confirm("Stop inventoryd?", yes: yes)
        try await StateChange.stop.run(tool)
    }
}

private enum StateChange: String {
    case drain, resume, stop

    func run(_ tool: Tool) async throws {
        let answer = try await tool.send(AdminRequest(.post, "\(AdminProtocol.root)/\(rawValue)"))
        let state = try answer.message(StateReport.self).state.rawValue
        try tool.console.write(Record(state, try answer.json(), [.init("state", state)]))
    }
}

struct LogCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log", abstract: "What the daemon logs.", subcommands: [LogLevelCommand.self])
}

struct LogLevelCommand: ToolCommand {
    static let configuration = CommandConfiguration(
        commandName: "level", abstract: "Change what is logged, for good or for some time.",
        discussion: "EXAMPLES\n  invctl log level debug --for 10m\n  invctl log level info")
    enum Level: String, CaseIterable, ExpressibleByArgument {
        case trace, debug, info, notice, warning, error, critical
    }

    @Argument(help: "trace, debug, info, notice, warning, error or critical.") var level: Level
    @Option(name: .customLong("for"), help: ArgumentHelp("After so long it is as before.", valueName: "time"))
    var time: Time?
    @OptionGroup var common: CommonOptions

    func run(_ tool: Tool) async throws {
        var body: [String: JSON] = ["level": .string(level.rawValue)]
        if let time { body["for_seconds"] = .integer(max(1, Int64(time.duration / .seconds(1)))) }
        let answer = try await tool.send(AdminRequest(.post, AdminProtocol.root + "/log").with(.object(body)))
        let report = try answer.message(LogLevelReport.self)
        try tool.console.write(
            Record(
                report.level, try answer.json(),
                [
                    .init("level", report.level), .init("before", report.before),
                    .init("for", report.forSeconds.map { Figures.span(.seconds($0)) } ?? "good"),
                ]))
    }
}
