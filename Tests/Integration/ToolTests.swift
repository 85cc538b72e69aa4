import AdminClient
import Foundation
import InventoryKit
import TestSupport
import Testing

@testable import invctl

/// invctl as a process, against a daemon as a process.
@Suite("invctl")
struct ToolTests {
    /// Fails where an answer is not what its mode promises, or a command is not here.
    @Test("Every command that tells something tells it in every mode", arguments: OutputMode.allCases)
    func modes(_ mode: OutputMode) async throws {
        try await withDaemonAndSocket { directory, socket in
            try await run(["seed", "--count", "20"], socket).expect(.ok)
            let sku = try await run(["product", "list", "--limit", "1", "-o", "name"], socket).output[0]
            let file = directory + "/rows.csv"
            try "sku,name,price,currency\nROW-1,Row,1.00,EUR\n".write(toFile: file, atomically: true, encoding: .utf8)
            let product = try await run(["product", "get", sku, "-o", "json"], socket).output[0]
            let onHand = try JSONDocument(parsing: Array(product.utf8)).root["stock"]["on_hand"].int ?? 0
            let commands = Self.commands(of: sku, onHand, file, directory)
            for command in commands {
                let ran = try await run(command + ["-o", mode.rawValue], socket)
                try ran.expect(.ok)
                #expect(!ran.output.isEmpty, "\(command)")
                switch mode {
                case .json:
                    #expect(ran.output.count == 1, "\(command)")
                    #expect((try? JSONDocument(parsing: Array(ran.output[0].utf8))) != nil, "\(command)")
                case .jsonl:
                    for line in ran.output {
                        #expect((try? JSONDocument(parsing: Array(line.utf8))) != nil, "\(command)")
                    }
                case .csv: #expect(ran.output.count >= 2, "\(command) has a header")
                case .table, .wide, .name: break
                }
                #expect(!ran.output.joined().contains("\u{1B}"), "no colours where there is no terminal")
            }
            // Tested elsewhere: what ends the daemon, goes on for ever, or says the same in each mode.
            let elsewhere = ["stop", "monitor", "shell", "completion"]
            for (words, _) in CommandTree.paths
            where !CommandTree.paths.contains(where: { $0.words.starts(with: words) && $0.words.count > words.count }) {
                #expect(
                    commands.contains { $0.starts(with: words) } || elsewhere.contains(words.joined(separator: " ")),
                    "\(words) is tried in no mode")
            }
        }
    }

    private static func commands(of sku: String, _ onHand: Int64, _ file: String, _ directory: String) -> [[String]] {
        [
            ["status"], ["health"], ["wait"], ["version"], ["doctor"], ["stats"], ["top", "--interval", "100ms"],
            ["product", "list"], ["product", "get", sku], ["movements"], ["movements", sku], ["cache", "stats"],
            ["cache", "list"], ["cache", "get", sku], ["cache", "explain", sku],
            ["cache", "flush", sku, "--dry-run"], ["cache", "warm", "--limit", "5"], ["backend", "list"],
            ["backend", "ping"], ["config", "show"], ["config", "check"], ["config", "reload"],
            ["log", "level", "info"],
            ["drain"], ["resume"], ["stock", "adjust", sku, "+1", "--dry-run"],
            ["stock", "count", sku, "5", "--expected", "\(onHand)", "--dry-run"], ["purchase", sku],
            ["product", "update", sku, "--name", "Other", "--dry-run"],
            ["product", "create", "NEW-1", "--name", "New", "--price", "1.00", "--currency", "EUR"],
            ["product", "archive", "NEW-1", "--yes"], ["key", "create", "shop", "--scopes", "read"], ["key", "list"],
            ["key", "rotate", "shop"], ["key", "revoke", "shop", "--dry-run"], ["key", "revoke", "shop", "--yes"],
            ["seed", file], ["import", file], ["export"], ["backup", directory + "/copy.sqlite"], ["ledger", "verify"],
            ["ledger", "repair", "--dry-run"], ["bench", "flash-sale", "--buyers", "5", "--units", "2"],
            ["bench", "browse", "--reads", "50"], ["bench", "mixed", "--requests", "50"],
        ]
    }

    @Test("Each exit code has its case")
    func exitCodes() async throws {
        try await withDaemonAndSocket { _, socket in
            let create = ["product", "create", "X-1", "--name", "X", "--price", "1.00", "--currency", "EUR"]
            try await run(create + ["--stock", "2"], socket).expect(.ok)
            try await run(["product", "get"], socket).expect(.usage)
            try await run(["nonsense"], socket).expect(.usage)
            try await run(["help", "nonsense"], socket).expect(.usage)
            try await run(["help", "cache", "flush"], socket).expect(.ok)
            try await run(["seed", "/"], socket).expect(.usage)
            try await run(["product", "list", "--sort", "-updated_at"], socket).expect(.ok)
            try await run(["product", "get", "sku:X-1"], socket).expect(.ok)
            for refused in [
                ["stock", "count", "X-1", "5", "--expected", "1"], ["stock", "adjust", "X-1", "-3"],
                ["stock", "adjust", "X-1", "9223372036854775807"], create,
            ] { try await run(refused + ["--dry-run"], socket).expect(.refused) }
            try await run(
                ["product", "create", "X-3", "--name", "X", "--price", "1", "--currency", "EUR"], socket
            ).expect(.ok)
            // Its own SKU is nobody else's.
            try await run(["product", "update", "X-3", "--sku", "x-3", "--dry-run"], socket).expect(.ok)
            try await run(["product", "update", "X-3", "--sku", "x-1", "--dry-run"], socket).expect(.refused)
            try await run(["product", "create", "X-2", "--name", "X", "--price", "1.005", "--currency", "EUR"], socket)
                .expect(.usage)
            let atOnce = ["--max-per-order", "0", "--dry-run"]
            try await run(["product", "update", "X-1"] + atOnce, socket).expect(.usage)
            try await run(
                ["product", "create", "X-2", "--name", "X", "--price", "1", "--currency", "EUR"] + atOnce, socket
            )
            .expect(.usage)
            try await run(["status"], "/tmp/there-is-none.sock").expect(.notReachable)
            try await run(["status"], "/" + String(repeating: "x", count: 120)).expect(.usage)
            try await run(["product", "get", "NOPE"], socket).expect(.notFound)
            try await run(create, socket).expect(.refused)
            try await run(["purchase", "X-1:3"], socket).expect(.refused)
            try await run(["purchase", "X-1:1", "X-1:9"], socket).expect(.partly)
            try await run(["drain"], socket).expect(.ok)
            try await run(["health"], socket).expect(.failed)
            try await run(["wait", "--timeout", "300ms"], socket).expect(.timedOut)
            try await run(["resume"], socket).expect(.ok)
            try await run(["stop"], socket).expect(.usage)
        }
    }

    /// Fails where a script does not get the secret alone, or a person is not told to keep it.
    @Test("A key's secret is told once, to whoever makes it")
    func keys() async throws {
        try await withDaemonAndSocket { _, socket in
            let create = ["key", "create", "shop", "--scopes", "read,purchase"]
            try await run(create + ["--dry-run"], socket).expect(.ok)
            let made = try await run(create + ["-o", "name"], socket)
            try made.expect(.ok)
            let secret = try #require(made.output.first)
            #expect(made.output.count == 1 && KeySecret(secret) != nil)
            #expect(made.errors.joined().contains("not shown again"))
            let listing = try await run(["key", "list", "-o", "json"], socket)
            #expect(!listing.output.joined().contains(secret.suffix(64)))
            #expect(listing.output.joined().contains(#""scopes":["read","purchase"]"#))
            try await run(create, socket).expect(.refused)
            try await run(["key", "create", "x", "--scopes", "everything"], socket).expect(.usage)
            try await run(["key", "create", "admin", "--scopes", "read"], socket).expect(.usage)
            try await run(["key", "rotate", "nobody"], socket).expect(.notFound)
            try await run(["key", "rotate", "shop", "--grace", "31d"], socket).expect(.usage)
            try await run(["key", "revoke", "shop"], socket).expect(.usage)
            try await run(["key", "revoke", "shop", "--yes"], socket).expect(.ok)
            try await run(["key", "rotate", "shop"], socket).expect(.notFound)
            #expect(try await run(["key", "list", "-o", "name"], socket).output == [])
            #expect(try await run(["key", "list", "--all", "-o", "name"], socket).output == ["shop"])
        }
    }

    /// Fails where a program cannot tell why.
    @Test("An error is JSON where JSON was asked for, and standard output is empty")
    func errors() async throws {
        try await withDaemonAndSocket { _, socket in
            let ran = try await run(["purchase", "NOPE", "-o", "json"], socket)
            try ran.expect(.notFound)
            #expect(ran.output.isEmpty)
            let error = try JSONDocument(parsing: Array(#require(ran.errors.first).utf8)).root["error"]
            #expect(error["code"].string == "not-found")
            #expect(error["exit_code"] == .integer(5))
        }
    }

    /// Fails where what a bench has made to be sold is still on sale when it was interrupted.
    @Test("Ctrl-C ends a bench, and takes its product off the shelf")
    func interruptedBench() async throws {
        try await withDaemonAndSocket { _, socket in
            let bench = try ToolRun.start(
                ["bench", "flash-sale", "--buyers", "1000000", "--units", "1000000", "--duration", "1h"], socket)
            try await eventually("the product to be there") {
                try await run(["product", "list", "-o", "name"], socket).output.isEmpty ? nil : ()
            }
            kill(bench.pid, SIGINT)
            let code = try await bench.exitCode()
            #expect(code == invctl.ExitStatus.interrupted.rawValue, "\(bench.errorLines)")
            #expect(try await run(["product", "list", "-o", "name"], socket).output == [])
        }
    }

    /// Fails where a row is bought twice, or one that was refused is taken for bought.
    @Test("Rows that are sent again are not bought again")
    func repeatedRows() async throws {
        try await withDaemonAndSocket { directory, socket in
            let file = directory + "/orders.csv"
            try "sku;quantity\r\nA-1;2\r\nA-1;3\r\nA-2;1\r\nA-1;-1\r\n".write(
                toFile: file, atomically: true, encoding: .utf8)
            try await run(
                ["product", "create", "A-1", "--name", "A", "--price", "1", "--currency", "JPY", "--stock", "10"],
                socket
            ).expect(.ok)
            // With another key they are other purchases.
            for (key, sold, before) in [([], 2, 0), ([], 0, 2), (["--idempotency-key", "again"], 2, 0)] {
                let ran = try await run(["purchase", "--from", file, "-o", "json"] + key, socket)
                try ran.expect(.partly)
                let report = try JSONDocument(parsing: Array(#require(ran.output.first).utf8)).root
                #expect(report["sold"] == .integer(Int64(sold)) && report["sold_before"] == .integer(Int64(before)))
                #expect(report["failed"] == .integer(2))
            }
            let product = try await run(["product", "get", "A-1", "-o", "json"], socket).output[0]
            #expect(try JSONDocument(parsing: Array(product.utf8)).root["stock"]["on_hand"] == .integer(0))
        }
    }

    /// Fails where somebody who repeats a command believes that it happened twice.
    @Test("Who repeats a command under its key is told that it had happened")
    func replayed() async throws {
        try await withDaemonAndSocket { directory, socket in
            let create = [
                "product", "create", "A-1", "--name", "A", "--price", "1", "--currency", "EUR", "--stock", "9",
            ]
            for command in [create, ["purchase", "A-1:2"], ["stock", "adjust", "A-1", "+1"]] {
                for isAgain in [false, true] {
                    let ran = try await run(command + ["--idempotency-key", command[0]], socket)
                    try ran.expect(.ok)
                    #expect(ran.errors.joined().contains("same key before") == isAgain, "\(ran.errors)")
                }
            }
            try await run(["-o", "json", "nonsense"], socket).expect(.usage)
            let errors = try await run(["-o", "json", "nonsense"], socket).errors.joined()
            #expect(errors.contains("there is no command nonsense"))
            // What looks like an id in a file is a SKU all the same.
            let sku = "0123456789abcdef01234567"
            try await run(["product", "create", sku, "--name", "B", "--price", "1", "--currency", "EUR"], socket)
                .expect(.ok)
            let file = directory + "/products.ndjson"
            try #"{"sku":"\#(sku)","name":"C"}"#.write(toFile: file, atomically: true, encoding: .utf8)
            let ran = try await run(["import", file, "--dry-run", "-o", "json"], socket)
            #expect(ran.output.joined().contains(#""updated":1"#))
        }
    }

    @Test("What is exported is imported again, and nothing changes")
    func roundTrip() async throws {
        try await withDaemonAndSocket { directory, socket in
            try await run(["seed", "--count", "250", "--seed", "3"], socket).expect(.ok)
            let exported = try await run(["export"], socket)
            #expect(exported.output.count == 250)
            let file = directory + "/products.ndjson"
            try (exported.output.joined(separator: "\n") + "\n").write(
                toFile: file, atomically: true, encoding: .utf8)
            let ran = try await run(["import", file, "-o", "json"], socket)
            try ran.expect(.ok)
            #expect(try JSONDocument(parsing: Array(ran.output[0].utf8)).root["unchanged"] == .integer(250))
        }
    }

    /// Fails where anything is oversold, or a buyer was told otherwise than the ledger has it.
    @Test("A flash sale adds up")
    func flashSale() async throws {
        try await withDaemonAndSocket { _, socket in
            let ran = try await run(["bench", "flash-sale", "--buyers", "300", "--units", "40", "-o", "json"], socket)
            try ran.expect(.ok)
            let report = try JSONDocument(parsing: Array(ran.output[0].utf8)).root
            #expect(report["sold"] == .integer(40))
            #expect(report["refused"] == .integer(260))
            #expect(report["proof"]["holds"] == .bool(true))
        }
    }

    @Test("A piped shell stops at the first error, with its exit code")
    func pipedShell() async throws {
        try await withDaemonAndSocket { directory, socket in
            let script = directory + "/script"
            try "version --client\n# nothing\nproduct get NOPE\nversion --client\n".write(
                toFile: script, atomically: true, encoding: .utf8)
            let ran = try await run(["shell", "-f", script], socket)
            try ran.expect(.notFound)
            #expect(ran.output.count == 1)
            #expect(ran.errors.contains { $0.contains("\(script):3") })
        }
    }

    /// Fails where a ledger that is written to is said not to add up.
    @Test("ledger verify finds nothing wrong while there is traffic")
    func ledgerUnderLoad() async throws {
        try await withDaemonAndSocket { _, socket in
            try await run(["seed", "--count", "50"], socket).expect(.ok)
            async let traffic = run(
                ["bench", "mixed", "--duration", "2s", "--buys", "0.5", "--connections", "8"], socket)
            for _ in 0..<3 { try await run(["ledger", "verify"], socket).expect(.ok) }
            try await traffic.expect(.ok)
        }
    }

    /// Fails where a ledger that was tampered with is said to be right.
    @Test(
        "ledger verify sees what does not add up",
        arguments: [
            "UPDATE movement SET delta = delta + 1 WHERE kind = 'sale'",
            "UPDATE product SET on_hand = on_hand + 1",
            "DELETE FROM movement WHERE kind = 'opening'",
            "DELETE FROM movement WHERE kind = 'sale'",
        ])
    func tampered(_ tampering: String) async throws {
        try await withTemporaryDirectory { directory in
            let socket = "/tmp/inventoryd-test-\(UInt64.random(in: 0...UInt64.max)).sock"
            func daemon() async throws -> DaemonProcess {
                try await DaemonProcess(stateDirectory: directory, environment: ["INVENTORYD_SOCKET": socket])
            }
            let before = try await daemon()
            try await run(
                ["product", "create", "A", "--name", "A", "--price", "1", "--currency", "JPY", "--stock", "5"], socket
            ).expect(.ok)
            try await run(["purchase", "A:2"], socket).expect(.ok)
            try await run(["ledger", "verify"], socket).expect(.ok)
            // The daemon keeps everybody else from its file, and the file movements from being changed.
            #expect(try await before.stop() == 0)
            let database = try ChildProcess([
                "sqlite3", directory + "/inventory.sqlite", Self.unlocked + tampering,
            ])
            #expect(try await database.exitCode() == 0, "\(database.errorLines)")
            let after = try await daemon()
            let ran = try await run(["ledger", "verify", "-o", "json"], socket)
            try ran.expect(.failed)
            #expect(ran.output.joined().contains("(A)"))
            #expect(try await after.stop() == 0)
            try? FileManager.default.removeItem(atPath: socket + ".lock")
        }
    }

    /// Fails where a word is not completed, Ctrl-C ends the shell, or a dead daemon goes unnoticed.
    @Test("The shell at a terminal: completion, Ctrl-C, a daemon that dies, history")
    func shellAtTerminal() async throws {
        try await withTemporaryDirectory { directory in
            let socket = "/tmp/inventoryd-test-\(UInt64.random(in: 0...UInt64.max)).sock"
            let daemon = try await DaemonProcess(
                stateDirectory: directory, environment: ["INVENTORYD_SOCKET": socket])
            try await run(
                ["product", "create", "ONLY-ONE", "--name", "The only one", "--price", "1", "--currency", "JPY"], socket
            ).expect(.ok)
            let process = try ChildProcess([
                "python3", "-B", DaemonProcess.projectDirectory + "/Tests/Integration/shell_at_terminal.py",
                ToolRun.binary,
                socket, "\(daemon.pid)",
            ])
            let code = try await process.exitCode()
            #expect(code == 0, "\(process.errorLines.joined(separator: "\n"))")
            for path in [socket, socket + ".lock"] { try? FileManager.default.removeItem(atPath: path) }
        }
    }

    @Test("top is one picture where there is no terminal")
    func top() async throws {
        try await withDaemonAndSocket { _, socket in
            let ran = try await run(["top", "--interval", "100ms"], socket)
            try ran.expect(.ok)
            #expect(ran.output.contains { $0.contains("HIT RATE") })
        }
    }

    /// Fails where top breaks the picture, colours it, does not heed a new size, or does not give the terminal back.
    @Test("top at a terminal: its size, without colours and UTF-8, q")
    func topAtTerminal() async throws {
        try await withDaemonAndSocket { _, socket in
            let process = try ChildProcess([
                "python3", "-B", DaemonProcess.projectDirectory + "/Tests/Integration/top_at_terminal.py",
                ToolRun.binary,
                socket,
            ])
            let code = try await process.exitCode()
            #expect(code == 0, "\(process.errorLines.joined(separator: "\n"))")
        }
    }

    /// Fails where a user without the right is told anything else, or gets it.
    @Test("Who may not connect, and who may not write, is told so with 4")
    func forbidden() async throws {
        try await withDaemonAndSocket { _, socket in
            let isRoot = geteuid() == 0
            // Root may connect to everything; anybody else is kept out by the mode alone.
            let stranger = isRoot ? ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"] : []
            if !isRoot { chmod(socket, 0) }
            let kept = try await ToolRun(["status"], socket, prefix: stranger)
            try kept.expect(.forbidden)
            #expect(kept.errors.joined().contains("may not connect"))
            guard isRoot else { return }
            chmod(socket, 0o666)
            try await ToolRun(["status"], socket, prefix: stranger).expect(.ok)
            let refused = try await ToolRun(["seed", "--count", "1"], socket, prefix: stranger)
            try refused.expect(.forbidden)
            #expect(try await run(["product", "list", "-o", "name"], socket).output.isEmpty)
        }
    }

    // MARK: Parts

    /// What the file itself would not permit.
    static let unlocked = ["is_never_changed", "is_never_removed", "follows_the_last"]
        .map { "DROP TRIGGER movement_\($0); " }.joined()

    private func run(_ words: [String], _ socket: String) async throws -> ToolRun { try await ToolRun(words, socket) }
}
