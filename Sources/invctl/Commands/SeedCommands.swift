import AdminClient
import ArgumentParser
import InventoryKit

/// Where products come from and how they are read, for `seed` and `import`.
struct InputOptions: ParsableArguments {
    @Option(help: "Which column is which: sku=StockCode,name=Description,price=UnitPrice.") var map: String?
    @Option(help: "Of prices that come without one (ISO 4217).") var currency: String?
    @Option(help: "Units on hand of new products whose row has none.") var stock: Int64?
    @Flag(help: "Say what would be created and changed; nothing is.") var dryRun = false
    @Option(
        help: "Where to write a line for each row that was not taken, as CSV; else standard error has the first ones.")
    var report: String?

    /// Whether nothing was said.
    var isEmpty: Bool { map == nil && currency == nil && stock == nil && report == nil && !dryRun }

    func rowOptions(_ repeats: ProductRows.Repeats) throws -> ProductRows.Options {
        var options = ProductRows.Options()
        options.currency = try currency.map { text throws(InvalidValue) in try Currency(text) }
        options.stock = try stock.map { units throws(InvalidValue) in try Balance(units) }
        options.repeats = repeats
        // In a list of invoice lines a price of zero is a gift; in a catalogue it is a price.
        options.takesZeroPrices = if case .passOn = repeats { true } else { false }
        return options
    }
}

struct SeedCommand: ToolCommand {
    static let configuration = CommandConfiguration(
        commandName: "seed", abstract: "Load products from a file, or make some up.",
        discussion: """
            CSV (any delimiter, quotes, any order of columns) or NDJSON, with sku, name, description, price or price_minor, \
            currency, stock, low_stock_threshold, max_per_order and attributes.NAME, as far as they are there; --map says \
            what other columns are. A product that is there already keeps its stock. Of a SKU that comes again in the file the \
            first good row counts, so a list of invoice lines does too. After Ctrl-C, or when the daemon went away, run the \
            same again: it goes on, nothing happens twice, and what was done before is told as already there.

            EXAMPLES
              invctl seed catalogue.csv
              invctl seed --count 10000 --seed 7
              invctl seed --map sku=StockCode,name=Description,price=UnitPrice --currency GBP --stock 500 invoices.csv
              gzip -dc catalogue.csv.gz | invctl seed - --dry-run
            """)
    @Argument(help: "A file, or - for standard input.") var file: String?
    @Option(help: "Make up so many products.") var count: Int?
    @Option(help: "Which ones: the same number makes the same products.") var seed: UInt64 = 1
    @Flag(help: "Only if there is no product yet.") var ifEmpty = false
    @OptionGroup var input: InputOptions
    @OptionGroup var common: CommonOptions

    func validate() throws {
        guard file == nil || count == nil else { throw ValidationError("A FILE and --count N do not go together.") }
        guard file != nil || count != nil else { throw ValidationError("Say what to load: a FILE, or --count N.") }
        if let count, !(1...100_000_000).contains(count) { throw ValidationError("--count must be 1 to 100000000.") }
    }

    func run(_ tool: Tool) async throws {
        var job = LoadJob(label: "seed", isOnce: true, report: input.report, isDry: input.dryRun, tool: tool)
        if ifEmpty {
            let page = try await tool.send(AdminRequest(.get, "/v1/products", query: [("limit", "1")])).json()
            guard page["items"].items.isEmpty else {
                tool.console.note("There are products already; nothing to do.")
                return try job.skip()
            }
        }
        if let file {
            let rows = try InputRows(
                file, ProductRows(map: FieldMap(input.map, for: .products), options: try input.rowOptions(.keepFirst)))
            job.input = rows.descriptor
            return try await job.run(next: rows.next, estimate: rows.estimate)
        }
        let options = try input.rowOptions(.keepFirst)
        let total = count ?? 0
        var products = ProductGenerator(
            count: total, seed: seed, currency: try options.currency ?? Currency("EUR"), stock: options.stock
        ).makeIterator()
        try await job.run(next: { products.next().map { .success($0) } }, estimate: { _ in total })
    }
}

struct ImportCommand: ToolCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Create and change products as a file has them.",
        discussion: """
            As seed, but every row counts, each time: of a SKU that comes again the last one, and what was changed by hand \
            since is as the file has it again. What a row leaves out keeps its value, and stock is only for new products. \
            With --full it takes over what invctl export --full has written, ledger included, into an empty store, and compares \
            all of it at the end; meanwhile the daemon serves nothing else. If it breaks off, empty the store and begin again.

            EXAMPLES
              invctl export > products.ndjson && invctl import products.ndjson --dry-run
              invctl import --full everything.ndjson
              invctl import prices.csv --map sku=Code,price=New --currency EUR
            """)
    @Argument(help: "A file, or - for standard input.") var file: String
    @Flag(help: "Everything that another store had, into an empty one.") var full = false
    @OptionGroup var input: InputOptions
    @OptionGroup var common: CommonOptions

    func validate() throws {
        guard !full || input.isEmpty else {
            throw ValidationError("--full takes everything as it is: it goes with none of the options for rows.")
        }
    }

    func run(_ tool: Tool) async throws {
        if full { return try await FullImportJob(file: file, tool: tool).run() }
        var job = LoadJob(label: "import", report: input.report, isDry: input.dryRun, tool: tool)
        let rows = try InputRows(
            file, ProductRows(map: FieldMap(input.map, for: .products), options: try input.rowOptions(.passOn)))
        job.input = rows.descriptor
        try await job.run(next: rows.next, estimate: rows.estimate)
    }
}

struct ExportCommand: ToolCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "All products, as NDJSON or CSV, in constant memory.",
        discussion: """
            What comes out can be imported again. Products that are sold meanwhile may be told as they were or as they are. \
            Archived ones are left out. --archived has them too, for looking at: imported, they would be sold again. \
            With --full it is everything, for another inventoryd: archived products, the whole ledger, the answers that are \
            remembered for repetitions, and the API keys by their digests; each product with the very ledger that leads to its stock. A file is there as a whole or \
            not at all.

            EXAMPLES
              invctl export --full everything.ndjson
              invctl export --full - | ssh elsewhere invctl import --full -
              invctl export > products.ndjson
              invctl export -o csv > products.csv
            """)
    @Argument(help: "With --full: where to write it; - for standard output, which is the default.") var file: String?
    @Flag(help: "Everything, for another inventoryd.") var full = false
    @Flag(help: "With --full: replace a file that is there.") var force = false
    @Option(help: "Archived products: false (left out), true (only these) or any.") var archived: String?
    @OptionGroup var common: CommonOptions

    func validate() throws {
        if full, archived != nil { throw ValidationError("--full is everything, archived products included.") }
        if !full, file != nil || force { throw ValidationError("FILE and --force go with --full; else use > FILE.") }
    }

    func run(_ tool: Tool) async throws {
        if full { return try await FullExportJob(file: file ?? "-", replaces: force, tool: tool).run() }
        if let archived, archived != "false" {
            tool.console.warn("an import of this makes archived products new ones that are sold.")
        }
        let layout = Layout(common.output)
        var cursor: String?
        var isFirst = true
        var losesAttributes = false
        try await tool.connected { connection in
            repeat {
                try Task.checkCancellation()
                let page = try await connection.send(
                    AdminRequest(
                        .get, "/v1/products",
                        query: [("sort", "sku"), ("limit", "200"), ("archived", archived), ("cursor", cursor)])
                ).json()
                if cursor == nil { try tool.console.output.send(layout.beginning) }
                let lines = page["items"].items.map(layout.line)
                losesAttributes =
                    losesAttributes || common.output == .csv && page["items"].items.contains { $0["attributes"] != [:] }
                if !lines.isEmpty, !isFirst { try tool.console.output.send(layout.separator) }
                isFirst = isFirst && lines.isEmpty
                try tool.console.output.send(lines.joined(separator: layout.separator))
                cursor = page["next_cursor"].string
            } while cursor != nil
        }
        try tool.console.output.send(layout.end)
        if losesAttributes { tool.console.warn("CSV has no attributes; without -o csv they are in it.") }
    }
}

/// How an export is written, a product at a time.
private struct Layout {
    private(set) var beginning = ""
    private(set) var separator = ""
    private(set) var end = ""
    let line: (JSON) -> String

    init(_ mode: OutputMode) {
        switch mode {
        case .csv:
            beginning = CSVText.line(Self.columns)
            line = Self.csv
        case .json:
            // One document, like everywhere.
            (beginning, separator, end) = ("[", ",", "]\n")
            line = Self.document
        case .name: line = { "\($0["sku"].string ?? "")\n" }
        case .table, .wide, .jsonl: line = { Self.document($0) + "\n" }
        }
    }

    private static let columns = [
        "sku", "name", "description", "price", "currency", "on_hand", "low_stock_threshold", "max_per_order",
    ]

    private static func csv(_ json: JSON) -> String {
        let price = Shown.price(json["price"]).split(separator: " ")
        return CSVText.line([
            json["sku"].string ?? "", json["name"].string ?? "", json["description"].string ?? "",
            price.first.map(String.init) ?? "", price.dropFirst().first.map(String.init) ?? "",
            json["stock"]["on_hand"].int.map { String($0) } ?? "",
            json["low_stock_threshold"].int.map { String($0) } ?? "",
            json["max_per_order"].int.map { String($0) } ?? "",
        ])
    }

    /// What an import takes: the catalogue and the stock to begin with.
    private static func document(_ json: JSON) -> String {
        var members: [String: JSON] = [:]
        for name in ["sku", "name", "description", "price", "low_stock_threshold", "max_per_order", "attributes"] {
            members[name] = json[name]
        }
        members["stock"] = ["on_hand": json["stock"]["on_hand"]]
        return String(decoding: JSON.object(members).encoded(), as: UTF8.self)
    }
}
