import Foundation
import InventoryKit
import TestSupport
import Testing

@testable import invctl

/// What invctl makes of its words: which are options, what they promise, and how mistakes in them are told.
@Suite("The tool's words")
struct ToolWordsTests {
    private func run(_ words: [String], _ socket: String) async throws -> ToolRun { try await ToolRun(words, socket) }

    private func json(_ lines: [String]) throws -> JSON { try JSONDocument(parsing: Array(lines.joined().utf8)).root }

    private func create(_ sku: String, _ socket: String, stock: Int = 5) async throws {
        let words = ["product", "create", sku, "--name", sku, "--price", "1.50", "--currency", "EUR"]
        try await run(words + ["--stock", "\(stock)"], socket).expect(.ok)
    }

    private func onHand(_ sku: String, _ socket: String) async throws -> Int64? {
        let product = try await run(["product", "get", "-o", "json", "--", sku], socket)
        return try json(product.output)["stock"]["on_hand"].int
    }

    /// Fails where what stands before a command is put behind `--`, and so is a SKU: the command goes to another daemon.
    @Test("Behind -- nothing is an option, and what stands in front keeps its meaning")
    func end() async throws {
        try await withDaemonAndSocket { _, socket in
            try await create("A-1", socket)
            let nowhere = socket + ".none"
            let bought = try await run(["--socket", socket, "-o", "json", "purchase", "--", "A-1:2"], nowhere)
            try bought.expect(.ok)
            #expect(try json(bought.output).items.count == 1)
            #expect(try await onHand("A-1", socket) == 3)
            // A SKU may look like a number with a sign.
            let absent = try await run(["product", "get", "--", "-123"], socket)
            try absent.expect(.notFound)
            #expect(absent.errors.joined().contains("-123"), "\(absent.errors)")
        }
    }

    /// Fails where a program that asked for JSON has to read sentences.
    @Test("A mistake in the words is JSON where JSON was asked for")
    func mistakes() async throws {
        for words in [
            ["cache", "list", "--limit", "0", "-o", "json"], ["-o=jsonl", "nonsense"],
            ["--output", "json", "product", "get"], ["product", "get", "A", "--nonsense", "--output=json"],
        ] {
            let ran = try await run(words, "/nowhere")
            try ran.expect(.usage)
            #expect(ran.output == [])
            let error = try json(ran.errors)["error"]
            #expect(error["code"].string == "usage" && error["exit_code"].int == 2, "\(words): \(ran.errors)")
        }
        let plain = try await run(["cache", "list", "--limit", "0", "--", "-o", "json"], "/nowhere")
        #expect((try? json(plain.errors)) == nil, "that is no option")
    }

    /// Fails where what has been set once can never be taken away again.
    @Test("A limit and an attribute are set and taken away")
    func attributes() async throws {
        try await withDaemonAndSocket { _, socket in
            try await run(
                [
                    "product", "create", "A-1", "--name", "A", "--price", "1", "--currency", "EUR", "--max-per-order",
                    "2",
                    "--attribute", "material=brass", "--attribute", "sign=a=b",
                ], socket
            ).expect(.ok)
            let changed = try await run(
                [
                    "product", "update", "A-1", "--max-per-order", "none", "--low-stock-threshold", "3",
                    "--no-attribute",
                    "material", "--attribute", "colour=red", "-o", "json",
                ], socket)
            try changed.expect(.ok)
            let product = try json(changed.output)
            #expect(product["max_per_order"] == .null && product["low_stock_threshold"].int == 3)
            #expect(product["attributes"] == ["colour": "red", "sign": "a=b"])
            for wrong in [["--max-per-order", "some"], ["--attribute", "colour"], ["--attribute", "=red"]] {
                try await run(["product", "update", "A-1"] + wrong, socket).expect(.usage)
            }
        }
    }

    /// Fails where a program has to guess what no output means.
    @Test("A list without rows has its header as CSV, and a seed that is skipped its report as JSON")
    func nothing() async throws {
        try await withDaemonAndSocket { _, socket in
            for (command, header) in [
                (["product", "list"], "sku,name,price,"), (["key", "list"], "name,scopes,state,"),
                (["cache", "list"], "sku,product,state,"),
            ] {
                let none = try await run(command + ["-o", "csv"], socket)
                #expect(none.output.count == 1 && none.output.first?.hasPrefix(header) == true, "\(none.output)")
            }
            try await create("A-1", socket)
            let skipped = try await run(["seed", "--count", "3", "--if-empty", "-o", "json"], socket)
            try skipped.expect(.ok)
            #expect(try json(skipped.output)["created"].int == 0)
        }
    }

    /// Fails where the doctor overlooks what lets everybody in, or what will let nobody in next week.
    @Test("The doctor looks at who may ask, and at the end of the certificate")
    func doctor() async throws {
        try await withTemporaryDirectory { directory in
            let certificate = try await TestCertificate.make(in: directory)
            func findings(_ environment: [String: String]) async throws -> [String: String] {
                var findings: [String: String] = [:]
                try await withDaemonAndSocket(environment: environment) { _, socket in
                    for finding in try json(try await run(["doctor", "-o", "json"], socket).output).items {
                        findings[finding["what"].string ?? ""] = finding["verdict"].string
                    }
                }
                return findings
            }
            let open = try await findings([
                "INVENTORYD_HOST": "0.0.0.0", "INVENTORYD_AUTH": "off", "INVENTORYD_TLS_CERT": certificate.file,
                "INVENTORYD_TLS_KEY": certificate.key,
            ])
            #expect(open["access"] == "look" && open["certificate"] == "look", "\(open)")
            let closed = try await findings([:])
            #expect(closed["access"] == "ok" && closed["certificate"] == nil, "\(closed)")
        }
    }

    @Test("Products are listed by price, of one currency")
    func byPrice() async throws {
        try await withDaemonAndSocket { _, socket in
            try await create("A-1", socket)
            let listed = try await run(
                ["product", "list", "--sort", "-price", "--currency", "EUR", "-o", "name"], socket)
            try listed.expect(.ok)
            #expect(listed.output == ["A-1"])
        }
    }

    /// Fails where a rehearsal sells, or promises what is refused then.
    @Test("A purchase's rehearsal sells nothing, and refuses what would be refused")
    func purchaseRehearsal() async throws {
        try await withDaemonAndSocket { directory, socket in
            try await create("A-1", socket)
            let ran = try await run(["purchase", "A-1:2", "A-1:3", "--dry-run", "-o", "json"], socket)
            try ran.expect(.ok)
            #expect(try json(ran.output).items.map { $0["available_after"].int } == [3, 0])
            try await run(["purchase", "A-1:2", "A-1:4", "--dry-run"], socket).expect(.refused)
            try await run(["purchase", "B-1", "--dry-run"], socket).expect(.notFound)
            let file = directory + "/orders.csv"
            try "sku,quantity\nA-1,4\nA-1,2\nB-1,1\n".write(toFile: file, atomically: true, encoding: .utf8)
            let rows = try await run(["purchase", "--from", file, "--dry-run", "-o", "json"], socket)
            try rows.expect(.partly)
            let told = try json(rows.output)
            #expect(told["sold"].int == 1 && told["failed"].int == 2 && told["dry_run"] == .bool(true))
            #expect(try await onHand("A-1", socket) == 5)
        }
    }

    /// Fails where a rehearsal counts as created what a real load refuses.
    @Test("A load's rehearsal refuses a product that lacks what it cannot be created without")
    func importRehearsal() async throws {
        try await withDaemonAndSocket { directory, socket in
            try await create("A-1", socket)
            let file = directory + "/prices.csv"
            try "Code,New\nA-1,2.00\nB-1,3.00\n".write(toFile: file, atomically: true, encoding: .utf8)
            let words = ["import", file, "--map", "sku=Code,price=New", "--currency", "EUR", "-o", "json"]
            for more in [["--dry-run"], []] {
                let ran = try await run(words + more, socket)
                try ran.expect(.partly)
                let told = try json(ran.output)
                #expect(told["created"].int == 0 && told["updated"].int == 1 && told["failed"].int == 1, "\(more)")
                #expect(ran.errors.joined().contains("/name is required to create a product"), "\(ran.errors)")
            }
        }
    }

    /// Fails where the tool's own requests lack what the service asks of strangers.
    @Test("Where every request needs a key, the tool works as ever")
    func keysRequired() async throws {
        try await withDaemonAndSocket(environment: ["INVENTORYD_REQUIRE_IDEMPOTENCY_KEY": "true"]) {
            directory, socket in
            try await create("A-1", socket)
            let file = directory + "/rows.csv"
            try "sku,name,price,currency\nR-1,Row,1.00,EUR\n".write(toFile: file, atomically: true, encoding: .utf8)
            for words in [
                ["import", file], ["seed", "--count", "5"], ["purchase", "A-1"], ["stock", "adjust", "A-1", "+1"],
                ["bench", "flash-sale", "--buyers", "5", "--units", "2"],
            ] { try await run(words, socket).expect(.ok) }
        }
    }
}
