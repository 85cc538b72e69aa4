import Foundation
import InventoryKit
import TestSupport
import Testing

@testable import invctl

/// What invctl does where something goes wrong half-way: what has happened is told, and can be gone on from.
@Suite("The tool's mishaps")
struct ToolMishapTests {
    private func run(_ words: [String], _ socket: String) async throws -> ToolRun { try await ToolRun(words, socket) }

    /// Fails where a typing mistake in the second line hides that the first was sold, or where the advice buys it again.
    @Test("What was sold before a line that fails is told, with the key that has it go on")
    func soldBefore() async throws {
        try await withDaemonAndSocket { _, socket in
            for sku in ["A-1", "B-1"] {
                let create = ["product", "create", sku, "--name", sku, "--price", "1", "--currency", "EUR"]
                try await run(create + ["--stock", "5"], socket).expect(.ok)
            }
            let mistyped = try await run(["purchase", "A-1:2", "B-l:1", "-o", "json"], socket)
            try mistyped.expect(.partly)
            let sold = try JSONDocument(parsing: Array(mistyped.output.joined().utf8)).root
            #expect(sold.items.count == 1)
            let error = try JSONDocument(parsing: Array(mistyped.errors.joined().utf8)).root["error"]
            #expect(error["code"].string == "not-found")
            let key = try #require(error["idempotency_key"].string)
            try await run(["purchase", "A-1:2", "B-1:1", "--idempotency-key", key], socket).expect(.ok)
            let left = try await run(["product", "get", "A-1", "-o", "json"], socket)
            #expect(
                try JSONDocument(parsing: Array(left.output.joined().utf8)).root["stock"]["on_hand"] == .integer(3))
        }
    }

    /// Fails where every sale counts as a change of the product: one that sells all the time could never be changed.
    @Test("A product is changed and archived while it sells")
    func whileItSells() async throws {
        try await withDaemonAndSocket { _, socket in
            let create = ["product", "create", "A-1", "--name", "A", "--price", "1", "--currency", "EUR"]
            try await run(create + ["--stock", "1000000"], socket).expect(.ok)
            let buy = "while \(ToolRun.binary) purchase A-1 -q; do :; done"
            let selling = try ChildProcess(["sh", "-c", buy], environment: ["INVCTL_SOCKET": socket])
            try await eventually("a sale") { selling.outputLines.contains { $0.contains("A-1") } ? () : nil }
            for number in 0..<5 {
                try await run(["product", "update", "A-1", "--name", "A \(number)"], socket).expect(.ok)
            }
            try await run(["product", "archive", "A-1", "--yes"], socket).expect(.ok)
            // Nobody sells it any more, so that ends by itself.
            _ = try await selling.exitCode()
        }
    }

    /// Fails where the report is opened before anybody sees that it is the catalogue.
    @Test("A report does not overwrite what is read")
    func reportOntoInput() async throws {
        try await withDaemonAndSocket { directory, socket in
            let file = directory + "/rows.ndjson"
            let rows = #"{"sku":"A-1","name":"A","price":{"amount":1,"currency":"EUR"}}"# + "\n"
            try rows.write(toFile: file, atomically: true, encoding: .utf8)
            for command in ["seed", "import"] {
                try await run([command, file, "--report", file], socket).expect(.usage)
            }
            #expect(try String(contentsOfFile: file, encoding: .utf8) == rows)
            try await run(["seed", file, "--report", directory + "/report.csv"], socket).expect(.ok)
        }
    }

    /// Fails where every error of writing is taken for a reader who has seen enough.
    @Test("A full disk is told; a reader who has seen enough is not")
    func unwritable() async throws {
        try await withDaemonAndSocket { _, socket in
            for (sink, isTold) in [("> /dev/full", true), ("| true", false)] {
                let ran = try ChildProcess(
                    ["sh", "-c", "for n in 1 2 3 4 5 6 7 8; do \(ToolRun.binary) stats; done \(sink)"],
                    environment: ["INVCTL_SOCKET": socket])
                _ = try await ran.exitCode()
                #expect(ran.errorLines.contains { $0.contains("cannot write the output") } == isTold)
            }
        }
    }

    @Test("A figure that does not exist is not found, in every mode", arguments: [OutputMode.table, .json])
    func noSuchFigure(mode: OutputMode) async throws {
        try await withDaemonAndSocket { _, socket in
            let ran = try await run(["stats", "nonesuch", "-o", mode.rawValue], socket)
            try ran.expect(.notFound)
            #expect(ran.output == [])
        }
    }
}
