import AdminClient
import ArgumentParser
import InventoryKit

struct LedgerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ledger", abstract: "The ledger of all movements.",
        subcommands: [LedgerVerifyCommand.self, LedgerRepairCommand.self])
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
        let (last, json) = try await tool.follow(request, as: "verify", LedgerReport.self)
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
                ([
                    "\(Figures.count(Int(clamping: last.faulty), "product does", "products do")) not add up. See what can be mended with invctl ledger repair --dry-run; "
                        + "report it, and do not edit the store by hand"
                ] + last.faults)
                .joined(separator: "\n  "))
        }
    }
}

struct LedgerRepairCommand: ToolCommand {
    static let configuration = CommandConfiguration(
        commandName: "repair", abstract: "Mend what can be proven; tell what cannot.",
        discussion: """
            What is derived from a product's other fields is derived anew. Where all of a product's movements are there and lead \
            to another stock than it has, it gets that stock: only something else than inventoryd can have changed it. Movements \
            are never written, changed or removed. Ends with 1 if something is wrong that cannot be mended.

            EXAMPLES
              invctl ledger repair --dry-run
              invctl ledger repair --yes && invctl ledger verify
            """)
    @Flag(help: "Only say what would be mended.") var dryRun = false
    @Flag(name: [.customShort("y"), .long], help: "Do not ask.") var yes = false
    @OptionGroup var common: CommonOptions

    func run(_ tool: Tool) async throws {
        var (report, json) = try await repair(tool, dryRun: true)
        if !dryRun, report.mended > 0 {
            for words in report.repairs { tool.console.note("~ \(words)") }
            try tool.confirm("Mend \(report.mended) of these?", yes: yes)
            (report, json) = try await repair(tool, dryRun: false)
        }
        let mended = StyledText(Figures.count(Int(clamping: report.mended)), report.mended == 0 ? .green : .yellow)
        try tool.console.write(
            Record(
                report.faulty > 0 ? "wrong" : report.mended > 0 ? dryRun ? "mendable" : "mended" : "right", json,
                [
                    .init("products", Figures.count(Int(clamping: report.products))),
                    .init(dryRun ? "would mend" : "mended", mended),
                    .init(
                        "wrong",
                        StyledText(Figures.count(Int(clamping: report.faulty)), report.faulty == 0 ? .green : .red)),
                ]))
        if dryRun { for words in report.repairs { tool.console.note("~ \(words)") } }
        guard report.faulty == 0 else {
            throw CommandFailure(
                .failed, "ledger-wrong",
                ([
                    "what is wrong here cannot be proven from what is there. Restore a backup, or count the shelf and set it "
                        + "right (invctl stock count); the gap stays in the ledger"
                ] + report.faults)
                .joined(separator: "\n  "))
        }
    }

    private func repair(_ tool: Tool, dryRun: Bool) async throws -> (RepairReport, JSON) {
        let request = AdminRequest(.post, AdminProtocol.root + "/ledger:repair").with(["dry_run": .bool(dryRun)])
        return try await tool.follow(request, as: dryRun ? "look" : "repair", RepairReport.self)
    }
}
