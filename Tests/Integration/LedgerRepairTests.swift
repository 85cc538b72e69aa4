import Foundation
import InventoryKit
import TestSupport
import Testing

@testable import invctl

/// `invctl ledger repair`, on stores that somebody has been at by hand.
@Suite("invctl ledger repair")
struct LedgerRepairTests {
    private static let product = [
        "product", "create", "A", "--name", "Oak lamp", "--price", "1", "--currency", "JPY", "--stock", "5",
    ]

    // MARK: The embedded store

    /// Fails where what can be proven is not mended, or a dry run does anything.
    @Test(
        "What can be proven is mended",
        arguments: [
            "UPDATE product SET on_hand = on_hand + 1", "UPDATE product SET moved_at = 1, on_hand = 0",
            "UPDATE product SET name_key = 'x'", "UPDATE product_words SET words = 'zebra'",
            "DELETE FROM product_words",
        ])
    func embedded(_ damage: String) async throws {
        try await withDamage(damage) { socket, _ in
            let dry = try await report(["ledger", "repair", "--dry-run"], socket, .ok)
            #expect(dry["mended"] == .integer(1) && dry["dry_run"] == .bool(true))
            #expect(try await report(["ledger", "repair", "--dry-run"], socket, .ok) == dry)
            // It changes things, so it asks.
            try await run(["ledger", "repair"], socket).expect(.usage)
            #expect(try await report(["ledger", "repair", "--yes"], socket, .ok)["mended"] == .integer(1))
            #expect(try await report(["ledger", "repair", "--yes"], socket, .ok)["mended"] == .integer(0))
            try await isWhole(socket)
        }
    }

    /// Fails where the wrong stock is read on from the cache, or has the same name as the right one.
    @Test("What was mended is read at once, and has another ETag")
    func readAnew() async throws {
        try await withDamage("UPDATE product SET on_hand = on_hand + 1") { socket, daemon in
            let id = try #require(try await report(["product", "get", "A"], socket, .ok)["id"].string)
            var wrong = try await daemon.client.get("/v1/products/\(id)")
            for _ in 0..<2 { wrong = try await daemon.client.get("/v1/products/\(id)") }
            #expect(wrong.json["stock"]["on_hand"].int == 4 && wrong.header("X-Cache") == "hit")
            try await run(["ledger", "repair", "--yes"], socket).expect(.ok)
            let etag = try #require(wrong.header("ETag"))
            let right = try await daemon.client.get("/v1/products/\(id)", headers: [("If-None-Match", etag)])
            #expect(right.status == 200 && right.json["stock"]["on_hand"].int == 3)
            let read = try await daemon.client.get("/v1/products/\(id)")
            #expect(read.json["stock"]["on_hand"].int == 3 && read.header("X-Cache") == "hit")
        }
    }

    /// Fails where a ledger is made to add up by inventing something.
    @Test(
        "What cannot be proven is told, and stays as it is",
        arguments: [
            "DELETE FROM movement WHERE kind = 'sale'", "DELETE FROM movement WHERE kind = 'opening'",
            "UPDATE movement SET delta = delta - 1 WHERE kind = 'sale'",
        ])
    func unproven(_ damage: String) async throws {
        try await withDamage(damage) { socket, _ in
            let before = try await run(["movements", "A", "-o", "json"], socket).output
            let product = try await report(["product", "get", "A"], socket, .ok)
            let ran = try await run(["ledger", "repair", "--yes", "-o", "json"], socket)
            try ran.expect(.failed)
            let error = try JSONDocument(parsing: Array(#require(ran.errors.last).utf8)).root["error"]
            #expect(error["code"].string == "ledger-wrong")
            #expect(error["message"].string?.contains("(A)") == true)
            #expect(error["message"].string?.contains("invctl stock count") == true)
            #expect(try await run(["movements", "A", "-o", "json"], socket).output == before)
            #expect(try await report(["product", "get", "A"], socket, .ok) == product)
        }
    }

    private func withDamage(_ damage: String, _ body: (_ socket: String, DaemonProcess) async throws -> Void)
        async throws
    {
        try await withTemporaryDirectory { directory in
            let socket = "/tmp/inventoryd-test-\(UInt64.random(in: 0...UInt64.max)).sock"
            func daemon() async throws -> DaemonProcess {
                try await DaemonProcess(stateDirectory: directory, environment: ["INVENTORYD_SOCKET": socket])
            }
            let before = try await daemon()
            try await run(Self.product, socket).expect(.ok)
            try await run(["purchase", "A:2"], socket).expect(.ok)
            #expect(try await before.stop() == 0)
            let database = try ChildProcess([
                "sqlite3", directory + "/inventory.sqlite", ToolTests.unlocked + damage,
            ])
            #expect(try await database.exitCode() == 0, "\(database.errorLines)")
            let after = try await daemon()
            try await body(socket, after)
            #expect(try await after.stop() == 0)
            try? FileManager.default.removeItem(atPath: socket + ".lock")
        }
    }

    // MARK: MongoDB

    /// Fails where a daemon goes on selling what it remembers of a stock that was set right.
    @Test(
        "What can be proven is mended in MongoDB, while it is served",
        arguments: [
            #"{"$set": {"on_hand": {"$numberLong": "4"}, "available": {"$numberLong": "4"}}}"#,
            #"{"$set": {"name_key": "x"}}"#, #"{"$set": {"terms": ["zebra"]}}"#, #"{"$set": {"low": true}}"#,
            #"{"$unset": {"held_skus": ""}}"#,
        ])
    func mongo(_ damage: String) async throws {
        try await withMongo { socket, shell in
            try await run(["purchase", "A:2"], socket).expect(.ok)
            let reply = try await shell.run(
                #"{"update": "products", "updates": [{"q": {"sku": "A"}, "u": \#(damage)}]}"#)
            #expect(reply["nModified"] == .integer(1))
            #expect(try await report(["ledger", "repair", "--dry-run"], socket, .ok)["mended"] == .integer(1))
            #expect(try await report(["ledger", "repair", "--yes"], socket, .ok)["mended"] == .integer(1))
            #expect(try await report(["ledger", "repair", "--dry-run"], socket, .ok)["mended"] == .integer(0))
            try await isWhole(socket)
        }
    }

    /// Fails where operations that nobody finds any more stay where they are.
    @Test("Operations without their mark are filed again")
    func unfiled() async throws {
        let url = try await MongoServer.shared().url(database: MongoServer.freshDatabase())
        let shell = MongoShell(url: url)
        try await withTemporaryDirectory { directory in
            let socket = "/tmp/inventoryd-test-\(UInt64.random(in: 0...UInt64.max)).sock"
            func start() async throws -> DaemonProcess {
                let daemon = try await DaemonProcess(
                    stateDirectory: directory, environment: ["INVENTORYD_SOCKET": socket, "MONGO_URL": url])
                try await run(["wait"], socket).expect(.ok)
                return daemon
            }
            let first = try await start()
            try await run(Self.product, socket).expect(.ok)
            try await first.killHard()
            // A daemon files what it has written itself, mark or no mark: it has to die before it does.
            _ = try await eventually("an operation to lose its mark") {
                let daemon = try await start()
                try await run(["stock", "adjust", "A", "+1", "--reason", "receive"], socket).expect(.ok)
                try await daemon.killHard()
                let reply = try await shell.run(
                    #"""
                    {"update": "products", "updates": [{"q": {"sku": "A", "ops.0": {"$exists": true}},
                     "u": {"$unset": {"unfiled_since": ""}}}]}
                    """#)
                return reply["nModified"] == .integer(1) ? true : nil
            }
            let last = try await start()
            #expect(try await report(["ledger", "repair", "--yes"], socket, .ok)["mended"] == .integer(1))
            _ = try await eventually("the operations to be filed") {
                let reply = try await shell.run(#"{"count": "products", "query": {"ops.0": {"$exists": true}}}"#)
                return reply["n"] == .integer(0) ? true : nil
            }
            try await run(["ledger", "verify"], socket).expect(.ok)
            #expect(try await last.stop() == 0)
            try? FileManager.default.removeItem(atPath: socket + ".lock")
        }
    }

    private func withMongo(_ body: (_ socket: String, MongoShell) async throws -> Void) async throws {
        let url = try await MongoServer.shared().url(database: MongoServer.freshDatabase())
        try await withDaemonAndSocket(environment: ["MONGO_URL": url]) { _, socket in
            try await run(["wait"], socket).expect(.ok)
            try await run(Self.product, socket).expect(.ok)
            try await body(socket, MongoShell(url: url))
        }
    }

    // MARK: Parts

    /// It is what it was before, is found, and goes on from there.
    private func isWhole(_ socket: String) async throws {
        try await run(["ledger", "verify"], socket).expect(.ok)
        let found = try await run(["product", "list", "--search", "lamp", "--sort", "name", "-o", "name"], socket)
        #expect(found.output == ["A"])
        #expect(try await report(["product", "get", "A"], socket, .ok)["stock"]["on_hand"] == .integer(3))
        try await run(["purchase", "A:3"], socket).expect(.ok)
        try await run(["purchase", "A"], socket).expect(.refused)
        try await run(["ledger", "verify"], socket).expect(.ok)
    }

    private func run(_ words: [String], _ socket: String) async throws -> ToolRun {
        try await ToolRun(words, socket)
    }

    private func report(_ words: [String], _ socket: String, _ status: invctl.ExitStatus) async throws -> JSON {
        let ran = try await run(words + ["-o", "json"], socket)
        try ran.expect(status)
        return try JSONDocument(parsing: Array(#require(ran.output.first).utf8)).root
    }
}
