import Foundation
import InventoryKit
import TestSupport
import Testing

@testable import invctl

/// `invctl seed` and `invctl import` as processes, against a daemon as a process.
@Suite("invctl: loads", .serialized)
struct LoadTests {
    /// So many that a load is still under way when its first products are there.
    private static let many = 12_000

    /// Fails where what was done before is told as done now.
    @Test("What is loaded again is there already")
    func again() async throws {
        try await withDaemonAndSocket { _, socket in
            let seed = ["seed", "--timeout", "5m", "--count", "4500", "-o", "json"]
            let first = try await Self.report(seed, socket)
            #expect(first["created"] == .integer(4_500) && first["replayed"] == .integer(0))
            let second = try await Self.report(seed, socket)
            #expect(second["created"] == .integer(0) && second["replayed"] == .integer(4_500))
            let ran = try await ToolRun(["seed", "--timeout", "5m", "--count", "4500"], socket)
            #expect(ran.output.contains { $0.contains("already there") && $0.contains("4,500") })
        }
    }

    /// Fails where a lot overtakes one that has the same SKUs: then an earlier price is the last one.
    @Test("Of a SKU that comes again the last row counts, though lots are sent at once")
    func order() async throws {
        try await withDaemonAndSocket { directory, socket in
            let file = directory + "/prices.csv"
            // As many SKUs as a lot has rows, so every lot has those of the one before, in another case.
            let rows = (0..<8_000).map { row in
                "\(row / 1_000 % 2 == 0 ? "K" : "k")-\(row % 1_000),Thing,\(row / 1_000 + 1)\r\n"
            }
            try ("sku,name,price\r\n" + rows.joined()).write(toFile: file, atomically: true, encoding: .utf8)
            let report = try await Self.report(["import", file, "--currency", "JPY", "-o", "json"], socket)
            #expect(report["created"] == .integer(1_000) && report["updated"] == .integer(7_000))
            let exported = try await ToolRun(["export"], socket)
            #expect(exported.output.count == 1_000)
            for line in exported.output {
                #expect(try JSONDocument(parsing: Array(line.utf8)).root["price"]["amount"] == .integer(8), "\(line)")
            }
        }
    }

    /// Fails where faults of lots that end in another order are told in that order.
    @Test("Rows that are not taken are told in the order of the file")
    func faults() async throws {
        try await withDaemonAndSocket { directory, socket in
            let (file, faults) = (directory + "/new.ndjson", directory + "/faults.csv")
            // Each 100th row has no name, which only the daemon knows to be a fault; each 101st is none.
            let rows = (1...9_000).map { row in
                row % 101 == 0
                    ? "nonsense"
                    : #"{"sku":"N-\#(row)"\#(row % 100 == 0 ? "" : #","name":"Thing""#),"#
                        + #""price":{"amount":1,"currency":"JPY"}}"#
            }
            try (rows.joined(separator: "\n") + "\n").write(toFile: file, atomically: true, encoding: .utf8)
            try await ToolRun(["seed", file, "--report", faults], socket).expect(.partly)
            let told = try String(contentsOfFile: faults, encoding: .utf8).split(separator: "\r\n").dropFirst()
                .compactMap { Int($0.prefix { $0 != "," }) }
            #expect(told == (1...9_000).filter { $0 % 100 == 0 || $0 % 101 == 0 })
        }
    }

    /// Fails where Ctrl-C leaves in doubt what was done.
    @Test("Ctrl-C ends a load with 130 and says how far it came; the same again goes on")
    func interrupted() async throws {
        try await withDaemonAndSocket { _, socket in
            let seed = ["seed", "--count", "\(Self.many)", "--timeout", "5m", "-o", "json"]
            let process = try ToolRun.start(seed, socket)
            try await Self.awaitProduct(socket)
            kill(process.pid, SIGINT)
            #expect(try await process.exitCode() == 130)
            #expect(process.outputLines.isEmpty)
            let told = try JSONDocument(parsing: Array(#require(process.errorLines.last).utf8)).root["error"]
            #expect(told["exit_code"] == .integer(130))
            let done = try #require(told["done"].int)
            #expect(done > 0 && done < Self.many && told["done_up_to_line"] == .integer(done))
            #expect(try await ToolRun(["export"], socket).output.count == Int(done))
            let report = try await Self.report(seed, socket)
            #expect(report["replayed"] == .integer(done))
            #expect(report["created"] == .integer(Int64(Self.many) - done))
        }
    }

    /// Fails where a daemon that died is not told as such, or where a row is lost or done twice.
    @Test("A daemon that dies in the middle ends a load with 3; the same again goes on")
    func killed() async throws {
        try await withTemporaryDirectory { directory in
            let socket = "/tmp/inventoryd-test-\(UInt64.random(in: 0...UInt64.max)).sock"
            func daemon() async throws -> DaemonProcess {
                try await DaemonProcess(stateDirectory: directory, environment: ["INVENTORYD_SOCKET": socket])
            }
            let seed = ["seed", "--count", "\(Self.many)", "--timeout", "5m"]
            let first = try await daemon()
            let process = try ToolRun.start(seed, socket)
            try await Self.awaitProduct(socket)
            try await first.killHard()
            #expect(try await process.exitCode() == invctl.ExitStatus.notReachable.rawValue)
            #expect(process.errorLines.joined().contains("Run the same command again"), "\(process.errorLines)")
            let second = try await daemon()
            let report = try await Self.report(seed + ["-o", "json"], socket)
            let (created, replayed) = (try #require(report["created"].int), try #require(report["replayed"].int))
            #expect(created > 0 && replayed > 0 && created + replayed == Self.many)
            try await ToolRun(["ledger", "verify"], socket).expect(.ok)
            #expect(try await second.stop() == 0)
            try? FileManager.default.removeItem(atPath: socket + ".lock")
        }
    }

    /// Fails where a command takes the rest of its own script for rows.
    @Test("A command in a piped script reads no rows from it")
    func scriptedInput() async throws {
        try await withDaemonAndSocket { directory, socket in
            let script = directory + "/script"
            try "seed -\nsku,name,price\nA,Thing,1\n".write(toFile: script, atomically: true, encoding: .utf8)
            let process = try ChildProcess(
                ["sh", "-c", "exec \"$0\" shell < \"$1\"", ToolRun.binary, script],
                environment: ["INVCTL_SOCKET": socket])
            #expect(try await process.exitCode() == invctl.ExitStatus.usage.rawValue)
            #expect(process.errorLines.contains { $0.contains("standard input is the script") })
            // From a file of commands standard input is free.
            let piped = try ChildProcess(
                [
                    "sh", "-c", "printf 'sku,name,price\\nA,Thing,1\\n' | \"$0\" shell -f \"$1\"", ToolRun.binary,
                    script,
                ],
                environment: ["INVCTL_SOCKET": socket])
            try "seed - --currency JPY\n".write(toFile: script, atomically: true, encoding: .utf8)
            #expect(try await piped.exitCode() == 0, "\(piped.errorLines)")
            try await ToolRun(["product", "get", "A"], socket).expect(.ok)
        }
    }

    /// The line that the README has, and what it says of each kind of row. The numbers were found by another program
    /// (see `OnlineRetailTests`).
    @Test("A month of invoices is a catalogue", .enabled(if: onlineRetail != nil))
    func invoices() async throws {
        let file = try #require(onlineRetail)
        try await withDaemonAndSocket { directory, socket in
            let seed = [
                "seed", "--map", "sku=StockCode,name=Description,price=UnitPrice", "--currency", "GBP", "--stock",
                "500",
                file,
            ]
            let ran = try await ToolRun(seed, socket)
            try ran.expect(.partly)
            for line in [
                "42 rows: name empty (first in line 624)", "4 rows: price zero (first in line 6393)",
                "4822 rows: same product as in an earlier row",
                "3158 rows: sku of an earlier row with other values: the first was kept (first in line 124)",
            ] { #expect(ran.errors.contains { $0.hasPrefix(line) }, "\(line) in \(ran.errors)") }
            #expect(ran.output.contains { $0.hasPrefix("created") && $0.hasSuffix(" 1,973") }, "\(ran.output)")
            let again = try await ToolRun(seed + ["-o", "json"], socket)
            let report = try JSONDocument(parsing: Array(#require(again.output.first).utf8)).root
            #expect(report["replayed"] == .integer(1_973) && report["failed"] == .integer(46))
            let product = try await Self.report(["product", "get", "85123A", "-o", "json"], socket)
            #expect(product["stock"]["on_hand"] == .integer(500) && product["price"]["amount"] == .integer(255))
        }
    }

    // MARK: Parts

    private static func report(_ words: [String], _ socket: String) async throws -> JSON {
        let ran = try await ToolRun(words, socket)
        try ran.expect(.ok)
        return try JSONDocument(parsing: Array(#require(ran.output.first).utf8)).root
    }

    private static func awaitProduct(_ socket: String) async throws {
        _ = try await eventually("a product") {
            try await ToolRun(["product", "list", "-o", "name"], socket).output.first
        }
    }
}

/// A month of a shop's invoices, where it is: beside the repository.
private let onlineRetail: String? = {
    var directory = URL(filePath: DaemonProcess.projectDirectory)
    while directory.path != "/" {
        directory.deleteLastPathComponent()
        let path = directory.path + "/shared/data/online-retail/online-retail-2010-12.csv"
        if FileManager.default.fileExists(atPath: path) { return path }
    }
    return nil
}()
