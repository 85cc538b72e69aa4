import HTTPTypes
import Hummingbird
package import InventoryKit
import Logging
import NIOCore

/// What the daemon as a whole does for its operators.
package protocol DaemonControl: Sendable {
    /// Where the REST API listens, for people.
    var address: String { get }
    var startedAt: Timestamp { get }

    /// Which requests need an API key.
    var authentication: Authentication { get }

    /// The store and the cache, without secrets.
    var storeDescription: String { get }
    var cacheDescription: String { get }

    /// Asks all parts how they are, at the same time and within seconds.
    func ping() async -> [BackendReport]

    /// The settings in force; secrets are masked.
    var configuration: [ConfigLine] { get }

    /// Reads the configuration again.
    ///
    /// - Parameter applying: takes over what can change while it runs, if all of it is good.
    func readConfiguration(applying: Bool) -> ConfigReport

    /// Begins to stop, as SIGTERM does.
    func stop() async
}

/// What only operators may ask: a table of routes, as of the REST API.
struct AdminAPI: Sendable {
    let inventory: Inventory
    let state: ServerState
    let store: any StoreAdministration
    let cache: any CacheAdministration
    let keys: APIKeys
    let control: any DaemonControl
    let observer: RequestObserver
    let history: StatsHistory
    let stats: StatsReader
    let logLevels: LogLevelOverride
    let metrics: Metrics

    var routes: [Route] {
        serviceRoutes + statsRoutes + cacheRoutes + ledgerRoutes + transferRoutes + keyRoutes + [metrics.route]
    }

    static func path(_ path: String) -> String { AdminProtocol.root + path }

    // MARK: The service

    private var serviceRoutes: [Route] {
        [
            Route(.get, Self.path("/status")) { exchange in
                try exchange.query.finish()
                return try .admin(await status())
            },
            Route(.get, Self.path("/backends")) { exchange in
                try exchange.query.finish()
                return try .admin(await control.ping())
            },
            Route(.get, Self.path("/config")) { exchange in
                try exchange.query.finish()
                return try .admin(control.configuration)
            },
            Route(.post, Self.path("/config:check"), access: .scope(.read)) { exchange in
                try exchange.query.finish()
                return try .admin(control.readConfiguration(applying: false))
            },
            Route(.post, Self.path("/config:reload")) { exchange in
                try exchange.query.finish()
                let report = control.readConfiguration(applying: true)
                if !report.applied { exchange.call.notes.trouble = .invalid }
                return try .admin(report)
            },
            Route(.post, Self.path("/log"), setLogLevel),
            Route(.post, Self.path("/drain")) { exchange in
                try exchange.query.finish()
                state.isDraining = true
                return try .admin(StateReport(state: .draining))
            },
            Route(.post, Self.path("/resume")) { exchange in
                try exchange.query.finish()
                state.isDraining = false
                return try .admin(StateReport(state: await status().state))
            },
            Route(.post, Self.path("/stop")) { exchange in
                try exchange.query.finish()
                await control.stop()
                return try .admin(StateReport(state: .stopping))
            },
        ]
    }

    private func status() async -> ServiceStatus {
        let condition = inventory.cache.condition
        var storeCondition = "ok"
        do { try await inventory.store.checkReadiness() } catch { storeCondition = "failing" }
        let serviceState: ServiceStatus.State =
            if state.isStopping { .stopping } else if state.importState != .none {
                state.importState == .broken ? .unusable : .importing
            } else if storeCondition != "ok" {
                state.hasBeenReady ? .failing : .starting
            } else if state.isDraining { .draining } else { .ready }
        if storeCondition == "ok" { state.noteReady() }
        let now = SystemClock().now()
        return ServiceStatus(
            version: Release.version, revision: AdminProtocol.revision, pid: ProcessID.own,
            startedAt: control.startedAt.rfc3339,
            uptimeSeconds: Double(now.milliseconds - control.startedAt.milliseconds) / 1_000, state: serviceState,
            address: control.address,
            store: ServiceStatus.Part(description: control.storeDescription, condition: storeCondition),
            cache: ServiceStatus.Part(description: control.cacheDescription, condition: condition.rawValue),
            authentication: control.authentication.rawValue, certificateExpiresAt: metrics.certificateExpiry()?.rfc3339,
            logLevel: state.settings.logLevel.rawValue)
    }

    @Sendable private func setLogLevel(_ exchange: inout Exchange) async throws -> Response {
        try exchange.query.finish()
        let request = try LogLevelRequest(try await exchange.json())
        let before = logLevels.set(request.level, for: request.time)
        return try .admin(
            LogLevelReport(
                level: request.level.rawValue, before: before.rawValue,
                forSeconds: request.time.map { $0 / .seconds(1) }
            ))
    }
}

// MARK: - Figures

extension AdminAPI {
    private var statsRoutes: [Route] {
        [
            Route(.get, Self.path("/stats"), parameters: ["interval"], produces: "application/json") { exchange in
                let interval = exchange.query.value("interval", Duration.init(interval:))
                try exchange.query.finish()
                guard let interval else { return try .admin(stats.snapshot()) }
                return .lines(of: exchange) { line in
                    while !state.isStopping {
                        try await line.write(stats.snapshot())
                        try await state.sleep(for: interval)
                    }
                }
            },
            Route(.get, Self.path("/monitor"), produces: "application/x-ndjson") { exchange in
                try exchange.query.finish()
                guard let events = observer.feed.watch() else {
                    throw Problem(.overloaded, "Too many watch already. End another invctl monitor first.")
                }
                return .lines(of: exchange) { line in
                    let ticks = Task {
                        // So that who has gone is noticed, and a stop is not kept waiting.
                        while !state.isStopping, !Task.isCancelled {
                            events.tick()
                            try await Task.sleep(for: .milliseconds(500))
                        }
                        events.end()
                    }
                    defer {
                        ticks.cancel()
                        events.end()
                    }
                    for await event in events.stream {
                        if let event { try await line.write(event) } else { try await line.keepAlive() }
                    }
                }
            },
        ]
    }
}

/// `{"level": "debug", "for_seconds": 600}`.
private struct LogLevelRequest {
    let level: LogLevel
    let time: Duration?

    init(_ document: JSONDocument) throws(InventoryError) {
        self = try JSONForm.read(document) { form in
            let level: LogLevel? = form.value("level", .required) { json throws(InvalidValue) in
                guard let level = LogLevel(rawValue: try json.text()) else {
                    throw InvalidValue("must be one of \(LogLevel.allCases.map(\.rawValue).joined(separator: ", "))")
                }
                return level
            }
            let seconds = form.value("for_seconds", .optional) { json throws(InvalidValue) in
                let seconds = try json.integer()
                guard (1...86_400).contains(seconds) else { throw InvalidValue("must be 1 to 86400") }
                return seconds
            }
            return level.map { LogLevelRequest(level: $0, time: seconds.map { .seconds($0) }) }
        }
    }

    private init(level: LogLevel, time: Duration?) {
        self.level = level
        self.time = time
    }
}

extension Duration {
    /// `250ms`, `1s` up to `60s`.
    fileprivate init(interval text: String) throws(InvalidValue) {
        let fault = InvalidValue("must be from 100ms to 60s")
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let count = Int64(digits), count <= 60_000 else { throw fault }
        let milliseconds: Int64
        switch text.dropFirst(digits.count) {
        case "ms": milliseconds = count
        case "s": milliseconds = count * 1_000
        default: throw fault
        }
        guard (100...60_000).contains(milliseconds) else { throw fault }
        self = .milliseconds(milliseconds)
    }
}
