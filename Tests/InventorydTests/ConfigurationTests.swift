import ArgumentParser
import Foundation
import InventoryKit
import InventoryServer
import Logging
import MongoStore
import TestSupport
import Testing

@testable import inventoryd

@Suite("Configuration")
struct ConfigurationTests {
    private static let home = ["HOME": "/home/somebody"]

    private func read(_ sources: SettingSource..., environment: [String: String] = home) -> ConfigurationReading {
        ConfigurationReading(sources: sources, environment: environment, isTerminal: false)
    }

    private func environment(_ values: [String: String]) -> SettingSource {
        SettingSource(origin: "environment", values: values)
    }

    @Test("Nothing configured is a good configuration")
    func defaults() throws {
        let reading = read()
        #expect(reading.mistakes == [])
        #expect(reading.configuration.host == "127.0.0.1")
        #expect(reading.configuration.port == 8080)
        #expect(reading.configuration.stateDirectory == "/home/somebody/.local/state/inventoryd")
        #expect(reading.configuration.logFormat == .json)
        var server = ServerSettings()
        server.limits[.read] = try RatePolicy("1000/s:2000")
        server.limits[.write] = try RatePolicy("100/s:200")
        server.limits[.purchase] = try RatePolicy("200/s:400")
        #expect(reading.configuration.server == server)
    }

    /// Fails where a setting that nobody made, and what it comes to, is not shown.
    @Test("Every setting is shown, and what comes of one that nobody made")
    func everySetting() {
        func shown(_ values: [String: String], _ name: String) -> String? {
            let lines = read(environment(values)).lines
            #expect(lines.map(\.name) == Configuration.table.map(\.name))
            return lines.first { $0.name == name }.map { "\($0.value) (\($0.origin))" }
        }
        #expect(shown([:], "INVENTORYD_AUTH") == "off (default)")
        #expect(shown(["INVENTORYD_HOST": "::"], "INVENTORYD_AUTH") == "all (default)")
        #expect(shown(["INVENTORYD_AUTH": "writes"], "INVENTORYD_AUTH") == "writes (environment)")
        #expect(shown([:], "MONGO_URL") == " (default)")
        #expect(shown(["MONGO_URL": "mongodb://u:p@h/d"], "MONGO_URL") == "******** (environment)")
    }

    /// Fails where a misspelt option is found out when there is no primary to be found.
    @Test("What of MongoDB's URL has no effect is told, and no secret with it")
    func ineffectiveOptions() {
        let reading = read(environment(["MONGO_URL": "mongodb://u:hunter2@h/d?replicSet=hunter2&replicaSet=rs0"]))
        #expect(reading.mistakes.isEmpty)
        #expect(reading.warnings.count == 1 && reading.warnings[0].contains("replicset"), "\(reading.warnings)")
        #expect(!reading.warnings.joined().contains("hunter2"))
        #expect(read(environment(["MONGO_URL": "mongodb://h/d?replicaSet=rs0&w=majority"])).warnings.isEmpty)
    }

    @Test("The first source that has a value wins, and its origin is told")
    func precedence() {
        let reading = read(
            SettingSource(origin: "flag", values: ["PORT": "1"]), environment(["PORT": "2", "LOG_LEVEL": "debug"]),
            SettingSource(path: "f", text: "PORT=3\nLOG_LEVEL=error\nLOG_FORMAT=text", isOurs: true)
        )
        #expect(reading.configuration.port == 1)
        #expect(reading.configuration.server.logLevel == .debug)
        #expect(reading.configuration.logFormat == .text)
        #expect(reading.printout.contains("flag"))
    }

    /// Fails where a malformed value silently becomes the default.
    @Test("All mistakes are told at once, each with its name and where it stands")
    func allMistakes() {
        let reading = read(
            environment([
                "PORT": "80a", "INVENTORYD_CACHE_TTL": "60", "INVENTORYD_MAX_IN_FLIGHT": "0", "LOG_LEVEL": "loud",
                "INVENTORYD_REQUIRE_IDEMPOTENCY_KEY": "yes", "INVENTORYD_CORS_ORIGINS": "shop.example",
            ]))
        #expect(reading.mistakes.count == 6)
        for name in ["PORT", "INVENTORYD_CACHE_TTL", "INVENTORYD_MAX_IN_FLIGHT", "LOG_LEVEL"] {
            #expect(reading.mistakes.contains { $0.hasPrefix("\(name): ") && $0.contains("environment") }, "\(name)")
        }
    }

    @Test("On another address than loopback all requests need a key, unless somebody says otherwise")
    func authentication() {
        func authentication(_ settings: [String: String]) -> Authentication {
            read(environment(settings)).configuration.authentication
        }
        #expect(authentication([:]) == .off)
        #expect(authentication(["INVENTORYD_HOST": "0.0.0.0"]) == .all)
        #expect(authentication(["INVENTORYD_HOST": "::", "INVENTORYD_AUTH": "off"]) == .off)
        #expect(authentication(["INVENTORYD_AUTH": "writes"]) == .writes)
        #expect(read(environment(["INVENTORYD_AUTH": "some"])).mistakes.count == 1)
    }

    @Test(
        "Only an address in figures is loopback", arguments: ["127.0.0.1.example.com", "127.x", "127.0.0", "128.0.0.1"])
    func notLoopback(_ host: String) {
        #expect(!Configuration.isLoopback(host))
        #expect(Configuration.isLoopback("127.0.0.53"))
    }

    @Test("A file with CRLF is read like any other")
    func windowsLines() {
        let source = SettingSource(path: "f", text: "# mine\r\nPORT=81\r\n\r\nLOG_LEVEL=error\r\n", isOurs: true)
        #expect(source.values == ["PORT": "81", "LOG_LEVEL": "error"])
        #expect(source.mistakes == [])
    }

    @Test("Two names for one setting must not contradict each other")
    func aliases() {
        #expect(read(environment(["PORT": "1", "INVENTORYD_PORT": "2"])).mistakes.count == 1)
        #expect(read(environment(["PORT": "1", "INVENTORYD_PORT": "1"])).mistakes == [])
        #expect(read(environment(["INVENTORYD_PORT": "7"])).configuration.port == 7)
    }

    @Test("What is set to nothing is not set")
    func empty() {
        #expect(read(environment(["PORT": "", "REDIS_URL": ""])).mistakes == [])
    }

    @Test("A secret may come from a file, is masked, and must not come twice")
    func secrets() async throws {
        try await withTemporaryDirectory { directory in
            let file = directory + "/url"
            try "mongodb://user:hunter2@db\n".write(toFile: file, atomically: true, encoding: .utf8)
            let fromFile = read(environment(["MONGO_URL_FILE": file]))
            #expect(fromFile.mistakes == [])
            #expect(fromFile.configuration.mongo?.display == "db/inventory")
            let both = read(environment(["MONGO_URL_FILE": file, "MONGO_URL": "mongodb://other:hunter2@db"]))
            #expect(both.mistakes.contains { $0.contains("MONGO_URL_FILE is set too") })
            for reading in [fromFile, both] {
                #expect(!(reading.printout + reading.mistakes.joined()).contains("hunter2"))
                #expect(reading.printout.contains("********"))
            }
            #expect(read(environment(["MONGO_URL_FILE": directory + "/none"])).mistakes.count == 1)
        }
    }

    @Test("systemd's directory comes before the user's")
    func stateDirectory() {
        let systemd = read(environment: ["STATE_DIRECTORY": "/var/lib/a:/var/lib/b", "HOME": "/root"])
        #expect(systemd.configuration.stateDirectory == "/var/lib/a")
        let xdg = read(environment: ["XDG_STATE_HOME": "/x", "HOME": "/root"])
        #expect(xdg.configuration.stateDirectory == "/x/inventoryd")
        #expect(read(environment: [:]).mistakes.count == 1)
    }

    @Test("A misspelt setting is a mistake in our own file and a warning elsewhere")
    func unknownNames() {
        let ours = read(SettingSource(path: "f", text: "INVENTORYD_HOSST=x", isOurs: true))
        #expect(ours.mistakes.count == 1)
        let everybodys = read(environment(["INVENTORYD_HOSST": "x", "PATH": "/bin"]))
        #expect(everybodys.mistakes == [])
        #expect(everybodys.warnings.count == 1)
    }

    @Test(
        "Files are read strictly",
        arguments: [
            "PORT", "=5", "PORT 5", "PO-RT=5", "PORT=\"5", "PORT='5", "PORT=\"5\" x", "PORT=1\nPORT=2",
        ])
    func badLines(_ text: String) {
        #expect(SettingSource(path: "f", text: text, isOurs: true).mistakes.count == 1)
    }

    @Test(
        "Values, quotes and comments",
        arguments: [
            ("A=1 # one", "1"), ("A=1#one", "1#one"), ("export A = 1", nil), ("export A=1", "1"),
            ("A='a # b'", "a # b"),
            ("A=\"a\\n\\\"b\\\"\" # c", "a\n\"b\""), ("A=", ""), ("  A = x ", nil), ("# A=1", nil), ("A=a b\r", "a b"),
        ])
    func values(_ text: String, _ value: String?) {
        #expect(SettingSource(path: "f", text: text, isOurs: false).values["A"] == value)
    }

    @Test("A limit is a number, or 0 or off for none")
    func limits() throws {
        #expect(try Text.limit("12", upTo: 12) == 12)
        #expect(try Text.limit("0", upTo: 12) == nil)
        #expect(try Text.limit("off", upTo: 12) == nil)
        for text in ["13", "-1", "1.0", "none", "99999999999999999999"] {
            #expect(throws: SettingError.self) { try Text.limit(text, upTo: 12) }
        }
        #expect(read().configuration.server.maxConnectionsPerAddress == 256)
        let off = read(environment(["INVENTORYD_MAX_CONNECTIONS_PER_ADDRESS": "off"]))
        #expect(off.configuration.server.maxConnectionsPerAddress == nil)
    }

    @Test("Durations", arguments: [("250ms", 250), ("60s", 60_000), ("5m", 300_000), ("24h", 86_400_000)])
    func durations(_ text: String, _ milliseconds: Int) throws {
        #expect(try Text.duration(text) == .milliseconds(milliseconds))
    }

    @Test(
        "Texts that are no durations",
        arguments: ["60", "s", "-1s", "0s", "25h", "1.5s", "1 s", "99999999999999999999s"])
    func badDurations(_ text: String) {
        #expect(throws: SettingError.self) { try Text.duration(text) }
    }

    @Test("The README and the manual document every setting")
    func documented() throws {
        let readme = try String(contentsOfFile: DaemonProcess.projectDirectory + "/README.md", encoding: .utf8)
        let manual = try String(contentsOfFile: DaemonProcess.projectDirectory + "/man/inventoryd.8", encoding: .utf8)
        for setting in Configuration.table {
            #expect(readme.contains("`\(setting.name)`"), "\(setting.name)")
            #expect(manual.contains(setting.name), "\(setting.name)")
            guard let flag = setting.flag else { continue }
            #expect(manual.contains("Fl -\(flag) "), "\(flag)")
            // A flag of the table that is none was found by somebody who believed the manual.
            #expect(throws: Never.self) { try SettingOptions.parse(["--\(flag)", "1"]) }
        }
    }
}
