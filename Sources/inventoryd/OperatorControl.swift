import InventoryKit
import InventoryServer
import Logging
import RedisClient
import Synchronization

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// What operators may ask of the daemon as a whole.
final class OperatorControl: DaemonControl {
    /// How long a part may take to say how it is.
    private static let patience = Duration.seconds(3)

    let startedAt = SystemClock().now()
    private let current: Mutex<ConfigurationReading>
    private let reread: @Sendable () -> ConfigurationReading
    private let backend: Backend
    private let certificate: ServerCertificate?
    private let state: ServerState
    private let logger: Logger
    private let listening = Mutex("not listening yet")

    init(
        _ reading: ConfigurationReading, reread: @escaping @Sendable () -> ConfigurationReading, backend: Backend,
        certificate: ServerCertificate?, state: ServerState, logger: Logger
    ) {
        current = Mutex(reading)
        self.reread = reread
        self.backend = backend
        self.certificate = certificate
        self.state = state
        self.logger = logger
    }

    var address: String {
        get { listening.withLock { $0 } }
        set { listening.withLock { $0 = newValue } }
    }

    var storeDescription: String { backend.storeDescription }
    var cacheDescription: String { backend.cacheDescription }

    // It does not change while the daemon runs.
    var authentication: Authentication { current.withLock { $0.configuration.authentication } }

    // MARK: Configuration

    var configuration: [ConfigLine] { current.withLock { $0.lines } }

    /// Takes over what can change while the server runs, if the whole of the new configuration is good.
    @discardableResult
    func readConfiguration(applying: Bool) -> ConfigReport {
        let reading = reread()
        let isGood = reading.mistakes.isEmpty
        let fixed = current.withLock { reading.changes(since: $0) }.subtracting(Configuration.changeable)
        let report = ConfigReport(
            mistakes: reading.mistakes, warnings: reading.warnings, applied: applying && isGood,
            needRestart: isGood ? fixed.sorted() : [])
        guard applying else { return report }
        guard isGood else {
            logger.error(
                "The new configuration is not good; the old one stays",
                metadata: ["mistakes": "\(reading.mistakes.joined(separator: "; "))"])
            return report
        }
        do {
            try certificate?.reload()
            certificate?.report(to: logger)
        } catch {
            logger.error("The new certificate cannot be used; the old one stays", metadata: ["reason": "\(error)"])
        }
        state.settings = reading.configuration.server
        current.withLock { $0 = $0.taking(Configuration.changeable, from: reading) }
        logger.notice(
            fixed.isEmpty
                ? "Configuration read again"
                : "Configuration read again; \(fixed.sorted().joined(separator: ", ")) change with a restart only")
        return report
    }

    // MARK: The process

    /// The way every stop goes, whoever asks for it.
    func stop() async { kill(getpid(), SIGTERM) }

    func ping() async -> [BackendReport] {
        async let store = report("store", backend.storeDescription) { [backend] in
            do { try await backend.store.checkReadiness() } catch {
                let reason = backend.storeTrouble() ?? "the log says why"
                return "it does not answer, so requests are told 503 until it does: \(reason)"
            }
            return nil
        }
        guard let redis = backend.redis else { return [await store] }
        let answer = await report("redis", backend.redisDescription ?? "Redis") {
            guard let connection = redis.connections.first else {
                return
                    "it is not connected (\(redis.lastTrouble ?? "no reason known")); everything comes from the store"
            }
            do { _ = try await connection.send(.init(["PING"]), timeout: Self.patience) } catch {
                return "it does not answer (\(error)); everything comes from the store"
            }
            return nil
        }
        return [await store, answer]
    }

    private func report(
        _ name: String, _ description: String, _ trouble: @escaping @Sendable () async -> String?
    ) async -> BackendReport {
        let began = ContinuousClock.now
        let answer = await result(within: Self.patience, of: trouble) ?? "it has not answered within \(Self.patience)"
        let time = ContinuousClock.now - began
        return BackendReport(
            name: name, description: description, ok: answer == nil, latencyUs: Int64(time / .microseconds(1)),
            trouble: answer)
    }
}
