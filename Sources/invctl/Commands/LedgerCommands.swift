import AdminClient
import ArgumentParser
import InventoryKit

struct LedgerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ledger", abstract: "The ledger of all movements.", subcommands: [LedgerVerifyCommand.self])
}

struct LedgerVerifyCommand: ToolCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Check that every product's movements lead to its stock, without a gap.",
        discussion: """
            It may run while the daemon serves. Ends with 1 if anything is wrong, and says what.

            EXAMPLES
              invctl ledger verify
              invctl ledger verify -o json | jq .faults
            """)
    @OptionGroup var common: CommonOptions

    func run(_ tool: Tool) async throws {
        let request = AdminRequest(.post, AdminProtocol.root + "/ledger:verify")
        var last = LedgerReport()
        var json = JSON.null
        var progress = ProgressLine("verify", tool.console)
        try await tool.connected { connection in
            try await connection.lines(request, silence: tool.timeout) { line in
                guard let report = try? AdminProtocol.decode(LedgerReport.self, from: line) else {
                    throw AdminError.foreign("a line of its answer is no report")
                }
                last = report
                json = (try? JSONDocument(parsing: line).root) ?? .null
                progress.update(done: Int(clamping: report.products), total: nil)
                return true
            }
        }
        progress.finish()
        guard last.done else {
            throw CommandFailure(.failed, "unfinished", "the daemon ended before it was done; run it again")
        }
        try tool.console.write(
            Record(
                last.faulty == 0 ? "right" : "wrong", json,
                [
                    .init("products", Figures.count(Int(clamping: last.products))),
                    .init("movements", Figures.count(Int(clamping: last.movements))),
                    .init(
                        "wrong", StyledText(Figures.count(Int(clamping: last.faulty)), last.faulty == 0 ? .green : .red)
                    ),
                ]))
        guard last.faulty == 0 else {
            throw CommandFailure(
                .failed, "ledger-wrong",
                (["\(last.faulty) products do not add up; report this, and do not edit the store by hand"] + last.faults)
                    .joined(separator: "\n  "))
        }
    }
}
