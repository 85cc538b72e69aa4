import Dispatch
import FoundationEssentials
import InventoryKit
import InventoryServer
import Logging
import MongoStore
import NIOCore
import NIOPosix
import RedisClient
import ServiceLifecycle
import UnixSignals

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Puts the parts together, and takes them apart again in order.
struct Daemon {
    /// After this long a stop no longer waits for requests under way; container platforms kill soon after.
    static let drainLimit = Duration.seconds(25)

    /// How long writing down when keys were last used may hold up a stop.
    private static let usesLimit = Duration.seconds(2)

    private let reading: ConfigurationReading
    private var configuration: Configuration { reading.configuration }

    /// Reads the configuration again, for SIGHUP.
    let reread: @Sendable () -> ConfigurationReading
    private let notifier = ServiceNotifier(environment: ProcessInfo.processInfo.environment)

    init(reading: ConfigurationReading, reread: @escaping @Sendable () -> ConfigurationReading) {
        self.reading = reading
        self.reread = reread
    }

    /// Runs until it is told to stop.
    ///
    /// - Throws: what kept it from starting, in words for the operator.
    func run() async throws {
        let state = ServerState(
            settings: configuration.server,
            listsAtOnce: Backend.listsAtOnce(configuration))
        let log = LogSink(descriptor: STDERR_FILENO, format: configuration.logFormat)
        LoggingSystem.bootstrap { SinkLogHandler(label: $0, sink: log, state: state) }
        defer { log.flush() }
        let logger = Logger(label: "inventoryd")
        // What the store holds is nobody else's to read.
        umask(0o077)
        let files = raiseFileLimit(logger)

        // Before anything else is touched: whoever runs already is not to notice this one.
        let socket = try claimSocket(logger)
        defer { socket?.release() }
        let backend = try Backend(configuration, group: MultiThreadedEventLoopGroup.singleton, logger: logger)
        backend.start()
        let certificate = try loadCertificate(logger)
        let control = OperatorControl(
            reading, reread: reread, backend: backend, certificate: certificate, state: state, logger: logger)
        let (inventory, observer) = (Inventory(store: backend.store, cache: backend.cache), RequestObserver())
        let keys = APIKeys(register: backend.store)
        let keepingKeys = Task { await keys.run() }
        // Some files are for other things than clients.
        let connectionsMax = min(16_384, max(16, files - 192))
        let metrics = Metrics(
            inventory: inventory, limiter: backend.limiter, observer: observer, places: state.places,
            connectionsMax: connectionsMax,
            redisConnections: { [redis = backend.redis] in redis.map(\.connections.count) },
            certificateExpiry: { certificate?.expiry })
        let (adminListens, adminEvents) = AsyncStream.makeStream(of: Never.self)
        if socket == nil { adminEvents.finish() }
        let (metricsListen, metricsEvents) = AsyncStream.makeStream(of: Never.self)
        if configuration.metricsAddress == nil { metricsEvents.finish() }
        let server = APIServer(
            inventory: inventory, limiter: backend.limiter, keys: keys, authentication: configuration.authentication,
            state: state, observer: observer, address: address, encryption: certificate?.makeHandler,
            connectionLimit: connectionsMax,
            log: log, logger: logger,
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton
        ) { port in
            // Whoever reads that it serves may ask every way.
            for await _ in adminListens {}
            for await _ in metricsListen {}
            // One of them cannot listen.
            guard !Task.isCancelled else { return }
            control.address = "\(certificate == nil ? "" : "https://")\(Self.display(configuration.host)):\(port)"
            logger.notice(
                """
                inventoryd \(Release.version) serves on \(control.address), \(backend.description)\
                \(socket.map { "; admin socket \($0.path)" } ?? "")
                """
            )
            certificate?.report(to: logger)
            if let advice = configuration.keyAdvice(hasSocket: socket != nil) {
                logger.log(level: advice.level, "\(advice.text)")
            }
            notifier.ready()
        }
        let admin = socket.map { socket in
            AdminServer(
                socket: socket, group: configuration.adminGroup, inventory: inventory, store: backend.store,
                cache: backend.cache, keys: keys,
                control: control, metrics: metrics, state: state, log: log, logger: logger,
                eventLoopGroup: MultiThreadedEventLoopGroup.singleton
            ) { adminEvents.finish() }
        }
        // They stop in the opposite order, so operators can look on while the API finishes.
        let scraping = configuration.metricsAddress.map { address in
            MetricsServer(
                metrics, address: address, state: state, log: log, logger: logger,
                eventLoopGroup: MultiThreadedEventLoopGroup.singleton
            ) { metricsEvents.finish() }
        }
        let services: [any Service] = (admin.map { [$0] } ?? []) + (scraping.map { [$0] } ?? []) + [server]
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: services.map { .init(service: $0) }, logger: Self.quiet)
        )
        let signals = Task { await obeySignals(stopping: group, control, state, logger, log) }
        defer { signals.cancel() }
        let preparation = Task { try await prepare(backend, keys, stopping: group, state, logger, log) }
        do { try await group.run() } catch {
            preparation.cancel()
            await Self.end(keepingKeys)
            await backend.close()
            if error is AdminListeningError || error is MetricsListeningError { throw StartError("\(error)") }
            throw StartError("cannot listen on \(configuration.host):\(configuration.port): \(reason(error))")
        }
        preparation.cancel()
        let prepared = await preparation.result
        await Self.end(keepingKeys)
        await backend.close()
        if case .failure(let error as MongoOpeningError) = prepared { throw error }
        logger.notice("Stopped; everything acknowledged is on disk", metadata: Self.figures(backend.cache.statistics))
    }

    /// Has the uses of keys written down while the store is still there; not where it does not answer.
    private static func end(_ keepingKeys: Task<Void, Never>) async {
        keepingKeys.cancel()
        _ = await result(within: usesLimit) { await keepingKeys.value }
    }

    /// What the cache was worth.
    private static func figures(_ statistics: CacheStatistics) -> Logger.Metadata {
        let (products, absent) = (statistics.products, statistics.absent)
        return [
            "cache_hits": "\(products.hits &+ absent.hits)", "cache_misses": "\(products.misses &+ absent.misses)",
            "cache_bypasses": "\(products.bypasses &+ absent.bypasses)",
        ]
    }

    /// Waits for the store while the server answers already: that it is alive, and not ready.
    private func prepare(
        _ backend: Backend, _ keys: APIKeys, stopping group: ServiceGroup, _ state: ServerState, _ logger: Logger,
        _ log: LogSink
    ) async throws {
        guard let prepare = backend.prepare else { return state.noteReady() }
        do {
            try await prepare()
            state.noteReady()
            // If that fails, it is tried again within seconds.
            try? await keys.refresh()
            logger.notice("The store is ready")
        } catch let error as MongoOpeningError {
            state.beginStopping()
            exitWhenOverdue(logger, log)
            await group.triggerGracefulShutdown()
            throw error
        }
    }

    // MARK: Signals

    private func obeySignals(
        stopping group: ServiceGroup, _ control: OperatorControl, _ state: ServerState, _ logger: Logger,
        _ log: LogSink
    ) async {
        for await signal in await UnixSignalsSequence(trapping: .sigterm, .sigint, .sighup) {
            if signal == .sighup {
                control.readConfiguration(applying: true)
            } else if state.isStopping {
                logger.warning("Told to stop a second time, so stopping at once")
                log.flush()
                _exit(1)
            } else {
                logger.notice("Stopping: no new connections, requests under way are finished")
                state.beginStopping()
                notifier.stopping()
                await group.triggerGracefulShutdown()
                exitWhenOverdue(logger, log)
            }
        }
    }

    private func exitWhenOverdue(_ logger: Logger, _ log: LogSink) {
        Task {
            try await Task.sleep(for: Self.drainLimit)
            logger.error("Requests were still under way after \(Self.drainLimit), so stopping without them")
            log.flush()
            _exit(1)
        }
    }

    // MARK: Surroundings

    /// The place of the admin socket, if there is to be one.
    ///
    /// - Throws: ``StartError`` when another daemon has it, or when somebody asked for it and it cannot be had.
    private func claimSocket(_ logger: Logger) throws -> AdminSocket? {
        guard let path = configuration.socket else { return nil }
        do { return try AdminSocket(claiming: path) } catch {
            guard configuration.isSocketNamed || error.isTaken else {
                logger.warning("There is no admin channel", metadata: ["reason": "\(error)"])
                return nil
            }
            throw StartError(error.description)
        }
    }

    /// - Throws: ``StartError`` where somebody wants TLS and it cannot be had.
    private func loadCertificate(_ logger: Logger) throws -> ServerCertificate? {
        guard let file = configuration.certificateFile, let key = configuration.certificateKeyFile else { return nil }
        do { return try ServerCertificate(certificate: file, key: key) } catch { throw StartError("\(error)") }
    }

    /// "All addresses" means both families, where the system has both.
    private var address: APIServer.Address {
        guard ["*", "0.0.0.0", "::"].contains(configuration.host) else {
            return APIServer.Address(host: configuration.host, port: configuration.port)
        }
        let probe = socket(AF_INET6, Int32(SOCK_STREAM.rawValue), 0)
        if probe >= 0 { close(probe) }
        return APIServer.Address(host: probe >= 0 ? "::" : "0.0.0.0", port: configuration.port)
    }

    /// Each connection is a file to the kernel, and the usual soft limit of 1,024 is a relic of select(2).
    private func raiseFileLimit(_ logger: Logger) -> Int {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1_024 }
        let before = limit.rlim_cur
        limit.rlim_cur = limit.rlim_max
        if unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) != 0 {
            logger.warning("The limit of open files could not be raised")
            limit.rlim_cur = before
        }
        return Int(clamping: limit.rlim_cur)
    }

    /// The libraries' own start and stop messages repeat ours.
    private static let quiet = Logger(label: "lifecycle") { _ in SwiftLogNoOpLogHandler() }

    private func reason(_ error: any Error) -> String {
        switch (error as? IOError)?.errnoCode {
        case EADDRINUSE?: "the address is in use. Is another inventoryd running? Choose another port with PORT."
        case EACCES? where (1..<1_024).contains(configuration.port):
            "ports below 1024 are root's and those with CAP_NET_BIND_SERVICE (docs/operations.md has how). Or choose another with PORT."
        case EADDRNOTAVAIL?: "this machine does not have that address. See INVENTORYD_HOST."
        default: "\(error)"
        }
    }

    private static func display(_ host: String) -> String { host.contains(":") ? "[\(host)]" : host }
}

/// What kept the daemon from starting.
struct StartError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}
