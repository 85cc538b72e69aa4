import AdminClient
import ArgumentParser
import InventoryKit

struct StockNoun: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stock", abstract: "Units on hand.",
        subcommands: [StockAdjustCommand.self, StockCountCommand.self])
}

struct StockAdjustCommand: ToolCommand {
    static let configuration = CommandConfiguration(
        commandName: "adjust", abstract: "Add units, or take some away.",
        discussion: """
            EXAMPLES
              invctl stock adjust LAMP-1 +40 --reason receive --reference PO-4711
              invctl stock adjust LAMP-1 -2 --reason damaged
            """)
    @Argument(help: "SKU or id.") var sku: String
    @Argument(help: "The difference: +40 or -2.") var delta: String
    @OptionGroup var change: StockChangeOptions
    @OptionGroup var common: CommonOptions

    func run(_ tool: Tool) async throws {
        let text = delta.hasPrefix("+") ? String(delta.dropFirst()) : delta
        guard let units = SignedNumber.value(text), units != 0 else {
            throw CommandFailure(.usage, "usage", "\(delta) must be a whole number other than 0, such as +40 or -2")
        }
        try await change.perform(
            ["delta": .integer(units)], after: { $0.addingReportingOverflow(units).partialValue }, on: sku, tool)
    }
}

struct StockCountCommand: ToolCommand {
    static let configuration = CommandConfiguration(
        commandName: "count", abstract: "Set the units to what was counted.",
        discussion: """
            It is refused (6) if the books no longer say what they said when you counted.

            EXAMPLES
              invctl stock count LAMP-1 37 --expected 40
            """)
    @Argument(help: "SKU or id.") var sku: String
    @Argument(help: "How many there are.") var units: Int64
    @Option(help: "What the books said when you counted.") var expected: Int64
    @OptionGroup var change: StockChangeOptions
    @OptionGroup var common: CommonOptions

    func run(_ tool: Tool) async throws {
        try await change.perform(
            ["count": .integer(units), "expected_on_hand": .integer(expected)], after: { _ in units },
            expecting: expected, on: sku, tool, usually: .stocktake)
    }
}

struct StockChangeOptions: ParsableArguments {
    @Option(help: "receive, return, damaged, lost, stocktake or correction.") var reason: StockReason?
    @Option(help: "What it belongs to: an order, a delivery.") var reference: String?
    @Option(help: "So that it happens once, however often this runs.") var idempotencyKey: String?
    @Flag(help: "Say what would change.") var dryRun = false

    func perform(
        _ members: [String: JSON], after: (Int64) -> Int64, expecting expected: Int64? = nil, on sku: String,
        _ tool: Tool, usually: StockReason = .correction
    ) async throws {
        let path = "/v1/products/" + ProductPath.of(sku)
        guard !dryRun else {
            let product = try await tool.send(AdminRequest(.get, path)).json()
            let before = product["stock"]["on_hand"].int ?? 0
            let name = product["sku"].string ?? sku
            try Self.check(before, after(before), expected, reserved: product["stock"]["reserved"].int ?? 0, name)
            return try tool.console.write(
                Record(
                    name, ["sku": .string(name), "before": .integer(before), "after": .integer(after(before))],
                    [.init("sku", name), .init("before", before), .init("after", after(before))]))
        }
        var members = members
        members["reason"] = .string((reason ?? usually).rawValue)
        members["reference"] = reference.map(JSON.string)
        let request = AdminRequest(.post, path + "/adjust").with(.object(members))
            .with("Idempotency-Key", idempotencyKey ?? RowKey.fresh())
        let answer = try await tool.send(request)
        try tool.console.write(Shown.movement(try answer.json()["movement"]))
        tool.tellIfReplayed(answer)
    }
}

extension StockChangeOptions {
    /// What the daemon would refuse.
    private static func check(
        _ before: Int64, _ after: Int64, _ expected: Int64?, reserved: Int64, _ name: String
    ) throws {
        if let expected, expected != before {
            throw CommandFailure(.refused, "stock-changed", "\(name): \(before) on hand, not \(expected) as expected.")
        }
        do throws(InvalidValue) { _ = try StockLevel(onHand: after, reserved: reserved) } catch {
            throw CommandFailure(
                .refused, "stock-limit", "\(name): \(before) on hand, so it would be refused: \(error.detail).")
        }
    }
}

extension StockReason: ExpressibleByArgument {}

struct MovementsCommand: ToolCommand {
    static let configuration = CommandConfiguration(
        commandName: "movements", abstract: "The ledger of a product, or of all, the newest first.",
        discussion: "EXAMPLES\n  invctl movements LAMP-1\n  invctl movements --reference ORDER-17 -o json")
    @Argument(help: "SKU or id; without one, of all products.") var sku: String?
    @Option(help: "Only those with this reference; without a SKU.") var reference: String?
    @Option(help: "Only those since then, as 2026-11-24T00:00:00Z; without a SKU.") var since: String?
    @Option(help: "How many at most.") var limit = 50
    @OptionGroup var common: CommonOptions

    func validate() throws {
        guard (1...100_000).contains(limit) else { throw ValidationError("--limit must be 1 to 100000.") }
        guard sku == nil || (reference == nil && since == nil) else {
            throw ValidationError("--reference and --since are for the movements of all products: leave the SKU out.")
        }
    }

    func run(_ tool: Tool) async throws {
        let pages =
            sku.map { Pages("/v1/products/\(ProductPath.of($0))/movements", []) }
            ?? Pages("/v1/movements", [("reference", reference), ("since", since)])
        let (items, hasMore) = try await pages.read(tool, limit: limit)
        try tool.console.write(items.map(Shown.movement), empty: "Nothing has moved.", like: Shown.movement([:]))
        if hasMore { tool.console.note("There are more: raise --limit.") }
    }
}
