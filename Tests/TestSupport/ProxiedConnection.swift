import NIOCore
import NIOPosix

/// A client's connection through a ``FaultyProxy``, and the one to the server that belongs to it. Both live on one event
/// loop, and so does this.
final class ProxiedConnection {
    /// One direction: what has come in and not gone out yet.
    private struct Lane {
        enum Item {
            case bytes(ByteBuffer)
            case end
        }

        var items: [(item: Item, due: NIODeadline)] = []
        var isScheduled = false

        var byteCount: Int {
            items.reduce(0) { sum, next in
                if case .bytes(let bytes) = next.item { sum + bytes.readableBytes } else { sum }
            }
        }
    }

    private let client: any Channel
    private var server: (any Channel)?
    private let network: Network
    private var toServer = Lane()
    private var toClient = Lane()
    private var isCut = false

    /// What is lost of the request under way.
    private var loss: FaultyProxy.Loss?

    /// The end of what the client sent last: a marker may arrive in two parts.
    private var tail: [UInt8] = []

    init(client: any Channel, network: Network) {
        self.client = client
        self.network = network
    }

    /// Listens to the client, and connects to the server.
    func open(to port: Int) throws {
        let connection = NIOLoopBound(self, eventLoop: client.eventLoop)
        network.add(connection)
        try client.pipeline.syncOperations.addHandler(LaneEntrance(connection: self, isClient: true))
        ClientBootstrap(group: client.eventLoop)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let entrance = LaneEntrance(connection: connection.value, isClient: false)
                    try channel.pipeline.syncOperations.addHandler(entrance)
                }
            }
            .connect(host: "127.0.0.1", port: port)
            .assumeIsolated().whenComplete { result in
                guard !self.isCut, case .success(let server) = result else {
                    // No server: the client is told by the end of its connection.
                    if case .success(let server) = result { server.close(promise: nil) }
                    return self.cut()
                }
                self.server = server
                self.flow()
            }
    }

    // MARK: What comes in

    fileprivate func fromClient(_ bytes: ByteBuffer) {
        let seen = tail + Array(bytes.readableBytesView)
        if loss == nil { loss = network.trap(seen) }
        // All of a marker but its last byte.
        tail = loss == nil ? seen.suffix(255) : []
        if loss == .request {
            network.countLoss()
            return cut()
        }
        add(.bytes(bytes), to: \.toServer)
    }

    fileprivate func fromServer(_ bytes: ByteBuffer) {
        tail = []
        if loss == .answer {
            // Where an answer begins, the request had come in whole and was carried out.
            network.countLoss()
            return cut()
        }
        add(.bytes(bytes), to: \.toClient)
    }

    fileprivate func ended(isClient: Bool) {
        guard !isCut else { return }
        if isClient {
            network.hold(-toClient.byteCount)
            toClient.items = []
            add(.end, to: \.toServer)
        } else if server == nil {
            // It ended before it was connected, which tells of itself.
        } else {
            add(.end, to: \.toClient)
        }
    }

    // MARK: What goes out

    private func add(_ item: Lane.Item, to lane: ReferenceWritableKeyPath<ProxiedConnection, Lane>) {
        guard !isCut else { return }
        // Never before what came in earlier, also where the delay was longer then.
        let due = max(.now() + network.state.delay, self[keyPath: lane].items.last?.due ?? .now())
        self[keyPath: lane].items.append((item, due))
        if case .bytes(let bytes) = item { network.hold(bytes.readableBytes) }
        flow()
    }

    /// Sends what is due on both ways.
    func flow() {
        let state = network.state
        guard !isCut, !state.isHolding else { return }
        if let server { flow(\.toServer, to: server, state) }
        if !isCut { flow(\.toClient, to: client, state) }
    }

    private func flow(
        _ lane: ReferenceWritableKeyPath<ProxiedConnection, Lane>, to channel: any Channel, _ state: NetworkState
    ) {
        while let next = self[keyPath: lane].items.first {
            // Without a delay, what waits for the end of one has waited long enough.
            guard next.due <= .now() || state.delay == .zero else { return wake(lane, at: next.due) }
            self[keyPath: lane].items.removeFirst()
            switch next.item {
            case .bytes(let bytes):
                network.hold(-bytes.readableBytes)
                channel.writeAndFlush(bytes, promise: nil)
            case .end:
                // What was written before may still be on its way out.
                return channel.writeAndFlush(ByteBuffer()).assumeIsolated().whenComplete { _ in self.cut() }
            }
        }
    }

    private func wake(_ lane: ReferenceWritableKeyPath<ProxiedConnection, Lane>, at time: NIODeadline) {
        guard !self[keyPath: lane].isScheduled else { return }
        self[keyPath: lane].isScheduled = true
        client.eventLoop.assumeIsolated().scheduleTask(deadline: time) {
            self[keyPath: lane].isScheduled = false
            self.flow()
        }
    }

    /// Ends it on both sides and drops what is held.
    func cut() {
        guard !isCut else { return }
        isCut = true
        network.hold(-toServer.byteCount - toClient.byteCount)
        toServer.items = []
        toClient.items = []
        network.remove(self)
        client.close(promise: nil)
        server?.close(promise: nil)
    }
}

/// Hands what comes in at one end to the connection.
private final class LaneEntrance: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let connection: ProxiedConnection
    private let isClient: Bool

    init(connection: ProxiedConnection, isClient: Bool) {
        self.connection = connection
        self.isClient = isClient
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        if isClient { connection.fromClient(bytes) } else { connection.fromServer(bytes) }
    }

    func channelInactive(context: ChannelHandlerContext) { connection.ended(isClient: isClient) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A connection that is reset has ended; channelInactive follows.
        context.close(promise: nil)
    }
}
