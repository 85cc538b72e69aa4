import Hummingbird
import HummingbirdCore
package import InventoryKit
package import Logging
package import NIOCore
import ServiceLifecycle

/// The REST API on a TCP port, as a service that starts, drains and stops.
package struct APIServer: Service {
    package struct Address: Sendable, Equatable {
        package let host: String

        /// 0 for any that is free.
        package let port: Int

        package init(host: String, port: Int) {
            self.host = host
            self.port = port
        }
    }

    private let server: any Service
    private let places: Places

    /// - Parameters:
    ///   - keys: with whoever keeps them fresh.
    ///   - encryption: makes what a connection's bytes pass first, for TLS; nothing for plain HTTP.
    ///   - connectionLimit: connections at once; more wait in the kernel's queue, where they cost no file.
    ///   - onListening: told the port once connections are taken.
    package init(
        inventory: Inventory, limiter: any RateLimiter, keys: APIKeys, authentication: Authentication,
        state: ServerState, observer: RequestObserver, address: Address,
        encryption: (@Sendable () -> any ChannelHandler)?,
        connectionLimit: Int,
        log: LogSink, logger: Logger,
        eventLoopGroup: any EventLoopGroup, onListening: @escaping @Sendable (Int) async -> Void
    ) {
        places = state.places
        let check = KeyCheck(authentication: authentication, keys: keys)
        let api = InventoryAPI(
            inventory: inventory, state: state, openAPI: ByteBuffer(bytes: PackageResources.openapi_json),
            keyCheck: check)
        let front = Front(
            routes: api.routes, state: state, log: log, clock: SystemClock(), logger: logger, observer: observer,
            door: NetworkDoor(check: check))
        let channel = APIChannel(
            front, connectionLimit: Self.connectionLimit(state, observer, front),
            judge: { head, peer, loop, tell in
                front.judge(head, from: peer, check, inventory, limiter, on: loop, tell)
            },
            encryption: encryption
        )
        var quiet = logger
        quiet.logLevel = .error
        server = channel.server(
            configuration: ServerConfiguration(
                address: .hostname(address.host, port: address.port), backlog: 1_024,
                availableConnectionsDelegate: MaximumAvailableConnections(connectionLimit)
            ),
            onServerRunning: { channel in
                // Of a thousand that come at once, under load, the last would wait for seconds with NIO's four.
                try? await channel.setOption(.maxMessagesPerRead, value: Self.connectionsPerTurn).get()
                await onListening(channel.localAddress?.port ?? address.port)
            },
            eventLoopGroup: eventLoopGroup, logger: quiet
        )
    }

    /// New connections taken in a turn of the event loop; by as many the limit of all connections may be exceeded.
    private static let connectionsPerTurn: UInt = 32

    /// Who comes from this machine is not counted, for it is a proxy or could do worse, and neither is a trusted proxy:
    /// behind both are many clients.
    private static func connectionLimit(
        _ state: ServerState, _ observer: RequestObserver, _ front: Front
    ) -> ConnectionLimit.Policy {
        ConnectionLimit.Policy(figures: observer.connections) { address in
            let settings = state.settings
            guard !address.isLoopback, !settings.limits.trustedProxies.contains(where: { $0.contains(address) }) else {
                return nil
            }
            return settings.maxConnectionsPerAddress ?? .max
        } refusal: { caller in
            front.rejection(
                .tooManyConnections, "\(caller) has as many connections here as it may have. Keep and reuse them.",
                of: caller)
        }
    }

    package func run() async throws {
        try await server.run()
        // Plain requests whose clients have gone are under way in tasks of which the framework does not know.
        await places.untilEmpty()
    }
}
