import Hummingbird
import HummingbirdCore
import InventoryKit
package import Logging
package import NIOCore
import ServiceLifecycle

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// `/metrics` on an address of its own, for a Prometheus that cannot reach the admin socket. It tells figures and takes
/// nothing.
package struct MetricsServer: Service {
    private static let connectionsMax = 32

    private let server: any Service
    private let address: APIServer.Address

    /// - Parameter onListening: called when it can be asked.
    package init(
        _ metrics: Metrics, address: APIServer.Address, state: ServerState, log: LogSink, logger: Logger,
        eventLoopGroup: any EventLoopGroup, onListening: @escaping @Sendable () -> Void
    ) {
        self.address = address
        let front = Front(
            routes: [metrics.route], state: state, log: log, clock: SystemClock(), logger: logger,
            observer: metrics.observer, door: ScrapeDoor())
        let channel = APIChannel(front)
        var quiet = logger
        quiet.logLevel = .error
        server = channel.server(
            configuration: ServerConfiguration(
                address: .hostname(address.host, port: address.port), backlog: 64,
                availableConnectionsDelegate: MaximumAvailableConnections(Self.connectionsMax)),
            onServerRunning: { channel in
                logger.notice(
                    "Metrics are served", metadata: ["at": "\(address.host):\(channel.localAddress?.port ?? 0)"])
                onListening()
            },
            eventLoopGroup: eventLoopGroup, logger: quiet)
    }

    package func run() async throws {
        do { try await server.run() } catch { throw MetricsListeningError(address: address, reason: error) }
    }
}

/// The address for metrics could not be listened on.
package struct MetricsListeningError: Error, CustomStringConvertible {
    let address: APIServer.Address
    let reason: any Error

    package var description: String {
        "cannot listen on \(address.host):\(address.port) for metrics (INVENTORYD_METRICS_LISTEN): "
            + ((reason as? IOError).map { unsafe String(cString: strerror($0.errnoCode)) } ?? "\(reason)")
    }
}

/// Everybody may read what there is.
private struct ScrapeDoor: Door {
    let isBounded = false

    func caller(of request: Request, over channel: any Channel) async -> Caller {
        .anonymous(.nothing(Problem(.forbidden, "There are only metrics here.")))
    }
    func admit(_ request: Request) throws(Problem) {}
    func kind(of request: Request) -> RateClass? { nil }
    func decorate(_ response: inout Response) {}
    func changed(_ request: Request, _ call: Call, status: Int, _ logger: Logger) {}
}
