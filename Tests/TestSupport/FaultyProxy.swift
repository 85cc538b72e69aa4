import NIOCore
import NIOPosix
import Synchronization

/// A TCP proxy before a server that does, when told to, what networks do.
///
/// It works for any protocol in which a client asks and waits for the answer on one connection; MongoDB's is one.
package final class FaultyProxy: Sendable {
    /// What gets lost of a request that is picked out.
    package enum Loss: Sendable {
        /// The server does what was asked, and the answer does not come through.
        case answer
        /// The server never hears of it.
        case request
    }

    /// Where clients connect to.
    package let port: Int
    private let network: Network
    private let listener: Mutex<any Channel>

    private init(port: Int, listener: any Channel, network: Network) {
        self.port = port
        self.listener = Mutex(listener)
        self.network = network
    }

    /// Listens on a free port for connections to `target`, another port of this host.
    package static func start(to target: Int) async throws -> FaultyProxy {
        let network = Network(target: target)
        var attempts = 0
        while true {
            attempts += 1
            let port = FreePort.any()
            do {
                let listener = try await listen(on: port, network)
                return FaultyProxy(port: port, listener: listener, network: network)
            } catch  where attempts < 5 {
                // Somebody was faster on that port.
                continue
            }
        }
    }

    deinit {
        listener.withLock { $0.close(promise: nil) }
        network.cut()
    }

    // MARK: Faults

    /// Ends all faults: connections are taken, bytes go through at once, those that were held first.
    package func pass() async throws {
        network.change { $0 = NetworkState() }
        try await accept()
    }

    /// Cuts all connections there are. New ones are taken as before.
    package func cut() async throws { try await network.cut().get() }

    /// Refuses new connections, as a host on which no server runs. Those there are stay.
    package func refuse() async throws {
        let channel = listener.withLock { $0 }
        if channel.isActive { try await channel.close() }
    }

    /// Takes connections again.
    package func accept() async throws {
        guard !listener.withLock({ $0.isActive }) else { return }
        let channel = try await Self.listen(on: port, network)
        listener.withLock { $0 = channel }
    }

    /// Delays bytes by so much on each way.
    package func delay(_ time: Duration) { network.change { $0.delay = TimeAmount(time) } }

    /// Takes connections and bytes, and holds them, as a network that is split. When it is healed by ``pass()``, what
    /// was held goes on its way, even where the sender has given up since; ``cut()`` drops it.
    package func blackHole() { network.change { $0.isHolding = true } }

    /// Ends a black hole, and nothing else.
    package func heal() { network.change { $0.isHolding = false } }

    /// Loses the answers to the next requests, or the requests themselves, and cuts each one's connection then: when
    /// the server has answered, so the request was carried out, or at once.
    ///
    /// - Parameters:
    ///   - marker: only requests whose bytes contain this, such as `findAndModify`; at most 256 bytes.
    ///   - times: how many, over all connections.
    package func lose(_ loss: Loss = .answer, of marker: String? = nil, times: Int = 1) {
        network.change { $0.trap = Trap(loss: loss, marker: marker.map { Array($0.utf8) }, remaining: times) }
    }

    /// Leads new connections to another port of this host, as an address that moves when a server fails over. Those
    /// there are stay where they are; ``cut()`` ends them.
    package func retarget(to port: Int) { network.target = port }

    // MARK: What it sees

    /// How many requests or answers were lost since it started.
    package var lost: Int { network.lost }

    /// Connections there are from clients.
    package var connections: Int { network.openConnections }

    /// Bytes that have come in and not gone on, in a black hole or for their delay.
    package var held: Int { network.held }

    /// Waits until so many requests or answers were lost since it started.
    package func lost(_ count: Int, within patience: Duration = .seconds(60)) async throws {
        try await eventually("\(count) losses, \(lost) so far", within: patience) { lost >= count ? () : nil }
    }

    private static func listen(on port: Int, _ network: Network) async throws -> any Channel {
        try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { client in
                client.eventLoop.makeCompletedFuture {
                    let connection = ProxiedConnection(client: client, network: network)
                    try connection.open(to: network.target)
                }
            }
            .bind(host: "127.0.0.1", port: port).get()
    }
}

/// What is wrong with the network.
struct NetworkState {
    var delay: TimeAmount = .zero
    var isHolding = false
    var trap: Trap?
}

/// Which requests are to be lost.
struct Trap {
    let loss: FaultyProxy.Loss
    let marker: [UInt8]?
    var remaining: Int
}

/// What all connections of a proxy share.
final class Network: Sendable {
    private struct Shared {
        var target: Int
        var state = NetworkState()
        var lost = 0
        var held = 0
        var connections: [ObjectIdentifier: NIOLoopBound<ProxiedConnection>] = [:]
    }

    private let shared: Mutex<Shared>

    init(target: Int) {
        shared = Mutex(Shared(target: target))
    }

    /// Where connections to come lead to.
    var target: Int {
        get { shared.withLock { $0.target } }
        set { shared.withLock { $0.target = newValue } }
    }

    var state: NetworkState { shared.withLock { $0.state } }
    var lost: Int { shared.withLock { $0.lost } }
    var held: Int { shared.withLock { $0.held } }
    var openConnections: Int { shared.withLock { $0.connections.count } }

    func add(_ connection: NIOLoopBound<ProxiedConnection>) {
        shared.withLock { $0.connections[ObjectIdentifier(connection.value)] = connection }
    }

    func remove(_ connection: ProxiedConnection) {
        shared.withLock { $0.connections[ObjectIdentifier(connection)] = nil }
    }

    func hold(_ bytes: Int) { shared.withLock { $0.held += bytes } }

    func countLoss() { shared.withLock { $0.lost += 1 } }

    /// Changes what is wrong, and lets go of what is held no longer.
    func change(_ body: (inout NetworkState) -> Void) {
        let connections = shared.withLock { shared in
            body(&shared.state)
            return Array(shared.connections.values)
        }
        for connection in connections { connection.eventLoop.execute { connection.value.flow() } }
    }

    /// What is to be lost of a request of which these bytes have come, if anything: it counts as one then.
    func trap(_ bytes: [UInt8]) -> FaultyProxy.Loss? {
        shared.withLock { shared in
            guard let trap = shared.state.trap, trap.remaining > 0 else { return nil }
            if let marker = trap.marker, !bytes.contains(marker) { return nil }
            shared.state.trap?.remaining -= 1
            return trap.loss
        }
    }

    /// Cuts every connection.
    @discardableResult
    func cut() -> EventLoopFuture<Void> {
        let connections = shared.withLock { Array($0.connections.values) }
        let cuts = connections.map { connection in
            connection.eventLoop.submit { connection.value.cut() }
        }
        return .andAllComplete(cuts, on: MultiThreadedEventLoopGroup.singleton.next())
    }
}
