import ArgumentParser
import FoundationEssentials

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The settings as flags, of which each command has all. Secrets have none: a command line is everybody's to read.
struct SettingOptions: ParsableArguments {
    @Option(help: .setting("INVENTORYD_HOST")) var host: String?
    @Option(help: .setting("PORT")) var port: String?
    @Option(help: .setting("INVENTORYD_STATE_DIR")) var stateDir: String?
    @Option(help: .setting("INVENTORYD_SOCKET")) var socket: String?
    @Option(help: .setting("INVENTORYD_ADMIN_GROUP")) var adminGroup: String?
    @Option(help: .setting("INVENTORYD_AUTH")) var auth: String?
    @Option(help: .setting("INVENTORYD_TLS_CERT")) var tlsCert: String?
    @Option(help: .setting("INVENTORYD_TLS_KEY")) var tlsKey: String?
    @Option(help: .setting("INVENTORYD_METRICS_LISTEN")) var metricsListen: String?
    @Option(help: .setting("INVENTORYD_CACHE_TTL")) var cacheTtl: String?
    @Option(help: .setting("INVENTORYD_GROUP_COMMIT")) var groupCommit: String?
    @Option(help: .setting("INVENTORYD_MONGO_POOL")) var mongoPool: String?
    @Option(help: .setting("INVENTORYD_MONGO_TIMEOUT")) var mongoTimeout: String?
    @Option(help: .setting("INVENTORYD_RATE_READ")) var rateRead: String?
    @Option(help: .setting("INVENTORYD_RATE_WRITE")) var rateWrite: String?
    @Option(help: .setting("INVENTORYD_RATE_PURCHASE")) var ratePurchase: String?
    @Option(help: .setting("INVENTORYD_TRUSTED_PROXIES")) var trustedProxies: String?
    @Option(help: .setting("INVENTORYD_CORS_ORIGINS")) var corsOrigins: String?
    @Option(help: .setting("INVENTORYD_REQUIRE_IDEMPOTENCY_KEY")) var requireIdempotencyKey: String?
    @Option(help: .setting("INVENTORYD_MAX_IN_FLIGHT")) var maxInFlight: String?
    @Option(help: .setting("INVENTORYD_MAX_CONNECTIONS_PER_ADDRESS")) var maxConnectionsPerAddress: String?
    @Option(help: .setting("LOG_LEVEL")) var logLevel: String?
    @Option(help: .setting("LOG_FORMAT")) var logFormat: String?
    @Option(help: ArgumentHelp("A file of NAME=VALUE lines.", valueName: "file")) var config: String?

    @Flag(help: "Check the configuration, say what is wrong with it, and exit.") var checkConfig = false
    @Flag(help: "Print each setting and where it came from, and exit.") var printConfig = false

    /// The configuration, if it is good and something is to be done with it.
    ///
    /// - Throws: `ExitCode` 78 (`EX_CONFIG`), all mistakes having been told.
    func readToRun() throws -> ConfigurationReading? {
        let reading = reading
        for warning in reading.warnings { complain("warning: \(warning)") }
        if printConfig { print(reading.printout) }
        guard reading.mistakes.isEmpty else {
            for mistake in reading.mistakes { complain(mistake) }
            throw ExitCode(EX_CONFIG)
        }
        if checkConfig { print("The configuration is good.") }
        return printConfig || checkConfig ? nil : reading
    }

    /// What all sources say together.
    var reading: ConfigurationReading {
        let environment = ProcessInfo.processInfo.environment
        let flags: [String: String?] = [
            "INVENTORYD_HOST": host, "PORT": port, "INVENTORYD_STATE_DIR": stateDir, "INVENTORYD_AUTH": auth,
            "INVENTORYD_SOCKET": socket, "INVENTORYD_ADMIN_GROUP": adminGroup, "INVENTORYD_TLS_CERT": tlsCert,
            "INVENTORYD_TLS_KEY": tlsKey, "INVENTORYD_METRICS_LISTEN": metricsListen,
            "INVENTORYD_CACHE_TTL": cacheTtl, "INVENTORYD_GROUP_COMMIT": groupCommit,
            "INVENTORYD_MONGO_POOL": mongoPool, "INVENTORYD_MONGO_TIMEOUT": mongoTimeout,
            "INVENTORYD_RATE_READ": rateRead, "INVENTORYD_RATE_WRITE": rateWrite,
            "INVENTORYD_RATE_PURCHASE": ratePurchase, "INVENTORYD_TRUSTED_PROXIES": trustedProxies,
            "INVENTORYD_CORS_ORIGINS": corsOrigins,
            "INVENTORYD_REQUIRE_IDEMPOTENCY_KEY": requireIdempotencyKey, "INVENTORYD_MAX_IN_FLIGHT": maxInFlight,
            "INVENTORYD_MAX_CONNECTIONS_PER_ADDRESS": maxConnectionsPerAddress,
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
}

extension ArgumentHelp {
    /// What the table of settings says of one.
    fileprivate static func setting(_ name: String) -> ArgumentHelp {
        guard let setting = Configuration.table.first(where: { $0.name == name }) else { return ArgumentHelp(name) }
        let meaning = setting.meaning.prefix(1).uppercased() + setting.meaning.dropFirst()
        let standard = setting.defaultText.map { $0.isEmpty ? "" : "; default \($0)" } ?? ""
        return ArgumentHelp("\(meaning) (\(name)\(standard)).")
    }
}
