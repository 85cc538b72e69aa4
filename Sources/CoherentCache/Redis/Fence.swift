import InventoryKit
import Logging
import NIOCore
import RedisClient
import Synchronization

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Drives the switch: gives it the clock, the register and the connections, and does what it says.
final class Fence: Sendable {
    /// What the scripts and the form of values are. Daemons of two versions keep each other from caching.
    private static let protocolVersion = 1

    /// How long a writer waits for a fresh connection, over which END is tried once more.
    private static let freshTime = Duration.milliseconds(150)

    /// How long a writer tries before its outcome is called unknown. After a fault it takes 1.6 s, once.
    private static let patience = Duration.seconds(5)

    private struct State {
        var machine = CacheSwitch()
        /// Grows with each suspicion: what was under way over older connections says nothing about newer ones.
        var suspicions: UInt64 = 0
        /// The run that was named last, since every read needs its name.
        private var named: (identity: RedisIdentity, run: String)?

        mutating func run(of connection: RedisConnection) -> String {
            if let named, named.identity == connection.identity { return named.run }
            let run = Fence.run(connection.identity)
            named = (connection.identity, run)
            return run
        }
    }

    private let state = Mutex(State())
    private let renewing = Mutex<Task<Void, Never>?>(nil)
    private let register: any CacheSwitchRegister
    private let redis: RedisClient?
    private let scripts: CacheScripts
    private let writes: JoinedWrites
    private let defences: Defences
    private let logger: Logger

    /// Who this daemon is in the document, so that the others can say who keeps them from caching.
    private let name = Fence.processName()

    init(
        register: any CacheSwitchRegister, redis: RedisClient?, group: any EventLoopGroup, scripts: CacheScripts,
        defences: Defences, logger: Logger
    ) {
        writes = JoinedWrites(on: group)
        self.register = register
        self.redis = redis
        self.scripts = scripts
        self.defences = defences
        self.logger = logger
    }

    func start() {
        let interval = Duration.nanoseconds(CacheSwitch.Times().renewalInterval)
        renewing.withLock { task in
            task = Task { [weak self] in
                while !Task.isCancelled {
                    self?.renew()
                    try? await Task.sleep(for: interval)
                }
            }
        }
    }

    func close() async {
        let task = renewing.withLock { $0 }
        task?.cancel()
        await task?.value
    }

    var condition: CacheCondition {
        guard redis != nil else { return .none }
        return leases(at: .now()) == nil ? .off : .ok
    }

    // MARK: Using the cache

    /// The cache over the loop's connection, if it may be used now. To be asked once a request, after it has arrived.
    func leases(on loop: any EventLoop, at now: BootTime) -> Leases? {
        guard let connection = redis?.connection(on: loop) else { return nil }
        return leases(over: connection, at: now)
    }

    /// The same over any connection.
    func leases(at now: BootTime) -> Leases? {
        guard let connection = liveConnections.randomElement() else { return nil }
        return leases(over: connection, at: now)
    }

    private func leases(over connection: RedisConnection, at now: BootTime) -> Leases? {
        guard connection.isOpen, !connection.isOverdue else { return nil }
        guard defences.contains(.namespace) else {
            return Leases(connection: connection, generation: "always", scripts: scripts, writes: writes)
        }
        let generation = state.withLock { state in
            state.machine.usable(over: state.run(of: connection), now: now.nanoseconds)
        }
        return generation.map { Leases(connection: connection, generation: $0, scripts: scripts, writes: writes) }
    }

    private var liveConnections: [RedisConnection] {
        redis?.connections.filter { $0.isOpen && !$0.isOverdue } ?? []
    }

    // MARK: Settling a write

    /// Brings the cache in line with a write that the store has, before anybody is told of it.
    ///
    /// - Parameter document: what the write left, where Redis had said before that it knows of the write.
    /// - Throws: ``InventoryError/unavailable(_:)`` when it could not be done in time: nobody may be told of the write.
    func settle(
        _ writer: Writer, document: (value: ByteBuffer, timeToLive: Duration)?
    ) async throws(InventoryError) {
        let deadline = BootTime.now() + Self.patience
        let registration = writer.registration.map {
            CacheSwitch.Registration(connection: Self.number(of: $0.connection), generation: $0.generation)
        }
        while BootTime.now() < deadline {
            let connection = endConnection(of: writer)
            let (step, suspicions) = state.withLock { state in
                let described = connection.map {
                    CacheSwitch.Connection(number: Self.number(of: $0), run: Self.run(of: $0))
                }
                let now = BootTime.now().nanoseconds
                return (
                    state.machine.settle(connection: described, registration: registration, now: now),
                    state.suspicions
                )
            }
            var next = step
            if !defences.contains(.namespace) { next = .end(generation: "always", mayWriteThrough: true) }
            if case .end(let generation, let mayWriteThrough) = next, let connection {
                let leases = Leases(connection: connection, generation: generation, scripts: scripts, writes: writes)
                if await end(writer, with: leases, document: mayWriteThrough ? document : nil) { return }
                if await endOverFreshConnection(writer, in: generation, instead: connection) { return }
                suspect(generation, since: suspicions)
                next = state.withLock { $0.machine.step(afterFailedEnd: BootTime.now().nanoseconds) }
            }
            switch next {
            case .done: return
            case .renew(let until):
                renew()
                try? await Task.sleep(for: BootTime(nanoseconds: until) - .now())
            // Only without the switch, where there is no connection: then nothing can be done but wait.
            case .end: try? await Task.sleep(for: .milliseconds(10))
            }
        }
        logger.error("A write could not be settled with the cache", metadata: ["product": "\(writer.id.text)"])
        throw .unavailable(.outcomeUnknown)
    }

    /// The connection of the writer's BEGIN, else any.
    private func endConnection(of writer: Writer) -> RedisConnection? {
        if let own = writer.registration?.connection, own.isOpen { return own }
        return liveConnections.randomElement() ?? redis?.connections.first { $0.isOpen }
    }

    private func end(
        _ writer: Writer, with leases: Leases, document: (value: ByteBuffer, timeToLive: Duration)?
    ) async -> Bool {
        do {
            try await leases.end(writer.id, token: writer.token, document: document)
            return true
        } catch {
            logger.debug("END was not answered", metadata: ["error": "\(error)"])
            return false
        }
    }

    /// Once more over another connection to the same run: that it was only the connection is more likely than not.
    private func endOverFreshConnection(
        _ writer: Writer, in generation: String, instead failed: RedisConnection
    ) async -> Bool {
        failed.close("a write had no answer in time")
        let deadline = BootTime.now() + Self.freshTime
        while BootTime.now() < deadline {
            if let fresh = liveConnections.first(where: { $0 !== failed && $0.identity == failed.identity }) {
                let leases = Leases(connection: fresh, generation: generation, scripts: scripts, writes: writes)
                return await end(writer, with: leases, document: nil)
            }
            try? await Task.sleep(for: .milliseconds(10))
        }
        return false
    }

    private func suspect(_ generation: String, since suspicions: UInt64) {
        let isNew = state.withLock { state in
            guard state.suspicions == suspicions else { return false }
            state.suspicions += 1
            state.machine.suspect(generation: generation)
            return true
        }
        guard isNew else { return }
        logger.warning("Redis did not take a write's END, so this daemon switches the cache off")
        // Whichever connection comes after this is a fresh one.
        for connection in redis?.connections ?? [] { connection.close("Redis is suspect") }
    }

    // MARK: Renewing

    /// Sends a renewal, unless one is under way. Nobody waits for it: the machine knows which replies count.
    private func renew() {
        let isConnected = redis?.connections.contains { $0.isOpen } ?? false
        let identity = isConnected ? redis?.identity : nil
        let renewal = state.withLock { state in
            let now = BootTime.now().nanoseconds
            if let identity {
                // All that were there when it became suspect have been closed.
                if state.machine.isSuspect { state.machine.recovered(now: now) }
                state.machine.connected(to: Self.run(identity))
            } else {
                state.machine.disconnected()
            }
            return state.machine.beginRenewal(token: token(), now: now)
        }
        guard let renewal else { return }
        Task {
            do {
                let document = try await register.apply(renewal.update)
                tell(renewed(renewal, document))
            } catch {
                state.withLock { $0.machine.renewalFailed(renewal.number) }
            }
        }
    }

    /// - Returns: the document, where it says another thing than before.
    private func renewed(_ renewal: CacheSwitch.Renewal, _ document: SwitchDocument?) -> SwitchDocument? {
        state.withLock { state in
            let old = state.machine.document
            state.machine.renewalDone(renewal.number, document, now: BootTime.now().nanoseconds)
            let new = state.machine.document
            let isNews = old?.isOn != new?.isOn || (new?.isOn == true && old?.generation != new?.generation)
            return isNews ? new : nil
        }
    }

    private func tell(_ news: SwitchDocument?) {
        guard let news else { return }
        let who = (news.isOn ? news.generation : news.claim).split(separator: "/").last.map(String.init) ?? "-"
        logger.notice(news.isOn ? "The cache is on" : "The cache is off", metadata: ["by": "\(who)"])
    }

    // MARK: Names

    private static func run(of connection: RedisConnection) -> String { run(connection.identity) }

    private static func run(_ identity: RedisIdentity) -> String {
        "\(protocolVersion):\(identity.runID):\(identity.replicationID):\(identity.database)"
    }

    /// Unique among the connections that anybody still holds.
    private static func number(of connection: RedisConnection) -> UInt64 {
        UInt64(UInt(bitPattern: ObjectIdentifier(connection)))
    }

    private func token() -> String { "\(name).\(String(UInt64.random(in: .min ... .max), radix: 16))" }

    private static func processName() -> String {
        var bytes = [CChar](repeating: 0, count: 256)
        _ = unsafe gethostname(&bytes, bytes.count - 1)
        let host = String(decoding: bytes.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        return host.filter { $0.isASCII && $0 != "/" && !$0.isWhitespace } + ".\(getpid())"
    }
}
