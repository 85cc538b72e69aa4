import AdminClient
import Foundation
import InventoryKit
import NIOCore
import TestSupport
import Testing

@testable import invctl

/// `invctl export --full` and `import --full`, with the real binaries.
@Suite("invctl export --full, import --full")
struct FullTransferTests {
    /// Fails where anything is lost or told otherwise on the way: embedded, MongoDB, embedded again.
    @Test("What one daemon has another takes over, and both are the same")
    func moves() async throws {
        try await withDaemonAndSocket { directory, socket in
            let sku = try await fill(socket)
            let first = directory + "/first.ndjson"
            let exported = try await report(["export", "--full", first], socket)
            #expect(exported["products"] == .integer(300))
            // 300 opening movements, and what was bought.
            #expect(exported["movements"] == .integer(303))
            #expect(exported["outcomes"] == .integer(1))
            #expect(exported["keys"] == .integer(1))
            let keys = try await report(["key", "list"], socket)

            let url = try await MongoServer.shared().url(database: MongoServer.freshDatabase())
            try await withDaemonAndSocket(environment: ["MONGO_URL": url]) { _, mongo in
                try await run(["wait"], mongo).expect(.ok)
                let imported = try await report(["import", "--full", first], mongo)
                #expect(imported["sha256"] == exported["sha256"])
                try await run(["ledger", "verify"], mongo).expect(.ok)
                let second = directory + "/second.ndjson"
                #expect(try await report(["export", "--full", second], mongo)["sha256"] == exported["sha256"])
                #expect(try await report(["key", "list"], mongo) == keys)
                try await repeats(sku, mongo)
                try await isRefused(first, mongo)

                try await withDaemonAndSocket { _, embedded in
                    #expect(try await report(["import", "--full", second], embedded)["sha256"] == exported["sha256"])
                    try await run(["ledger", "verify"], embedded).expect(.ok)
                    #expect(try await report(["key", "list"], embedded) == keys)
                    try await repeats(sku, embedded)
                    try await isRefused(first, embedded)
                }
            }
        }
    }

    /// - Returns: of which product something was bought.
    private func fill(_ socket: String) async throws -> String {
        try await run(["seed", "--count", "300", "--stock", "9"], socket).expect(.ok)
        let sku = try await run(["product", "list", "--limit", "1", "-o", "name"], socket).output[0]
        for key in ["1", "2", "3"] {
            try await run(["purchase", sku, "--idempotency-key", key], socket).expect(.ok)
        }
        try await run(["purchase", "\(sku):9", "--idempotency-key", "4"], socket).expect(.refused)
        try await run(["key", "create", "till", "--scopes", "purchase"], socket).expect(.ok)
        return sku
    }

    /// What was asked before gets the same answer, and nothing happens.
    private func repeats(_ sku: String, _ socket: String) async throws {
        try await run(["purchase", sku, "--idempotency-key", "2"], socket).expect(.ok)
        try await run(["stock", "adjust", sku, "+100", "--reason", "receive"], socket).expect(.ok)
        // It would be in stock now.
        try await run(["purchase", "\(sku):9", "--idempotency-key", "4"], socket).expect(.refused)
        try await run(["stock", "adjust", sku, "-100", "--reason", "correction"], socket).expect(.ok)
        let product = try await report(["product", "get", sku], socket)
        #expect(product["stock"]["on_hand"] == .integer(6))
    }

    private func isRefused(_ file: String, _ socket: String) async throws {
        let ran = try await run(["import", "--full", file, "-o", "json"], socket)
        try ran.expect(.refused)
        #expect(try error(of: ran)["code"].string == "not-empty")
        // And nothing came of it.
        try await run(["health"], socket).expect(.ok)
        try await run(["ledger", "verify"], socket).expect(.ok)
    }

    @Test("It tells what it did in every mode", arguments: OutputMode.allCases)
    func modes(_ mode: OutputMode) async throws {
        try await withDaemonAndSocket { directory, socket in
            let file = directory + "/all.ndjson"
            for command in [["export", "--full", file], ["import", "--full", file]] {
                let ran = try await run(command + ["-o", mode.rawValue], socket)
                try ran.expect(.ok)
                #expect(!ran.output.isEmpty, "\(command)")
                if mode.isJSON { _ = try JSONDocument(parsing: Array(ran.output[0].utf8)) }
            }
            let piped = try await run(["export", "--full", "-o", mode.rawValue], socket)
            try piped.expect(.ok)
            #expect(
                try piped.output.map { try JSONDocument(parsing: Array($0.utf8)).root["type"].string } == [
                    "header", "end",
                ])
        }
    }

    /// Fails where half an inventory is served, or one that broke off cannot be told from a whole one.
    @Test("One that breaks off leaves nothing that is served, and says what to do")
    func breaksOff() async throws {
        try await withDaemonAndSocket { directory, source in
            _ = try await fill(source)
            let lines = try await run(["export", "--full"], source).output
            let half = directory + "/half.ndjson"
            try (lines.dropLast(2).joined(separator: "\n") + "\n").write(
                toFile: half, atomically: true, encoding: .utf8)
            let state = directory + "/target"
            let socket = "/tmp/inventoryd-test-\(UInt64.random(in: 0...UInt64.max)).sock"
            let daemon = try await DaemonProcess(stateDirectory: state, environment: ["INVENTORYD_SOCKET": socket])
            let ran = try await run(["import", "--full", half, "-o", "json"], socket)
            try ran.expect(.usage)
            #expect(try error(of: ran)["code"].string == "bad-export")
            #expect(try error(of: ran)["message"].string?.contains("start inventoryd and import again") == true)
            for path in ["/v1/products", "/readyz"] {
                let response = try await daemon.client.get(path)
                #expect(response.status == 503 && response.json["code"].string == "importing", "\(path)")
            }
            #expect(try await report(["status"], socket)["state"].string == "unusable")
            let doctor = try await run(["doctor"], socket)
            try doctor.expect(.failed)
            #expect(doctor.errors.joined().contains("import again"))
            try await run(["import", "--full", half], socket).expect(.refused)
            try await run(["health"], socket).expect(.failed)
            try await run(["wait", "--timeout", "300ms"], socket).expect(.timedOut)
            #expect(try await daemon.stop() == 0)

            let again = try ChildProcess(
                [DaemonProcess.binary], environment: ["INVENTORYD_STATE_DIR": state, "PORT": "0"])
            #expect(try await again.exitCode() == 1)
            #expect(again.errorLines.joined().contains("broke off"))
            for name in try FileManager.default.contentsOfDirectory(atPath: state) {
                try FileManager.default.removeItem(atPath: state + "/" + name)
            }
            let clean = try await DaemonProcess(stateDirectory: state, environment: ["INVENTORYD_SOCKET": socket])
            #expect(try await clean.client.get("/v1/products").status == 200)
            #expect(try await clean.stop() == 0)
            try? FileManager.default.removeItem(atPath: socket + ".lock")
        }
    }

    @Test("What is no export is refused before anything is touched")
    func noExport() async throws {
        try await withDaemonAndSocket { directory, socket in
            let file = directory + "/file"
            for text in ["", "sku,name\n", #"{"type":"header","format":"inventoryd-export","version":99}"# + "\n"] {
                try text.write(toFile: file, atomically: true, encoding: .utf8)
                let ran = try await run(["import", "--full", file, "-o", "json"], socket)
                try ran.expect(.usage)
                #expect(try error(of: ran)["code"].string == "bad-export", "\(text)")
                try await run(["health"], socket).expect(.ok)
            }
            try await run(["import", "--full", directory + "/nothing"], socket).expect(.usage)
            try await run(["import", "--full", file, "--dry-run"], socket).expect(.usage)
            try await run(["export", "--full", "--archived", "any"], socket).expect(.usage)
            try await run(["export", file], socket).expect(.usage)
        }
    }

    /// Fails where somebody buys what has not all arrived, or the daemon does not come back afterwards.
    @Test("While one is under way nothing else is served, and afterwards everything")
    func meanwhile() async throws {
        try await withDaemonAndSocket { directory, source in
            let sku = try await fill(source)
            let lines = try await run(["export", "--full"], source).output.map { $0 + "\n" }
            let socket = "/tmp/inventoryd-test-\(UInt64.random(in: 0...UInt64.max)).sock"
            let daemon = try await DaemonProcess(
                stateDirectory: directory + "/target", environment: ["INVENTORYD_SOCKET": socket])
            let late = try await RawConnection.open(port: daemon.port)
            // It has been let in when the import begins, and its body comes then.
            async let reply = late.converse { inbound, outbound in
                let body = Sample.product("LATE-1")
                try await outbound.write(
                    .init(
                        string: "POST /v1/products HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                            + "Content-Length: \(body.utf8.count)\r\n\r\n"))
                try await eventually("the import to be under way") {
                    try await daemon.client.get("/readyz").json["code"].string == "importing" ? () : nil
                }
                try await outbound.write(.init(string: body))
                return try await inbound.next().map { String(buffer: $0) } ?? ""
            }
            let pipe = directory + "/pipe"
            #expect(mkfifo(pipe, 0o600) == 0)
            async let importing = run(["import", "--full", pipe, "-o", "json"], socket)
            let writer = try await Self.open(pipe)
            try writer.write(contentsOf: Data(lines.prefix(100).joined().utf8))
            _ = try await eventually("the import to be under way") {
                try await report(["status"], socket)["state"].string == "importing" ? true : nil
            }
            #expect(try await daemon.client.get("/v1/products/sku:\(sku)").status == 503)
            try await run(["purchase", sku], socket).expect(.failed)
            let second = try await run(["import", "--full", "/dev/null", "-o", "json"], socket)
            try second.expect(.refused)
            #expect(try error(of: second)["code"].string == "importing")
            let told = try await reply
            #expect(told.contains(#""code":"importing""#), "\(told)")
            try writer.write(contentsOf: Data(lines.dropFirst(100).joined().utf8))
            try writer.close()
            try await importing.expect(.ok)
            #expect(try await daemon.client.get("/v1/products/sku:\(sku)").status == 200)
            try await run(["purchase", sku], socket).expect(.ok)
            try await run(["ledger", "verify"], socket).expect(.ok)
            #expect(try await daemon.stop() == 0)
            try? FileManager.default.removeItem(atPath: socket + ".lock")
        }
    }

    /// Opening waits for who reads, which nothing may do on the threads of tasks.
    private static func open(_ pipe: String) async throws -> FileHandle {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(with: Result { try FileHandle(forWritingTo: URL(filePath: pipe)) })
            }
        }
    }

    /// Fails where a reader that stands still holds up what is sold.
    @Test("A slow reader holds nobody up")
    func slowReader() async throws {
        try await withDaemonAndSocket { directory, socket in
            try await run(["seed", "--count", "6000", "--stock", "9", "--timeout", "5m"], socket).expect(.ok)
            let sku = try await run(["product", "list", "--limit", "1", "-o", "name"], socket).output[0]
            let pipe = directory + "/pipe"
            #expect(mkfifo(pipe, 0o600) == 0)
            let exporting = try ChildProcess([
                "sh", "-c", "exec \(ToolRun.binary) export --full --socket \(socket) > \(pipe)",
            ])
            let handle = Foundation.FileHandle(fileDescriptor: Glibc.open(pipe, O_RDONLY), closeOnDealloc: true)
            // More than the header, which is written before the store is looked at.
            _ = try #require(try handle.read(upToCount: 20_000))
            // It stands still now, with megabytes still to come.
            for _ in 0..<9 { try await run(["purchase", sku], socket).expect(.ok) }
            let rest = try #require(try handle.readToEnd())
            #expect(try await exporting.exitCode() == 0)
            let end = try #require(rest.split(separator: UInt8(ascii: "\n")).last)
            // As it was when it began.
            #expect(try JSONDocument(parsing: Array(end)).root["movements"] == .integer(6_000))
        }
    }

    // MARK: Parts

    private func run(_ words: [String], _ socket: String) async throws -> ToolRun {
        try await ToolRun(words, socket)
    }

    private func report(_ words: [String], _ socket: String) async throws -> JSON {
        let ran = try await run(words + ["-o", "json"], socket)
        try ran.expect(.ok)
        return try JSONDocument(parsing: Array(#require(ran.output.first).utf8)).root
    }

    private func error(of ran: ToolRun) throws -> JSON {
        try JSONDocument(parsing: Array(#require(ran.errors.first).utf8)).root["error"]
    }
}
