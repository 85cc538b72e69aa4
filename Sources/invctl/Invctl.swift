import AdminClient
import ArgumentParser
import InventoryKit

/// The operator's tool. Each noun is a file in `Commands`; this tree is also what completion, the shell and the test of
/// the manual go by.
struct Invctl: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "invctl",
        abstract: "Operate inventoryd: products and stock, the cache, the daemon itself.",
        discussion: """
            Alone on a terminal it is a shell, in which every command works as it does here.

            EXAMPLES
              invctl status                          how the daemon is
              invctl seed --count 1000               products to try things out with
              invctl purchase BED-000001:2           buy two
              invctl cache stats                     what the cache is worth
              invctl bench flash-sale --buyers 500   sell the last units to many at once

            Further topics: invctl help exit-codes, output, environment, scripts.
            """,
        version: "invctl \(Release.version)",
        groupedSubcommands: [
            CommandGroup(
                name: "The daemon:",
                subcommands: [
                    StatusCommand.self, HealthCommand.self, WaitCommand.self, VersionCommand.self, DoctorCommand.self,
                    BackendCommand.self, ConfigCommand.self, LogCommand.self, DrainCommand.self, ResumeCommand.self,
                    StopCommand.self,
                ]),
            CommandGroup(
                name: "Watching:", subcommands: [TopCommand.self, StatsCommand.self, MonitorCommand.self]),
            CommandGroup(
                name: "Products and stock:",
                subcommands: [
                    ProductCommand.self, StockNoun.self, PurchaseCommand.self, MovementsCommand.self,
                    LedgerCommand.self,
                    SeedCommand.self, ImportCommand.self, ExportCommand.self, BackupCommand.self,
                ]),
            CommandGroup(name: "The cache:", subcommands: [CacheCommand.self]),
            CommandGroup(name: "Access:", subcommands: [KeyCommand.self]),
            CommandGroup(name: "Load:", subcommands: [BenchCommand.self]),
            CommandGroup(
                name: "The tool itself:",
                subcommands: [ShellCommand.self, CompletionCommand.self]),
        ]
    )
}

@main
enum Main {
    static func main() async {
        let words = Array(CommandLine.arguments.dropFirst())
        Interrupts.watch()
        let isAlone = words.isEmpty && Terminal(descriptor: 0).capabilities.isTerminal
        let code = await CommandRun.run(isAlone ? ["shell"] : words, Invocation(words: words))
        Interrupts.exit(code)
    }
}

/// Parses and runs one command, wherever it comes from.
enum CommandRun {
    /// - Returns: the exit code; everything has been said.
    static func run(_ words: [String], _ invocation: Invocation) async -> Int32 {
        var invocation = invocation
        invocation.words = words
        return await Invocation.$current.withValue(invocation) { await run(words) }
    }

    private static func run(_ words: [String]) async -> Int32 {
        if words.first == "help", words.count == 2, let topic = HelpTopic(rawValue: words[1]) {
            return show(topic.text)
        }
        if words.first == "help", let subject = unknownSubject(words.dropFirst()) {
            return complain("there is no command and no topic \(subject); invctl help has them all", of: words)
        }
        var command: any ParsableCommand
        do {
            command = try Invctl.parseAsRoot(parseable(words))
        } catch {
            // The parser would name the first option that it does not expect there.
            if let name = unknownCommand(words) {
                return complain("there is no command \(name); invctl help has them all", of: words)
            }
            return tell(error, to: words)
        }
        do {
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
            return ExitStatus.ok.rawValue
        } catch let code as ExitCode { return code.rawValue } catch  where isUsage(error) {
            return tell(error, to: words)
        } catch {
            var failure = CommandFailure(error)
            // Whatever it was that failed when its task was cancelled.
            if Task.isCancelled, failure.status != .interrupted { failure = CommandFailure(CancellationError()) }
            ((command as? any ToolCommand)?.common.console ?? .plain).complain(failure)
            return failure.status.rawValue
        }
    }

    /// What help is asked for and nobody has heard of.
    private static func unknownSubject(_ words: ArraySlice<String>) -> String? {
        guard let first = words.first, !first.hasPrefix("-") else { return nil }
        return CommandTree.paths.contains { $0.words == Array(words) } ? nil : words.joined(separator: " ")
    }

    private static func unknownCommand(_ words: [String]) -> String? {
        guard let first = CommonOptions.last(in: words).first, !first.hasPrefix("-"), first != "help" else {
            return nil
        }
        return CommandTree.table.commands.contains { $0.name == first } ? nil : first
    }

    private static func complain(_ text: String, of words: [String]) -> Int32 {
        Console(mode: OutputMode.named(in: words) ?? .table, colour: .auto, isQuiet: false)
            .complain(CommandFailure(.usage, "usage", text))
        return ExitStatus.usage.rawValue
    }

    /// The words as the parser understands them. What follows `--` is nobody's option.
    private static func parseable(_ words: [String]) -> [String] {
        let end = words.firstIndex(of: "--") ?? words.endIndex
        let options = DashedValue.joined(CommonOptions.last(in: Array(words[..<end])))
        return options.map(SignedNumber.guarded) + words[end...]
    }

    /// What the parser has to say: help and versions to standard output, mistakes to standard error.
    private static func tell(_ error: any Error, to words: [String]) -> Int32 {
        if Invctl.exitCode(for: error) == .success { return show(Invctl.fullMessage(for: error)) }
        if OutputMode.named(in: words)?.isJSON == true {
            return complain(SignedNumber.unguarded(Invctl.message(for: error)), of: words)
        }
        try? Console.plain.errors.send(SignedNumber.unguarded(Invctl.fullMessage(for: error)) + "\n")
        return ExitStatus.usage.rawValue
    }

    private static func show(_ text: String) -> Int32 {
        do { try Console.plain.output.send(text + "\n") } catch { return ExitStatus.failed.rawValue }
        return ExitStatus.ok.rawValue
    }

    private static func isUsage(_ error: any Error) -> Bool {
        error is ValidationError || error is CleanExit || "\(type(of: error))" == "CommandError"
    }
}

extension Console {
    /// Before it is known how to write.
    static let plain = Console(mode: .table, colour: .auto, isQuiet: false)
}

/// Values of options that begin with a minus, `--sort -price` and `--reference -17`, where the parser takes them for flags.
enum DashedValue {
    private static let texts: Set = [
        "--reference", "--reason", "--idempotency-key", "--name", "--description", "--sku",
    ]

    static func joined(_ words: [String]) -> [String] {
        var joined: [String] = []
        for word in words {
            if let option = joined.last, isValue(word, of: option) {
                joined[joined.count - 1] = option + "=" + word
            } else {
                joined.append(word)
            }
        }
        return joined
    }

    private static func isValue(_ word: String, of option: String) -> Bool {
        if option == "--sort" { return word.hasPrefix("-") && !word.hasPrefix("--") }
        return texts.contains(option) && SignedNumber.guarded(word) != word
    }
}

/// A number that may have a sign, among words where `-5` would be taken for a flag.
enum SignedNumber {
    /// Swift's parser takes this for a value, as which it is read.
    private static let minus = "\u{2212}"

    static func guarded(_ word: String) -> String {
        guard word.count > 1, word.hasPrefix("-"), word.dropFirst().allSatisfy({ $0.isASCII && $0.isNumber }) else {
            return word
        }
        return minus + word.dropFirst()
    }

    /// As it was typed.
    static func unguarded(_ text: String) -> String { text.replacing(minus, with: "-") }

    static func value(_ text: String) -> Int64? { Int64(unguarded(text)) }
}
