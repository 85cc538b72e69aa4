package import Logging
import Synchronization

/// What the operator can change while the server runs.
package struct ServerSettings: Sendable, Equatable {
    /// Origins that browsers may call from; `*` for any.
    package var corsOrigins: [String]
    package var requiresIdempotencyKey: Bool

    /// Requests under way at once; more wait a little, and are turned away then.
    package var maxInFlight: Int

    /// Connections that one address may have at once; nothing for any number.
    package var maxConnectionsPerAddress: Int? = 256
    package var logLevel: Logger.Level

    /// How often each caller may call.
    package var limits = RateLimits()

    package init(
        corsOrigins: [String] = [], requiresIdempotencyKey: Bool = false, maxInFlight: Int = 1_024,
        logLevel: Logger.Level = .info
    ) {
        self.corsOrigins = corsOrigins
        self.requiresIdempotencyKey = requiresIdempotencyKey
        self.maxInFlight = maxInFlight
        self.logLevel = logLevel
    }

    func allows(origin: String?) -> Bool {
        guard let origin else { return false }
        return corsOrigins.contains("*") || corsOrigins.contains(origin)
    }
}

/// The server's settings and whether it is on its way down, shared by all requests.
package final class ServerState: Sendable {
    private let current: Mutex<ServerSettings>
    private let stopping = Atomic<Bool>(false)
    private let draining = Atomic<Bool>(false)
    private let everReady = Atomic<Bool>(false)
    private let importing = Atomic<Import>(.none)
    private let replacements = Atomic<Int>(0)

    /// What becomes of the store by an import through this daemon.
    enum Import: UInt8, AtomicRepresentable {
        case none, underWay
        /// It broke off, so the store holds what nobody ever had.
        case broken
    }

    /// Room for the requests that come over the network.
    package let places = Places()

    /// Among them, for those that read lists.
    let listTurns: ListTurns

    /// - Parameter listsAtOnce: fewer than the store can read, for others want it too.
    package init(settings: ServerSettings, listsAtOnce: Int = 4) {
        current = Mutex(settings)
        listTurns = ListTurns(listsAtOnce)
    }

    package var settings: ServerSettings {
        get { current.withLock { $0 } }
        set {
            current.withLock { $0 = newValue }
            replacements.add(1, ordering: .relaxed)
        }
    }

    /// How often all settings have been replaced, by a configuration that was read again.
    var timesReplaced: Int { replacements.load(ordering: .relaxed) }

    func update(_ change: (inout ServerSettings) -> Void) { current.withLock { change(&$0) } }

    package var isStopping: Bool { stopping.load(ordering: .relaxed) }

    /// Whether `/readyz` says no although everything is served: load balancers shall send their requests elsewhere.
    package var isDraining: Bool {
        get { draining.load(ordering: .relaxed) }
        set { draining.store(newValue, ordering: .relaxed) }
    }

    /// Whether the store has answered since the start.
    var hasBeenReady: Bool { everReady.load(ordering: .relaxed) }
    package func noteReady() { everReady.store(true, ordering: .relaxed) }

    /// Sleeps so long, or until the service stops, if that is before.
    func sleep(for time: Duration) async throws {
        let end = ContinuousClock.now + time
        while !isStopping, ContinuousClock.now < end {
            try await Task.sleep(for: min(.milliseconds(500), end - .now))
        }
    }

    /// Nothing is served from a store that is not whole. An import sets this, and then looks who is under way; a request
    /// takes its place, and then looks at this. So one of them sees the other.
    var importState: Import {
        get { importing.load(ordering: .sequentiallyConsistent) }
        set { importing.store(newValue, ordering: .sequentiallyConsistent) }
    }

    /// - Returns: whether there was none.
    func beginImport() -> Bool {
        importing.compareExchange(expected: .none, desired: .underWay, ordering: .sequentiallyConsistent).exchanged
    }

    /// From now on `/readyz` says no, and answers ask clients to take their next request elsewhere.
    package func beginStopping() { stopping.store(true, ordering: .relaxed) }
}
