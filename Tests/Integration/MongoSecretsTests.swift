import Foundation
import InventoryKit
import TestSupport
import Testing

/// The password in `MONGO_URL` is nobody's business: not the log's, and not the terminal's.
@Suite("MongoDB secrets")
struct MongoSecretsTests {
    /// As it is, with a character that has to be written otherwise in a URI, and as it stands there.
    private static let plain = "pr1vate/w0rd"
    private static let written = "pr1vate%2Fw0rd"
    private static let parts = ["pr1vate", "w0rd"]

    @Test("A wrong password, or a host that is not there: it waits, and says nothing of it", arguments: [true, false])
    func running(_ isReachable: Bool) async throws {
        let host = isReachable ? "127.0.0.1:\(try await MongoServer.shared().port)" : "mongo.invalid:27017"
        let daemon = try await DaemonProcess.start(
            on: "mongodb://keeper:\(Self.written)@\(host)/stock?authSource=admin",
            environment: ["LOG_LEVEL": "trace", "INVENTORYD_MONGO_TIMEOUT": "500ms"])
        #expect(try await daemon.client.get("/readyz").status == 503)
        #expect(try await daemon.client.get("/v1/products").status == 503)
        try await eventually("it to try again") {
            daemon.log.count { $0.contains("Waiting for MongoDB") } >= 2 ? () : nil
        }
        #expect(try await daemon.stop() == 0)
        expectNothing(in: daemon.log)
        #expect(daemon.log.contains { $0.contains("\(host)/stock") }, "but it says where it looks")
    }

    @Test(
        "Asked about the configuration, it does not tell",
        arguments: [["--print-config"], ["--check-config"], ["--print-config", "--check-config"]])
    func asked(_ arguments: [String]) async throws {
        let url = "mongodb://keeper:\(Self.written)@127.0.0.1:1/stock"
        let (code, lines) = try await run(arguments, ["MONGO_URL": url])
        #expect(code == 0)
        #expect(!lines.isEmpty)
        expectNothing(in: lines)
    }

    @Test("Migration that cannot reach the database does not tell")
    func migration() async throws {
        let url = "mongodb://keeper:\(Self.written)@mongo.invalid/stock"
        let (code, lines) = try await run(["migrate"], ["MONGO_URL": url, "INVENTORYD_MONGO_TIMEOUT": "500ms"])
        #expect(code == 1)
        expectNothing(in: lines)
    }

    @Test(
        "A URI with a mistake in it is refused without being repeated",
        arguments: [
            "mongodb://keeper:\(plain)@127.0.0.1/stock", "mongodb://keeper:pr1vate:w0rd@127.0.0.1/stock",
            "mongodb://keeper:pr1vate%w0rd@127.0.0.1/stock", "mongodb//keeper:\(written)@127.0.0.1/stock",
            "mongo://keeper:\(written)@127.0.0.1/stock", "mongodb://keeper:\(written)@127.0.0.1:port/stock",
            "mongodb://keeper:\(written)@/stock", "mongodb+srv://keeper:\(written)@127.0.0.1:27017/stock",
            "mongodb://keeper:\(written)@127.0.0.1/stock?tls=pr1vate", "keeper:\(written)@127.0.0.1",
        ])
    func mistaken(_ url: String) async throws {
        for arguments in [[], ["--print-config"], ["--check-config"], ["migrate"]] {
            let (code, lines) = try await run(arguments, ["MONGO_URL": url])
            #expect(code == 78, "\(arguments)")
            #expect(lines.contains { $0.contains("MONGO_URL") }, "\(arguments)")
            expectNothing(in: lines)
        }
    }

    /// libmongoc takes some of these, and then sees hosts where others see a password.
    @Test(
        "A password whose special characters are not written as they have to be is not told, whatever becomes of it",
        arguments: ["@", "?", "#", ",", "/", ":", "%", "&", "=", "[", " "])
    func careless(_ character: String) async throws {
        let url = "mongodb://keeper:pr1vate\(character)w0rd@127.0.0.1:1/stock"
        let environment = [
            "MONGO_URL": url, "PORT": "0", "INVENTORYD_STATE_DIR": "/nonexistent", "LOG_LEVEL": "trace",
            "INVENTORYD_MONGO_TIMEOUT": "500ms",
        ]
        let process = try ChildProcess([DaemonProcess.binary], environment: environment)
        // Or its end, which comes soon where the URI is refused.
        if (try? await process.errorLine { $0.contains("Waiting for MongoDB") }) != nil {
            kill(process.pid, SIGTERM)
        }
        _ = try await process.exitCode()
        #expect(!process.errorLines.isEmpty)
        expectNothing(in: process.errorLines + process.outputLines)
    }

    @Test("A line of a configuration file that cannot be read is not repeated")
    func mistakenFile() async throws {
        try await withTemporaryDirectory { directory in
            let file = directory + "/inventoryd.conf"
            let line = "MONGO_URL mongodb://keeper:\(Self.written)@127.0.0.1/stock?directConnection=true\n"
            try line.write(toFile: file, atomically: true, encoding: .utf8)
            let (code, lines) = try await run(["--config", file], [:])
            #expect(code == 78)
            expectNothing(in: lines)
        }
    }

    /// What a daemon that ends by itself says, on both its outputs.
    private func run(
        _ arguments: [String], _ environment: [String: String]
    ) async throws -> (code: Int32, lines: [String]) {
        let variables = ["PORT": "0", "INVENTORYD_STATE_DIR": "/nonexistent"].merging(environment) { $1 }
        let process = try ChildProcess([DaemonProcess.binary] + arguments, environment: variables)
        let code = try await process.exitCode()
        return (code, process.outputLines + process.errorLines)
    }

    private func expectNothing(in lines: [String], _ location: SourceLocation = #_sourceLocation) {
        let telling = lines.filter { line in Self.parts.contains { line.contains($0) } }
        #expect(telling == [], sourceLocation: location)
    }
}
