import Hummingbird
import HummingbirdCore
package import InventoryKit
package import Logging
package import NIOCore
import ServiceLifecycle

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

enum ProcessID {
    static var own: Int32 { getpid() }
}

/// The admin channel on its Unix socket: the REST API without limits of rate, and what only operators may ask.
package struct AdminServer: Service {
    /// Connections at once: a person has one or two.
    private static let connectionsMax = 128

    private let server: any Service
    private let history: StatsHistory
    private let path: String

    /// - Parameters:
    ///   - socket: claimed by this process.
    ///   - group: whose members may change things.
    ///   - onListening: told once connections are taken.
    package init(
        socket: AdminSocket, group: AdminGroup?, inventory: Inventory, store: any StoreAdministration,
        cache: any CacheAdministration, keys: APIKeys, control: any DaemonControl, metrics: Metrics, state: ServerState,
        log: LogSink,
        logger: Logger,
        eventLoopGroup: any EventLoopGroup, onListening: @escaping @Sendable () -> Void
    ) {
        let observer = metrics.observer
        let history = StatsHistory(observer: observer, cache: inventory.cache)
        self.history = history
        path = socket.path
        let clock = SystemClock()
        let admin = AdminAPI(
            inventory: inventory, state: state, store: store, cache: cache, keys: keys, control: control,
            observer: observer,
            history: history,
            stats: StatsReader(
                observer: observer, places: state.places, history: history, cache: inventory.cache, clock: clock,
                began: .now),
            logLevels: LogLevelOverride(state: state), metrics: metrics)
        let api = InventoryAPI(
            inventory: inventory, state: state, openAPI: ByteBuffer(bytes: PackageResources.openapi_json))
        let front = Front(
            routes: api.routes + admin.routes, state: state, log: log, clock: clock, logger: logger,
            observer: observer, door: AdminDoor(group: group))
        let channel = APIChannel(front)
        var quiet = logger
        quiet.logLevel = .error
        server = channel.server(
            configuration: ServerConfiguration(
                address: .unixDomainSocket(path: socket.path), backlog: 128,
                availableConnectionsDelegate: MaximumAvailableConnections(Self.connectionsMax)),
            onServerRunning: { _ in
                do { try socket.admit(group) } catch {
                    logger.error("The admin socket is for this user only", metadata: ["reason": "\(error)"])
                }
                onListening()
            },
            eventLoopGroup: eventLoopGroup, logger: quiet)
    }

    package func run() async throws {
        let history = history
        let sampling = Task { await history.run() }
        defer { sampling.cancel() }
        do { try await server.run() } catch { throw AdminListeningError(path: path, reason: error) }
    }
}

/// The admin socket could not be listened on.
package struct AdminListeningError: Error, CustomStringConvertible {
    let path: String
    let reason: any Error

    package var description: String { "cannot listen on the admin socket \(path): \(reason)" }
}
