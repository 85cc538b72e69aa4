import AdminClient
import ArgumentParser
import InventoryKit

struct CacheCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cache", abstract: "The cache: what it is worth, what it holds, taking things out.",
        subcommands: [
            CacheStatsCommand.self, CacheListCommand.self, CacheGetCommand.self, CacheExplainCommand.self,
            CacheFlushCommand.self, CacheWarmCommand.self,
        ])
}

struct CacheStatsCommand: ToolCommand {
    static let configuration = CommandConfiguration(
        commandName: "stats", abstract: "The hit rate over 10 s, a minute and ever, and what stands behind it.",
        discussion:
            "Totals only grow; reading never resets.\n\nEXAMPLES\n  invctl cache stats\n  invctl cache stats -o json | jq .rate60s"
    )
    @OptionGroup var common: CommonOptions

    func run(_ tool: Tool) async throws {
        let answer = try await tool.send(AdminRequest(.get, AdminProtocol.root + "/stats"))
        let cache = try answer.message(StatsSnapshot.self).cache
        let fill =
            cache.fills == 0 ? "-" : Figures.duration(nanoseconds: Int(clamping: cache.fillNanoseconds / cache.fills))
        try tool.console.write(
            Record(
                cache.condition, try answer.json()["cache"],
                [
                    .init("condition", StyledText(cache.condition, cache.condition == "ok" ? .green : .yellow)),
                    .init("hit rate, 10 s", rate(cache.rate10s)), .init("hit rate, 1 min", rate(cache.rate60s)),
                    .init("hit rate, ever", rate(cache.rateEver)),
                    .init("hits", count(cache.hits)), .init("misses", count(cache.misses)),
                    .init("bypasses", count(cache.bypasses)), .init("joined", count(cache.joined), isWide: true),
                    .init("fills", count(cache.fills)), .init("refused fills", count(cache.refusedFills), isWide: true),
                    .init("mean fill", fill, isWide: true), .init("invalidations", count(cache.invalidations)),
                    .init(
                        "errors",
                        StyledText(Figures.count(Int(clamping: cache.errors)), cache.errors == 0 ? [] : .yellow)),
                    .init("served", Figures.bytes(Int(clamping: cache.bytes))),
                ]))
    }

    private func rate(_ part: Double?) -> String { part.map(Figures.percent) ?? "- (nothing was read)" }
    private func count(_ value: UInt64) -> String { Figures.count(Int(clamping: value)) }
}

struct CacheListCommand: ToolCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Some of what is cached now.",
        discussion: "EXAMPLES\n  invctl cache list --pattern 'KIT-*'\n  invctl cache list -o name --limit 1000")
    @Option(help: "SKUs like this: * is any text, ? any character.") var pattern: String?
    @Option(help: "How many at most.") var limit = 50
    @OptionGroup var common: CommonOptions

    func validate() throws {
        guard (1...10_000).contains(limit) else { throw ValidationError("--limit must be 1 to 10000.") }
    }

    func run(_ tool: Tool) async throws {
        let answer = try await tool.send(
            AdminRequest(
                .get, AdminProtocol.root + "/cache/entries", query: [("pattern", pattern), ("limit", String(limit))]))
        let listing = try answer.message(CacheListing.self)
        try tool.console.write(
            zip(listing.entries, try answer.json()["entries"].items).map(Self.record),
            empty: "Nothing like that is cached.", like: Self.record(nil, [:]), document: try answer.json())
        if listing.isPartial { tool.console.note("There are more: raise --limit, or give a --pattern.") }
    }

    /// - Parameter entry: nothing for an example of such a record.
    private static func record(_ entry: CacheEntry?, _ json: JSON) -> Record {
        Record(
            entry?.sku ?? entry?.productId ?? "", json,
            [
                .init("sku", entry?.sku ?? (entry?.isAbsence == true ? "(no such product)" : "(archived)")),
                .init("product", entry?.productId), .init("state", entry?.etag),
                .init("bytes", entry.map { Int64($0.bytes) }),
                .init("expires", StyledText(entry?.ttlMs.map { Figures.span(.milliseconds($0)) } ?? "-"), .right),
            ])
    }
}

struct CacheGetCommand: ToolCommand {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "The document of a product as it is cached.",
        discussion: "Ends with 5 where it is not cached.\n\nEXAMPLES\n  invctl cache get LAMP-1 -o json")
    @Argument(help: "SKU or id.") var sku: String
    @OptionGroup var common: CommonOptions

    func run(_ tool: Tool) async throws {
        let explanation = try await Explanation(sku, tool)
        guard let document = explanation.message.document else {
            throw CommandFailure(.notFound, "not-cached", explanation.message.findings.joined(separator: " "))
        }
        guard let json = try? JSONDocument(parsing: Array(document.utf8)).root else {
            throw CommandFailure(.failed, "foreign", "what is cached is no JSON: report this")
        }
        try tool.console.write(Shown.product(json))
    }
}

struct CacheExplainCommand: ToolCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain", abstract: "What the cache says of a product beside what the store says, and why.",
        discussion: "EXAMPLES\n  invctl cache explain LAMP-1")
    @Argument(help: "SKU or id.") var sku: String
    @OptionGroup var common: CommonOptions

    func run(_ tool: Tool) async throws {
        let explanation = try await Explanation(sku, tool)
        let message = explanation.message
        try tool.console.write(
            Record(
                message.productId, explanation.json,
                [
                    .init("sku", message.sku ?? "-"), .init("product", message.productId),
                    .init("cache", message.condition),
                    .init("cached", message.entry.map { $0.etag ?? "absent" } ?? "no"),
                    .init("stored", message.storedEtag ?? "no"),
                    .init("expires", message.entry?.ttlMs.map { Figures.span(.milliseconds($0)) } ?? "-"),
                    .init("bytes", message.entry.map { Figures.bytes($0.bytes) } ?? "-"),
                    .init("means", message.findings.joined(separator: " ")),
                ]))
    }
}

private struct Explanation {
    let message: CacheExplanation
    let json: JSON

    init(_ sku: String, _ tool: Tool) async throws {
        let answer = try await tool.send(
            AdminRequest(.get, AdminProtocol.root + "/cache/entries/" + ProductPath.of(sku)))
        message = try answer.message(CacheExplanation.self)
        json = try answer.json()
    }
}

struct CacheFlushCommand: ToolCommand {
    static let configuration = CommandConfiguration(
        commandName: "flush", abstract: "Take products out of the cache; the next reads ask the store.",
        discussion: """
            Nobody reads anything stale with or without it; it is for writes made past the daemon, and for trying things out.

            EXAMPLES
              invctl cache flush LAMP-1 CHAIR-7
              invctl cache flush --pattern 'KIT-*' --dry-run
              invctl cache flush --all --yes
            """)
    @Argument(help: "SKUs.") var skus: [String] = []
    @Option(help: "All SKUs like this: * is any text, ? any character.") var pattern: String?
    @Flag(help: "Everything.") var all = false
    @Flag(help: "Say how much it would be, and what the store would have to bear.") var dryRun = false
    @Flag(name: [.customShort("y"), .long], help: "Do not ask.") var yes = false
    @OptionGroup var common: CommonOptions

    func validate() throws {
        guard [!skus.isEmpty, pattern != nil, all].count(where: { $0 }) == 1 else {
            throw ValidationError("Say what to flush: SKUs, --pattern or --all.")
        }
    }

    func run(_ tool: Tool) async throws {
        let isWhole = all || pattern.map { $0.allSatisfy { $0 == "*" } } == true
        if isWhole, !dryRun { try tool.confirm("Flush the whole cache?", yes: yes) }
        var members: [String: JSON] = ["dry_run": .bool(dryRun)]
        if all { members["all"] = .bool(true) }
        if !skus.isEmpty { members["skus"] = .array(skus.map(JSON.string)) }
        members["pattern"] = pattern.map(JSON.string)
        let answer = try await tool.send(
            AdminRequest(.post, AdminProtocol.root + "/cache:flush").with(.object(members)))
        let report = try answer.message(FlushReport.self)
        try tool.console.write(
            Record(
                "\(report.entries)", try answer.json(),
                [
                    .init(dryRun ? "would flush" : "flushed", Figures.count(report.entries, "entry", "entries")),
                    .init("bytes", Figures.bytes(report.bytes)),
                    .init("cache answers now", Figures.rate(report.readsPerSecond) + " of the reads"),
                ]))
        if !report.unknown.isEmpty {
            throw CommandFailure(
                report.unknown.count == skus.count ? .notFound : .partly, "not-found",
                "no product is called \(report.unknown.joined(separator: ", "))")
        }
    }
}

struct CacheWarmCommand: ToolCommand {
    static let configuration = CommandConfiguration(
        commandName: "warm", abstract: "Read products, so that they are cached when the customers come.",
        discussion: "EXAMPLES\n  invctl cache warm --limit 5000\n  invctl cache warm LAMP-1 CHAIR-7")
    @Argument(help: "SKUs; without any, the first of the catalogue.") var skus: [String] = []
    @Option(help: "How many of the catalogue at most.") var limit: Int64 = 10_000
    @OptionGroup var common: CommonOptions

    func run(_ tool: Tool) async throws {
        let body: JSON = skus.isEmpty ? ["limit": .integer(limit)] : ["skus": .array(skus.map(JSON.string))]
        let request = AdminRequest(.post, AdminProtocol.root + "/cache:warm").with(body)
        let (last, json) = try await tool.follow(request, as: "warm", WarmReport.self)
        try tool.console.write(
            Record(
                "\(last.products)", json,
                [
                    .init("products", Figures.count(last.products)), .init("loaded", Figures.count(last.loaded)),
                    .init("there already", Figures.count(last.hits)),
                    .init("past the cache", Figures.count(last.bypassed)),
                ]))
        if !last.unknown.isEmpty {
            throw CommandFailure(
                last.products == 0 ? .notFound : .partly, "not-found",
                "no product is called \(last.unknown.joined(separator: ", "))")
        }
    }
}
