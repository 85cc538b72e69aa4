import AdminClient
import ArgumentParser
import InventoryKit

struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Simulated traffic, bounded in time and count, over the admin socket.",
        discussion: "Figures are those of the daemon and this tool together, on this machine, without a network.",
        subcommands: [FlashSaleCommand.self, BrowseCommand.self, MixedCommand.self])
}

/// How much traffic.
struct LoadOptions: ParsableArguments {
    @Option(help: "Connections at once.") var connections = 32
    @Option(help: ArgumentHelp("At most so long.", valueName: "time")) var duration = Time(.seconds(10))

    func validate() throws {
        guard (1...100).contains(connections) else { throw ValidationError("--connections must be 1 to 100.") }
        guard duration.duration <= .seconds(3_600) else { throw ValidationError("--duration must be at most 1h.") }
    }
}

struct FlashSaleCommand: ToolCommand {
    static let configuration = CommandConfiguration(
        commandName: "flash-sale",
        abstract: "Many buyers for the last units of one product, and the proof from its ledger.",
        discussion: """
            It makes a product of its own and archives it at the end. Ends with 1 if anything does not add up.

            EXAMPLES
              invctl bench flash-sale
              invctl bench flash-sale --buyers 5000 --units 100 -o json
            """)
    @Option(help: "Buyers, each of whom wants one unit.") var buyers = 1_000
    @Option(help: "Units to be had.") var units: Int64 = 100
    @Flag(help: "Leave the product.") var keep = false
    @OptionGroup var load: LoadOptions
    @OptionGroup var common: CommonOptions

    func validate() throws {
        guard (1...1_000_000).contains(buyers) else { throw ValidationError("--buyers must be 1 to 1000000.") }
        guard (1...1_000_000).contains(units) else { throw ValidationError("--units must be 1 to 1000000.") }
    }

    func run(_ tool: Tool) async throws {
        let key = RowKey.fresh()
        let (result, proof) = try await BenchProduct.with(units: units, keep: keep, tool) { product in
            let result = try await Traffic(load, requests: buyers).run(tool) { number, _ in
                AdminRequest(.post, product.path + "/purchase").with(["quantity": .integer(1)])
                    .with("Idempotency-Key", "\(key)-\(number)")
            }
            return (result, try await product.proof(sold: Int64(result.accepted), tool))
        }
        try result.write(tool, proof: [proof])
    }
}

struct BrowseCommand: ToolCommand {
    static let configuration = CommandConfiguration(
        commandName: "browse", abstract: "Readers of products, some much more asked for than others (Zipf).",
        discussion: "EXAMPLES\n  invctl bench browse --products 1000 --duration 5s")
    @Option(help: "How many of the catalogue are asked for.") var products = 1_000
    @Option(help: "Reads at most.") var reads = 10_000_000
    @OptionGroup var load: LoadOptions
    @OptionGroup var common: CommonOptions

    func validate() throws {
        guard (1...100_000).contains(products) else { throw ValidationError("--products must be 1 to 100000.") }
        guard (1...1_000_000_000).contains(reads) else { throw ValidationError("--reads must be 1 to 1000000000.") }
    }

    func run(_ tool: Tool) async throws {
        let zipf = try await Zipf(of: products, tool)
        let result = try await Traffic(load, requests: reads).run(tool) { _, random in
            AdminRequest(.get, zipf.path(&random))
        }
        try result.write(tool, proof: [])
    }
}

struct MixedCommand: ToolCommand {
    static let configuration = CommandConfiguration(
        commandName: "mixed", abstract: "Readers of the catalogue, and buyers of one product among them.",
        discussion: "EXAMPLES\n  invctl bench mixed --buys 0.05 --duration 5s")
    @Option(help: "The part of the requests that are purchases, from 0 to 1.") var buys = 0.02
    @Option(help: "How many of the catalogue are asked for.") var products = 1_000
    @Option(help: "Units to be had.") var units: Int64 = 1_000
    @Option(help: "Requests at most.") var requests = 10_000_000
    @OptionGroup var load: LoadOptions
    @OptionGroup var common: CommonOptions

    func validate() throws {
        guard (0...1).contains(buys) else { throw ValidationError("--buys must be 0 to 1.") }
        guard (1...100_000).contains(products) else { throw ValidationError("--products must be 1 to 100000.") }
        guard (1...1_000_000).contains(units) else { throw ValidationError("--units must be 1 to 1000000.") }
        guard (1...1_000_000_000).contains(requests) else {
            throw ValidationError("--requests must be 1 to 1000000000.")
        }
    }

    func run(_ tool: Tool) async throws {
        let zipf = try await Zipf(of: products, tool)
        let (key, buys) = (RowKey.fresh(), buys)
        let (result, proof) = try await BenchProduct.with(units: units, keep: false, tool) { product in
            let result = try await Traffic(load, requests: requests).run(tool) { number, random in
                guard Double.random(in: 0..<1, using: &random) < buys else {
                    return AdminRequest(.get, zipf.path(&random))
                }
                return AdminRequest(.post, product.path + "/purchase").with(["quantity": .integer(1)])
                    .with("Idempotency-Key", "\(key)-\(number)")
            }
            return (result, try await product.proof(sold: Int64(result.accepted), tool))
        }
        try result.write(tool, proof: [proof])
    }
}

/// A product that is made to be fought for.
private struct BenchProduct: Sendable {
    let id: String
    let sku: String
    let units: Int64

    var path: String { "/v1/products/\(id)" }

    /// Makes one, and takes it off the shelf afterwards, also when `body` is interrupted.
    static func with<Value: Sendable>(
        units: Int64, keep: Bool, _ tool: Tool, _ body: (BenchProduct) async throws -> Value
    ) async throws -> Value {
        try await Interrupts.gently {
            let product = try await make(units: units, tool)
            let outcome: Result<Value, any Error>
            do { outcome = .success(try await body(product)) } catch { outcome = .failure(error) }
            // A task of its own, which nobody has cancelled.
            if !keep { _ = try await Task { try await product.archive(tool) }.value }
            return try outcome.get()
        }
    }

    private static func make(units: Int64, _ tool: Tool) async throws -> BenchProduct {
        let sku = "BENCH-\(RowKey.fresh().prefix(12))"
        let document: JSON = [
            "sku": .string(sku), "name": "Made by invctl bench", "price": ["amount": .integer(100), "currency": "EUR"],
            "stock": ["on_hand": .integer(units)],
        ]
        let answer = try await tool.send(
            AdminRequest(.post, "/v1/products").with(document).with("Idempotency-Key", RowKey.fresh())
        ).json()
        guard let id = answer["id"].string else { throw AdminError.foreign("a product without an id") }
        return BenchProduct(id: id, sku: sku, units: units)
    }

    /// What the ledger says, beside what the buyers were told.
    func proof(sold: Int64, _ tool: Tool) async throws -> BenchProof {
        let product = try await tool.send(AdminRequest(.get, path)).json()
        let (movements, _) = try await Pages(path + "/movements", []).read(tool, limit: 2_000_000)
        let sales = movements.filter { $0["kind"].string == "sale" }
        let moved = movements.reduce(Int64(0)) { $0 + ($1["delta"].int ?? 0) }
        return BenchProof(
            sku: sku, opening: units, told: sold, inLedger: -sales.reduce(0) { $0 + ($1["delta"].int ?? 0) },
            left: product["stock"]["on_hand"].int ?? -1, moved: moved,
            lowest: movements.compactMap { $0["on_hand"].int }.min() ?? units)
    }

    private func archive(_ tool: Tool) async throws { _ = try await tool.send(AdminRequest(.delete, path)) }
}

/// Products by how much they are asked for: the n-th of them 1/n as much as the first.
struct Zipf: Sendable {
    private let ids: [String]
    private let sums: [Double]

    init(of count: Int, _ tool: Tool) async throws {
        let (items, _) = try await Pages("/v1/products", [("sort", "sku")]).read(tool, limit: count)
        ids = items.compactMap(\.["id"].string)
        guard !ids.isEmpty else {
            throw CommandFailure(
                .notFound, "no-products", "there are no products to read: invctl seed --count 1000 makes some")
        }
        var sum = 0.0
        sums = ids.indices.map { index in
            sum += 1 / Double(index + 1)
            return sum
        }
    }

    func path(_ random: inout SystemRandomNumberGenerator) -> String {
        let wanted = Double.random(in: 0..<(sums.last ?? 1), using: &random)
        var (low, high) = (0, sums.count - 1)
        while low < high {
            let middle = (low + high) / 2
            if sums[middle] > wanted { high = middle } else { low = middle + 1 }
        }
        return "/v1/products/\(ids[low])"
    }
}
