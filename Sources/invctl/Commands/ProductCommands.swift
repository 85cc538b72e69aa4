import AdminClient
import ArgumentParser
import InventoryKit

struct ProductCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "product", abstract: "The catalogue.",
        subcommands: [
            ProductListCommand.self, ProductGetCommand.self, ProductCreateCommand.self, ProductUpdateCommand.self,
            ProductArchiveCommand.self,
        ])
}

struct ProductListCommand: ToolCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Products, in some order, with some condition.",
        discussion: """
            EXAMPLES
              invctl product list --low-stock
              invctl product list --search lamp --sort -price --currency EUR --limit 20
              invctl export -o name | xargs -d '\\n' -n 500 invctl cache flush --
            """)
    @Option(help: "Words, each of which begins some word of the product.") var search: String?
    @Option(help: "How the SKU begins.") var prefix: String?
    @Flag(help: "Only those at or below their threshold.") var lowStock = false
    @Option(help: "sku, name, price, available, created_at or updated_at; with - before it, downwards.")
    var sort = "sku"
    @Option(help: "Only those with a price in it; --sort price wants it.") var currency: String?
    @Option(help: "How many at most.") var limit = 50
    @Option(help: "false, true or any.") var archived: String?
    @OptionGroup var common: CommonOptions

    func validate() throws {
        guard (1...100_000).contains(limit) else {
            throw ValidationError("--limit must be 1 to 100000; export has them all.")
        }
    }

    func run(_ tool: Tool) async throws {
        let query: [(name: String, value: String?)] = [
            ("q", search), ("sku_prefix", prefix), ("low_stock", lowStock ? "true" : nil), ("sort", sort),
            ("currency", currency), ("archived", archived),
        ]
        let (items, hasMore) = try await Pages("/v1/products", query).read(tool, limit: limit)
        try tool.console.write(items.map(Shown.product), empty: "No product is like that.", like: Shown.product([:]))
        if hasMore { tool.console.note("There are more: raise --limit.") }
    }
}

struct ProductGetCommand: ToolCommand {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "One product, by SKU or id.",
        discussion: "EXAMPLES\n  invctl product get LAMP-1\n  invctl product get LAMP-1 -o json | jq .stock.available")
    @Argument(help: "SKU or id.", completion: .custom({ _, _, _ in [] })) var sku: String
    @OptionGroup var common: CommonOptions

    func run(_ tool: Tool) async throws {
        let answer = try await tool.send(AdminRequest(.get, "/v1/products/" + ProductPath.of(sku)))
        try tool.console.write(Shown.productAlone(try answer.json()))
    }
}

struct ProductCreateCommand: ToolCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "A new product.",
        discussion:
            "EXAMPLES\n  invctl product create LAMP-1 --name 'Desk lamp' --price 24.50 --currency EUR --stock 10")
    @Argument(help: "SKU.") var sku: String
    @Option(help: "Its name.") var name: String
    @Option(help: "As people write it: 24.50.") var price: String
    @Option(help: "Three letters (ISO 4217).") var currency: String
    @Option(help: "Units to begin with.") var stock: Int64 = 0
    @Option(help: "A longer text.") var description: String?
    @Option(help: "Units at which it counts as low.") var lowStockThreshold: Int64?
    @Option(help: "Units that one purchase may take.") var maxPerOrder: Int64?
    @Option(name: .customLong("attribute"), help: "NAME=VALUE; again for more.") var attributes: [AttributeOption] = []
    @Option(help: "So that it is created once, however often this runs.") var idempotencyKey: String?
    @Flag(help: "Say what would be created.") var dryRun = false
    @OptionGroup var common: CommonOptions

    func run(_ tool: Tool) async throws {
        var members: [String: JSON] = [
            "sku": .string(sku), "name": .string(name), "price": try DecimalPrice.json(price, currency),
            "stock": ["on_hand": .integer(stock)],
        ]
        members["description"] = description.map(JSON.string)
        members["low_stock_threshold"] = lowStockThreshold.map(JSON.integer)
        members["max_per_order"] = maxPerOrder.map(JSON.integer)
        members["attributes"] = AttributeOption.json(attributes)
        let document = JSON.object(members)
        guard !dryRun else {
            // By the rules by which the daemon reads it.
            _ = try ProductDraft(JSONDocument(parsing: document.encoded()))
            try await ProductPath.checkAbsence(of: sku, tool)
            return try tool.console.write(Shown.productAlone(document))
        }
        let request = AdminRequest(.post, "/v1/products").with(document)
            .with("Idempotency-Key", idempotencyKey ?? RowKey.fresh())
        let answer = try await tool.send(request)
        try tool.console.write(Shown.productAlone(try answer.json()))
        tool.tellIfReplayed(answer)
    }

    /// What the daemon would refuse first.
}

struct ProductUpdateCommand: ToolCommand {
    static let configuration = CommandConfiguration(
        commandName: "update", abstract: "Change what is named, and leave the rest.",
        discussion: """
            Stock is not changed here; see stock adjust and stock count.

            EXAMPLES
              invctl product update LAMP-1 --price 19.90 --currency EUR
              invctl product update LAMP-1 --name 'Desk lamp, brass' --dry-run
              invctl product update LAMP-1 --max-per-order none --attribute material=brass
            """)
    @Argument(help: "SKU or id.") var sku: String
    @Option(name: .customLong("sku"), help: "Another SKU.") var newSKU: String?
    @Option(help: "Its name.") var name: String?
    @Option(help: "As people write it: 24.50; with --currency.") var price: String?
    @Option(help: "Three letters (ISO 4217).") var currency: String?
    @Option(help: "A longer text.") var description: String?
    @Option(help: "Units at which it counts as low; none for never.") var lowStockThreshold: Units?
    @Option(help: "Units that one purchase may take; none for any number.") var maxPerOrder: Units?
    @Option(name: .customLong("attribute"), help: "NAME=VALUE; again for more.") var attributes: [AttributeOption] = []
    @Option(name: .customLong("no-attribute"), help: "NAME of one to take away; again for more.")
    var attributesGone: [String] = []
    @Flag(help: "Say what would change.") var dryRun = false
    @OptionGroup var common: CommonOptions

    func validate() throws {
        guard (price == nil) == (currency == nil) else { throw ValidationError("--price and --currency go together.") }
    }

    func run(_ tool: Tool) async throws {
        var changes: [String: JSON] = [:]
        changes["sku"] = newSKU.map(JSON.string)
        changes["name"] = name.map(JSON.string)
        changes["description"] = description.map(JSON.string)
        changes["low_stock_threshold"] = lowStockThreshold?.json
        changes["max_per_order"] = maxPerOrder?.json
        changes["attributes"] = AttributeOption.json(attributes, gone: attributesGone)
        if let price, let currency { changes["price"] = try DecimalPrice.json(price, currency) }
        guard !changes.isEmpty else {
            throw CommandFailure(.usage, "usage", "say what to change; see invctl help product update")
        }
        let product = try await tool.send(AdminRequest(.get, "/v1/products/" + ProductPath.of(sku))).json()
        guard !dryRun else {
            if let attributes = changes["attributes"] {
                changes["attributes"] = Self.merged(product["attributes"], with: attributes)
            }
            try Self.check(product, with: changes)
            if let newSKU, try SKU(newSKU).key != product["sku"].string.map({ try SKU($0).key }) {
                try await ProductPath.checkAbsence(of: newSKU, tool)
            }
            return try tool.console.write(
                changes.sorted { $0.key < $1.key }.map { name, value in
                    Record(
                        name, ["name": .string(name), "before": product[name], "after": value],
                        [
                            .init("member", name), .init("before", Self.text(product[name])),
                            .init("after", Self.text(value)),
                        ])
                }, empty: "Nothing would change.")
        }
        // Only what this very reading shows is changed: somebody may be at it too. Sales are no change of it.
        changes["version"] = product["version"]
        let request = AdminRequest(.patch, "/v1/products/\(product["id"].string ?? "-")")
            .with(.object(changes), as: "application/merge-patch+json")
        try tool.console.write(Shown.productAlone(try await tool.send(request).json()))
    }

    /// What the daemon would refuse, by the rules by which it reads a product.
    private static func check(_ product: JSON, with changes: [String: JSON]) throws {
        guard product["archived_at"] == .null else {
            throw CommandFailure(
                .refused, ProblemCode.archived.rawValue,
                "\(product["sku"].string ?? "-") is archived, and does not change.")
        }
        let names = [
            "sku", "name", "description", "price", "low_stock_threshold", "max_per_order", "attributes",
        ]
        let catalogue = JSON.object(Dictionary(uniqueKeysWithValues: names.map { ($0, product[$0]) }))
        _ = try ProductDraft(JSONDocument(parsing: merged(catalogue, with: .object(changes)).encoded()))
    }

    /// A merge patch of one level (RFC 7396).
    private static func merged(_ json: JSON, with patch: JSON) -> JSON {
        guard case .object(let before) = json, case .object(let changes) = patch else { return patch }
        return .object(before.merging(changes) { $1 }.filter { $0.value != .null })
    }

    private static func text(_ json: JSON) -> String {
        json.string
            ?? (json["amount"].int != nil ? Shown.price(json) : String(decoding: json.encoded(), as: UTF8.self))
    }
}

struct ProductArchiveCommand: ToolCommand {
    static let configuration = CommandConfiguration(
        commandName: "archive", abstract: "Take a product out of lists and sale for good, and free its SKU.",
        discussion: "Its ledger stays.\n\nEXAMPLES\n  invctl product archive LAMP-1 --yes")
    @Argument(help: "SKU or id.") var sku: String
    @Flag(name: [.customShort("y"), .long], help: "Do not ask.") var yes = false
    @Flag(help: "Say what would be archived.") var dryRun = false
    @OptionGroup var common: CommonOptions

    /// Of a product that sells all the time some try meets a pause.
    private static let triesMax = 100

    func run(_ tool: Tool) async throws {
        let answer = try await tool.send(AdminRequest(.get, "/v1/products/" + ProductPath.of(sku)))
        let product = try answer.json()
        guard !dryRun else {
            let record = Shown.product(product)
            let headline = Record.Field("would archive", product["sku"].string ?? sku)
            return try tool.console.write(Record(record.name, product, [headline] + record.fields.dropFirst()))
        }
        try tool.confirm(
            "Archive \(product["sku"].string ?? sku) (\(product["name"].string ?? "-"))? It cannot be undone.", yes: yes
        )
        try await archive(answer, tool)
        let name = product["sku"].string ?? sku
        try tool.console.write(
            Record(
                name, ["sku": product["sku"], "id": product["id"], "archived": .bool(true)],
                [.init("sku", name), .init("state", "archived")]))
    }

    /// As it was shown: what is sold meanwhile does not matter, what is changed does.
    private func archive(_ shown: AdminAnswer, _ tool: Tool) async throws {
        let product = try shown.json()
        let path = "/v1/products/\(product["id"].string ?? "-")"
        var (now, tries) = (shown, 1)
        while true {
            do {
                _ = try await tool.send(AdminRequest(.delete, path).with("If-Match", now.headers["etag"]))
                return
            } catch AdminError.refused(let refused) where refused.status == 412 && tries < Self.triesMax {
                now = try await tool.send(AdminRequest(.get, path))
                guard try now.json()["version"] == product["version"] else { throw AdminError.refused(refused) }
                tries += 1
            }
        }
    }
}

/// Reads a list page by page.
struct Pages {
    private static let pageSize = 200
    private let path: String
    private let query: [(name: String, value: String?)]

    init(_ path: String, _ query: [(name: String, value: String?)]) {
        self.path = path
        self.query = query
    }

    /// - Returns: the first so many, and whether there are more.
    func read(_ tool: Tool, limit: Int) async throws -> (items: [JSON], hasMore: Bool) {
        try await tool.connected { connection in
            var items: [JSON] = []
            var cursor: String?
            repeat {
                try Task.checkCancellation()
                let size = min(Self.pageSize, limit - items.count)
                let page = try await connection.send(
                    AdminRequest(.get, path, query: query + [("limit", String(size)), ("cursor", cursor)])
                ).json()
                items += page["items"].items
                cursor = page["next_cursor"].string
            } while cursor != nil && items.count < limit
            return (items, cursor != nil)
        }
    }
}

enum DecimalPrice {
    /// - Throws: ``InvalidValue`` when it is no price in that currency.
    static func json(_ text: String, _ currency: String) throws(InvalidValue) -> JSON {
        let unit: Currency
        do { unit = try Currency(currency) } catch { throw InvalidValue("--currency \(error.detail)") }
        let money: Money
        do { money = try Money(decimal: text, currency: unit) } catch { throw InvalidValue("--price \(error.detail)") }
        return ["amount": .integer(money.amount), "currency": .string(money.currency.code)]
    }
}
