import AdminClient
import ArgumentParser
import InventoryKit

struct BackendCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backend", abstract: "What the daemon leans on: the store, Redis.",
        subcommands: [BackendListCommand.self, BackendPingCommand.self])
}

struct BackendListCommand: ToolCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "The parts, and how each is.", discussion: "EXAMPLES\n  invctl backend list")
    @OptionGroup var common: CommonOptions

    func run(_ tool: Tool) async throws { try await Backends(tool).write() }
}

struct BackendPingCommand: ToolCommand {
    static let configuration = CommandConfiguration(
        commandName: "ping", abstract: "Ask each part, and time the answer; fails if one does not answer.",
        discussion: "EXAMPLES\n  invctl backend ping")
    @OptionGroup var common: CommonOptions

    func run(_ tool: Tool) async throws {
        let backends = try await Backends(tool)
        try backends.write()
        if let trouble = backends.reports.first(where: { !$0.ok }) {
            throw CommandFailure(.failed, "backend", "\(trouble.description): \(trouble.trouble ?? "not well")")
        }
    }
}

private struct Backends {
    let reports: [BackendReport]
    private let json: JSON
    private let tool: Tool

    init(_ tool: Tool) async throws {
        let answer = try await tool.send(AdminRequest(.get, AdminProtocol.root + "/backends"))
        self.tool = tool
        reports = try answer.message([BackendReport].self)
        json = try answer.json()
    }

    func write() throws {
        try tool.console.write(
            zip(reports, json.items).map { report, json in
                Record(
                    report.name, json,
                    [
                        .init("name", report.name),
                        .init("condition", StyledText(report.ok ? "ok" : "failing", report.ok ? .green : .red)),
                        .init(
                            "latency", StyledText(Figures.duration(.microseconds(report.latencyUs))), .right),
                        .init("description", report.description),
                        .init("trouble", report.trouble ?? "-", isWide: true),
                    ])
            }, empty: "There is none.")
    }
}

struct ConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "The daemon's settings.",
        subcommands: [ConfigShowCommand.self, ConfigCheckCommand.self, ConfigReloadCommand.self])
}

struct ConfigShowCommand: ToolCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Each setting in force, and where it came from; secrets are masked.",
        discussion: "EXAMPLES\n  invctl config show\n  invctl config show -o csv")
    @OptionGroup var common: CommonOptions

    func run(_ tool: Tool) async throws {
        let answer = try await tool.send(AdminRequest(.get, AdminProtocol.root + "/config"))
        let lines = try answer.message([ConfigLine].self)
        try tool.console.write(
            zip(lines, try answer.json().items).map { line, json in
                Record(
                    line.name, json,
                    [
                        .init("name", line.name), .init("value", line.value, isFlexible: true),
                        .init("origin", line.origin),
                    ])
            }, empty: "There are none.")
    }
}

struct ConfigCheckCommand: ToolCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Read the configuration again without taking it over, and say what is wrong.",
        discussion: "EXAMPLES\n  invctl config check && invctl config reload")
    @OptionGroup var common: CommonOptions

    func run(_ tool: Tool) async throws { try await Rereading.check.run(tool) }
}

struct ConfigReloadCommand: ToolCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload", abstract: "Read the configuration again and take over what can change while it runs.",
        discussion:
            "The same as SIGHUP. If anything is wrong with it, all stays as it was.\n\nEXAMPLES\n  invctl config reload"
    )
    @OptionGroup var common: CommonOptions

    func run(_ tool: Tool) async throws { try await Rereading.reload.run(tool) }
}

private enum Rereading: String {
    case check, reload

    func run(_ tool: Tool) async throws {
        let answer = try await tool.send(AdminRequest(.post, "\(AdminProtocol.root)/config:\(rawValue)"))
        let report = try answer.message(ConfigReport.self)
        for warning in report.warnings { tool.console.warn(warning) }
        guard report.mistakes.isEmpty else {
            throw CommandFailure(
                .refused, "bad-configuration",
                (["the configuration is not good; the one in force stays"] + report.mistakes).joined(separator: "\n  "))
        }
        let state = report.applied ? "reloaded" : "good"
        try tool.console.write(
            Record(
                state, try answer.json(),
                [
                    .init("configuration", state),
                    .init(
                        "needs a restart",
                        report.needRestart.isEmpty ? "nothing" : report.needRestart.joined(separator: ", ")),
                ]))
    }
}
