import Foundation
import InventoryKit
import TestSupport
import Testing

@testable import invctl

/// `invctl backup`, with the real binaries.
@Suite("invctl backup")
struct BackupTests {
    /// Fails where the copy lacks what was acknowledged before, is torn by what is sold meanwhile, or is not for its owner
    /// alone.
    @Test("A backup that is made while the store sells is served by another daemon, and nothing is missing")
    func restored() async throws {
        try await withDaemonAndSocket { directory, socket in
            try await run(["seed", "--count", "100", "--stock", "100000"], socket).expect(.ok)
            let sku = try await run(["product", "list", "--limit", "1", "-o", "name"], socket).output[0]
            async let traffic = run(["bench", "mixed", "--duration", "3s", "--buys", "0.8"], socket)
            for _ in 0..<5 { try await run(["purchase", sku, "--reference", "BEFORE"], socket).expect(.ok) }
            let state = directory + "/restored"
            try FileManager.default.createDirectory(atPath: state, withIntermediateDirectories: true)
            let file = state + "/inventory.sqlite"
            let ran = try await run(["backup", file, "-o", "json"], socket)
            try ran.expect(.ok)
            try await traffic.expect(.ok)
            let attributes = try FileManager.default.attributesOfItem(atPath: file)
            #expect(attributes[.posixPermissions] as? Int == 0o600)
            let report = try JSONDocument(parsing: Array(#require(ran.output.first).utf8)).root
            #expect(report["bytes"].int == (attributes[.size] as? Int).map(Int64.init))
            // One file, and nothing left of it on either side.
            #expect(try FileManager.default.contentsOfDirectory(atPath: state) == ["inventory.sqlite"])
            let left = try FileManager.default.contentsOfDirectory(atPath: directory + "/state")
            #expect(!left.contains { $0.contains(".copy") }, "\(left)")
            try await serves(state, sku)
        }
    }

    /// Fails where a daemon goes on in a file that is not there any more: what it acknowledges is gone when it stops.
    @Test("The store of a running daemon is not replaced, whatever it is called")
    func ontoTheStore() async throws {
        try await withDaemonAndSocket { directory, socket in
            try await run(["seed", "--count", "3"], socket).expect(.ok)
            for ending in ["", "-wal", "-shm", ".lock"] {
                let ran = try await run(["backup", "--force", directory + "/state/inventory.sqlite" + ending], socket)
                try ran.expect(.refused)
                #expect(ran.errors.joined().contains("is the store of an inventoryd that runs"))
            }
            try await run(["ledger", "verify"], socket).expect(.ok)
            try await run(["health"], socket).expect(.ok)
        }
    }

    private func serves(_ state: String, _ sku: String) async throws {
        let socket = "/tmp/inventoryd-test-\(UInt64.random(in: 0...UInt64.max)).sock"
        let daemon = try await DaemonProcess(stateDirectory: state, environment: ["INVENTORYD_SOCKET": socket])
        let before = try await run(["movements", "--reference", "BEFORE", "-o", "jsonl"], socket)
        #expect(before.output.count == 5)
        try await run(["ledger", "verify"], socket).expect(.ok)
        // And it goes on from there.
        try await run(["purchase", sku], socket).expect(.ok)
        try await run(["ledger", "verify"], socket).expect(.ok)
        #expect(try await daemon.stop() == 0)
        try? FileManager.default.removeItem(atPath: socket + ".lock")
    }

    @Test("A file that is there stays as it is, unless it is to be replaced")
    func overwriting() async throws {
        try await withDaemonAndSocket { directory, socket in
            let file = directory + "/backup"
            try "mine".write(toFile: file, atomically: true, encoding: .utf8)
            let refused = try await run(["backup", file], socket)
            try refused.expect(.refused)
            #expect(refused.errors.joined().contains("--force"))
            #expect(try String(contentsOfFile: file, encoding: .utf8) == "mine")
            try await run(["backup", file, "--force"], socket).expect(.ok)
            #expect(try Data(contentsOf: URL(filePath: file)).starts(with: Data("SQLite format 3".utf8)))
        }
    }

    @Test("It tells what it did in every mode", arguments: OutputMode.allCases)
    func modes(_ mode: OutputMode) async throws {
        try await withDaemonAndSocket { directory, socket in
            let file = directory + "/backup"
            let ran = try await run(["backup", file, "-o", mode.rawValue], socket)
            try ran.expect(.ok)
            #expect(ran.output.joined(separator: "\n").contains(file))
        }
    }

    /// Fails where half a backup is taken for a whole one.
    @Test("One that is cut short is no file, and says so")
    func cutShort() async throws {
        try await withTemporaryDirectory { directory in
            let head = "HTTP/1.1 200 OK\\r\\nInventoryd-Release: \(AdminProtocol.release)\\r\\n"
            for (command, answer) in [
                (["backup"], head + "Content-Length: 1000\\r\\n\\r\\nSQLite format 3"),
                // All of an answer, and not all of an export.
                (["export", "--full"], head + "Content-Length: 3\\r\\n\\r\\n{}\\n"),
            ] {
                let socket = "/tmp/inventoryd-test-\(UInt64.random(in: 0...UInt64.max)).sock"
                let server = try ChildProcess(["python3", "-c", Self.server, socket, answer])
                _ = try await eventually("a server to listen") {
                    FileManager.default.fileExists(atPath: socket) ? true : nil
                }
                let file = directory + "/file"
                let ran = try await run(command + [file], socket)
                #expect([1, 3].contains(ran.code), "\(ran.errors)")
                #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == [])
                #expect(try await server.exitCode() == 0)
                try? FileManager.default.removeItem(atPath: socket)
            }
        }
    }

    /// Answers one request, and hangs up.
    private static let server = """
        import socket, sys
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(sys.argv[1])
        listener.listen()
        connection = listener.accept()[0]
        while b"\\r\\n\\r\\n" not in connection.recv(65536): pass
        connection.sendall(sys.argv[2].encode().decode("unicode_escape").encode())
        connection.close()
        """

    @Test("What a daemon left that died over a backup is gone with the next start")
    func leftOver() async throws {
        try await withTemporaryDirectory { directory in
            let state = directory + "/state"
            try FileManager.default.createDirectory(atPath: state, withIntermediateDirectories: true)
            let copy = state + "/inventory.sqlite.copy"
            try "half".write(toFile: copy, atomically: true, encoding: .utf8)
            let daemon = try await DaemonProcess(stateDirectory: state)
            #expect(!FileManager.default.fileExists(atPath: copy))
            #expect(try await daemon.stop() == 0)
        }
    }

    @Test("Of MongoDB there is none; it says what to use")
    func mongo() async throws {
        let url = try await MongoServer.shared().url(database: MongoServer.freshDatabase())
        try await withDaemonAndSocket(environment: ["MONGO_URL": url]) { directory, socket in
            try await run(["wait"], socket).expect(.ok)
            let ran = try await run(["backup", directory + "/backup", "-o", "json"], socket)
            try ran.expect(.refused)
            let error = try JSONDocument(parsing: Array(#require(ran.errors.first).utf8)).root["error"]
            #expect(error["code"].string == "wrong-store")
            #expect(error["message"].string?.contains("mongodump") == true)
            #expect(!FileManager.default.fileExists(atPath: directory + "/backup"))
        }
    }

    /// Fails where all that there is can be had by somebody who may only read.
    @Test("Who may only read gets neither a backup nor an export", .enabled(if: geteuid() == 0))
    func rights() async throws {
        try await withDaemonAndSocket { _, socket in
            chmod(socket, 0o666)
            for (method, path) in [("POST", "backup"), ("GET", "export"), ("POST", "import")] {
                let process = try ChildProcess([
                    "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "curl", "-s", "-m", "20", "-w",
                    "\\n", "-X", method, "--unix-socket", socket, "http://inventoryd/admin/v1/\(path)",
                ])
                #expect(try await process.exitCode() == 0)
                let refusal = try JSONDocument(parsing: Array(process.outputLines.joined().utf8)).root
                #expect(refusal["code"].string == "forbidden", "\(path)")
            }
        }
    }

    private func run(_ words: [String], _ socket: String) async throws -> ToolRun {
        try await ToolRun(words, socket)
    }
}
