import AdminClient
import ArgumentParser
import FoundationEssentials
import InventoryKit

struct ShellCommand: ToolCommand {
    static let configuration = CommandConfiguration(
        commandName: "shell", abstract: "Type one command after another; TAB completes, ? explains.",
        discussion: """
            Commands that are piped in run one by one, up to the first that fails, with its exit code.

            EXAMPLES
              invctl
              invctl shell -f morning.invctl
              printf 'status\\ncache stats\\n' | invctl shell
            """)
    @Option(name: .shortAndLong, help: "Run the lines of a file.") var file: String?
    @OptionGroup var common: CommonOptions

    func run(_ tool: Tool) async throws {
        let isPiped = file == nil && !Shell.isOnTerminal
        let host = CommandHost(socket: common.socketPath, isInputTaken: isPiped)
        let shell = Shell(host: host, isColoured: tool.console.output.capabilities.hasColour)
        let code: Int32
        if let file {
            code = await shell.run(script: .file(file))
        } else {
            code = isPiped ? await shell.run(script: .standardInput) : await shell.run()
        }
        throw ExitCode(code)
    }
}

/// The commands as the shell runs them, in this process.
private struct CommandHost: ShellHost {
    let socket: String?
    let isInputTaken: Bool
    let commands = CommandTree.table

    func run(_ words: [String]) async -> Int32 {
        var invocation = Invocation.current
        invocation.socket = socket
        invocation.isInShell = true
        invocation.isInputTaken = isInputTaken
        return await CommandRun.run(words, invocation)
    }

    func skus(prefix: String, limit: Int) async -> [String] {
        let request = AdminRequest(
            .get, "/v1/products",
            query: [
                ("sku_prefix", prefix.isEmpty ? nil : prefix), ("sort", "sku"),
                ("limit", String(min(200, max(1, limit)))),
            ])
        guard let page = try? await client.send(request).json() else { return [] }
        return page["items"].items.compactMap(\.["sku"].string)
    }

    func daemonState() async -> DaemonState {
        do {
            let status = try await client.send(AdminRequest(.get, AdminProtocol.root + "/status"))
                .message(ServiceStatus.self)
            return .up("inventoryd \(status.version) at \(status.address)")
        } catch { return .down(CommandFailure(error).message) }
    }

    private var client: AdminClient {
        AdminClient(socket: socket, environment: Invocation.current.environment, timeout: .seconds(1))
    }
}

struct CompletionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "completion", abstract: "The script by which a shell completes invctl's words.",
        discussion: """
            EXAMPLES
              invctl completion bash > /etc/bash_completion.d/invctl
              invctl completion zsh > ~/.zfunc/_invctl
              invctl completion fish > ~/.config/fish/completions/invctl.fish
            """)
    enum Kind: String, CaseIterable, ExpressibleByArgument { case bash, zsh, fish }

    @Argument(help: "bash, zsh or fish.") var shell: Kind

    func run() async throws {
        let kind: CompletionShell =
            switch shell {
            case .bash: .bash
            case .zsh: .zsh
            case .fish: .fish
            }
        try Console.plain.output.send(Invctl.completionScript(for: kind) + "\n")
    }
}
