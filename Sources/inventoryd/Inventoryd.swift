import ArgumentParser
import FoundationEssentials

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The daemon's command line: reads the configuration, then checks, prints or runs it.
@main
struct Inventoryd: AsyncParsableCommand {
    static let version = "0.1.0"

    static let configuration = CommandConfiguration(
        commandName: "inventoryd",
        abstract: "An inventory of products and their stock, over a REST API.",
        discussion: """
            Without any setting it listens on 127.0.0.1:8080 and keeps its data in an embedded store. Settings come from \
            flags, else the environment, else .env in the working directory, else a file (--config, or \
            /etc/inventoryd/inventoryd.conf). --print-config shows each value and where it came from.
            """,
        version: "inventoryd \(version)"
    )

    @Option(help: "Address to listen on (INVENTORYD_HOST).") var host: String?
    @Option(help: "Port to listen on (PORT).") var port: String?
    @Option(help: "Directory of the embedded store (INVENTORYD_STATE_DIR).") var stateDir: String?
    @Option(help: "off (INVENTORYD_AUTH).") var auth: String?
    @Option(help: "How long a cached product is served (INVENTORYD_CACHE_TTL).") var cacheTtl: String?
    @Option(help: "Writes that share one transaction at most (INVENTORYD_GROUP_COMMIT).") var groupCommit: String?
    @Option(help: "Origins browsers may call from (INVENTORYD_CORS_ORIGINS).") var corsOrigins: String?
    @Option(help: "true or false (INVENTORYD_REQUIRE_IDEMPOTENCY_KEY).") var requireIdempotencyKey: String?
    @Option(help: "Requests under way at once (INVENTORYD_MAX_IN_FLIGHT).") var maxInFlight: String?
    @Option(help: "Least severe level to log (LOG_LEVEL).") var logLevel: String?
    @Option(help: "text or json (LOG_FORMAT).") var logFormat: String?
    @Option(help: ArgumentHelp("A file of NAME=VALUE lines.", valueName: "file")) var config: String?
    @Flag(help: "Check the configuration, say what is wrong with it, and exit.") var checkConfig = false
    @Flag(help: "Print each setting and where it came from, and exit.") var printConfig = false

    func run() async throws {
        let reading = readConfiguration()
        for warning in reading.warnings { complain("warning: \(warning)") }
        if printConfig { print(reading.printout) }
        guard reading.mistakes.isEmpty else {
            for mistake in reading.mistakes { complain(mistake) }
            throw ExitCode(EX_CONFIG)
        }
        if checkConfig { print("The configuration is good.") }
        guard !printConfig, !checkConfig else { return }
        let daemon = Daemon(configuration: reading.configuration) { readConfiguration() }
        do { try await daemon.run() } catch {
            complain("\(error)")
            throw ExitCode.failure
        }
    }

    private func readConfiguration() -> ConfigurationReading {
        let environment = ProcessInfo.processInfo.environment
        let flags: [String: String?] = [
            "INVENTORYD_HOST": host, "PORT": port, "INVENTORYD_STATE_DIR": stateDir, "INVENTORYD_AUTH": auth,
            "INVENTORYD_CACHE_TTL": cacheTtl, "INVENTORYD_GROUP_COMMIT": groupCommit,
            "INVENTORYD_CORS_ORIGINS": corsOrigins,
            "INVENTORYD_REQUIRE_IDEMPOTENCY_KEY": requireIdempotencyKey, "INVENTORYD_MAX_IN_FLIGHT": maxInFlight,
            "LOG_LEVEL": logLevel, "LOG_FORMAT": logFormat,
        ]
        let sources = [
            SettingSource(origin: "flag", values: flags.compactMapValues { $0 }),
            SettingSource(origin: "environment", values: environment),
            SettingSource.file(".env", isRequired: false, isOurs: false),
            SettingSource.file(config ?? "/etc/inventoryd/inventoryd.conf", isRequired: config != nil, isOurs: true),
        ]
        return ConfigurationReading(
            sources: sources.compactMap { $0 }, environment: environment, isTerminal: isatty(STDERR_FILENO) == 1
        )
    }

    private func complain(_ text: String) {
        FileHandleError.write("inventoryd: \(text)\n")
    }
}

/// Standard error, for what is said before there is a log.
private enum FileHandleError {
    static func write(_ text: String) {
        let bytes = Array(text.utf8)
        _ = unsafe Glibc.write(STDERR_FILENO, bytes, bytes.count)
    }
}
