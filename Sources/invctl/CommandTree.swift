import ArgumentParser
import FoundationEssentials

/// The commands as data, out of the very declarations that they are parsed by.
enum CommandTree {
    /// What the parser tells of itself (its `ToolInfoV0`), as far as it is needed here.
    private struct Tool: Decodable { let command: Command }

    private struct Command: Decodable {
        let commandName: String
        let abstract: String?
        let shouldDisplay: Bool?
        let subcommands: [Command]?
        let arguments: [Argument]?
    }

    private struct Argument: Decodable {
        struct Name: Decodable {
            let kind: String
            let name: String
        }

        let kind: String
        let shouldDisplay: Bool
        let isRepeating: Bool
        let names: [Name]?
        let valueName: String?
        let allValues: [String]?
        let abstract: String?
    }

    static let table = CommandTable(commands: commands(in: root))

    /// Every command's words, such as `cache flush`, and its flags.
    static var paths: [(words: [String], flags: [String])] {
        func paths(_ commands: [CommandTable.Command], _ words: [String]) -> [(words: [String], flags: [String])] {
            commands.flatMap { command in
                [(words + [command.name], command.flags.flatMap(\.names))]
                    + paths(command.verbs, words + [command.name])
            }
        }
        return paths(table.commands, [])
    }

    private static var root: Command? {
        // What the parser says of itself is JSON of its own making.
        try? JSONDecoder().decode(Tool.self, from: Data(Invctl._dumpHelp().utf8)).command
    }

    private static func commands(in command: Command?) -> [CommandTable.Command] {
        (command?.subcommands ?? []).filter { $0.shouldDisplay ?? true }.filter { $0.commandName != "help" }.map {
            command in
            let arguments = (command.arguments ?? []).filter(\.shouldDisplay)
            let positional = arguments.filter { $0.kind == "positional" }
            return CommandTable.Command(
                name: command.commandName, abstract: command.abstract ?? "", verbs: commands(in: command),
                flags: arguments.filter { $0.kind != "positional" }.map(flag),
                arguments: positional.map(value), repeatsLast: positional.last?.isRepeating ?? false)
        }
    }

    private static func flag(_ argument: Argument) -> CommandTable.Flag {
        let names = (argument.names ?? []).map { $0.kind == "long" ? "--\($0.name)" : "-\($0.name)" }
        return CommandTable.Flag(
            names: names.sorted { $0.count > $1.count }, value: argument.kind == "flag" ? nil : value(argument),
            help: argument.abstract ?? "")
    }

    private static func value(_ argument: Argument) -> CommandTable.Argument {
        if let values = argument.allValues, !values.isEmpty { return .choice(values) }
        let name = argument.valueName ?? "value"
        switch name {
        case "sku", "skus", "lines": return .sku
        case "file", "report", "from": return .file
        default: return .text(name.uppercased())
        }
    }
}
