import CMongoc
import InventoryKit
import Logging
import NIOPosix
import Synchronization

/// The connections to MongoDB and the threads on which they are used: as many threads as connections.
///
/// libmongoc blocks, so nothing of it runs anywhere else. A client belongs to one thread for the length of one closure.
final class MongoPool: Sendable {
    /// Jobs that wait for a thread or are under way; more are turned away.
    private static let jobLimit = 4_096

    let url: MongoURL
    let database: String
    private let size: Int
    private let timeout: Duration
    private let logger: Logger
    private let threads: NIOThreadPool
    private let deadlines: Deadlines
    private let state = Mutex(State())

    /// Held while libmongoc's pool is opened, by threads of this one alone.
    private let opening = Mutex(())

    private struct State {
        var clients: ClientPool?
        var topology: Topology?
        var trouble: (text: String, since: ContinuousClock.Instant)?
        var jobs = 0
        var isClosed = false
    }

    init(url: MongoURL, size: Int, timeout: Duration, deadlines: Deadlines, logger: Logger) {
        MongoLog.start(logger)
        MongoLog.redact(url)
        self.url = url
        database = url.database
        self.size = size
        self.timeout = timeout
        self.deadlines = deadlines
        self.logger = logger
        threads = NIOThreadPool(numberOfThreads: size)
        threads.start()
    }

    /// Runs a job on a thread of the pool and returns what came of it, or ``InventoryError/unavailable(_:)`` when the
    /// deadline has passed. The job goes on then, and nobody waits for it.
    ///
    /// - Parameters:
    ///   - isRepeated: whether the job is tried again as long as the server does not answer, until the deadline.
    ///   - changes: whether it changes something: then nobody is told that it has not happened who cannot know.
    ///   - job: is told whether an earlier try may have happened.
    func run<Value: Sendable>(
        isRepeated: Bool = true, changes: Bool = false,
        _ job: @escaping @Sendable (MongoConnection, _ isUnknown: Bool) throws -> Value
    ) async throws(InventoryError) -> Value {
        let waiter = Waiter<Value>()
        let result: Result<Value, InventoryError> = await withCheckedContinuation { continuation in
            waiter.wait(continuation, until: deadlines, overdue: .outOfReach)
            attempt(job, for: waiter, isRepeated: isRepeated, changes: changes, isUnknown: false)
        }
        return try result.get()
    }

    private func attempt<Value: Sendable>(
        _ job: @escaping @Sendable (MongoConnection, Bool) throws -> Value, for waiter: Waiter<Value>, isRepeated: Bool,
        changes: Bool, isUnknown: Bool
    ) {
        submit {
            guard changes ? waiter.markSent() : !waiter.isAnswered else { return }
            do {
                waiter.answer(.success(try self.withConnection { try job($0, isUnknown) }))
            } catch let error as MongoError where error.isTransient && isRepeated {
                self.logger.debug("MongoDB does not answer, so it is asked again", metadata: ["error": "\(error)"])
                self.forgetStandalone()
                var isUnknown = isUnknown
                if case .unknown = error { isUnknown = true }
                if !isUnknown { waiter.markUnsent() }
                Task { [isUnknown] in
                    try await Task.sleep(for: .milliseconds(Int64.random(in: 20...80)))
                    self.attempt(
                        job, for: waiter, isRepeated: isRepeated, changes: changes, isUnknown: isUnknown)
                }
            } catch {
                let failure = self.failure(error)
                // What the server refuses now it may have done before.
                let isInDoubt = changes && isUnknown && failure == .unavailable(.outOfReach)
                waiter.answer(.failure(isInDoubt ? .unavailable(.outcomeUnknown) : failure))
            }
        } refuse: { trouble in
            waiter.answer(.failure(.unavailable(changes && isUnknown ? .outcomeUnknown : trouble)))
        }
    }

    /// Jobs that wait for a thread or are under way, and how many threads there are.
    var load: (jobs: Int, size: Int) { (state.withLock { $0.jobs }, size) }

    /// Runs a job that answers to nobody.
    func submit(
        _ job: @escaping @Sendable () -> Void, refuse: @escaping @Sendable (InventoryError.Trouble) -> Void
    ) {
        let trouble: InventoryError.Trouble? = state.withLock { state in
            if state.isClosed { return .stopping }
            if state.jobs >= Self.jobLimit { return .overloaded }
            state.jobs += 1
            return nil
        }
        if let trouble { return refuse(trouble) }
        threads.submit { threadState in
            if case .active = threadState { job() } else { refuse(.stopping) }
            self.state.withLock { $0.jobs -= 1 }
        }
    }

    /// Borrows a connection for the length of `body`. Only for the threads of the pool.
    func withConnection<Value>(_ body: (MongoConnection) throws -> Value) throws -> Value {
        let clients = try openedPool()
        guard let client = unsafe mongoc_client_pool_pop(clients.pointer) else {
            throw MongoError.unreachable("there is no free connection")
        }
        defer { unsafe mongoc_client_pool_push(clients.pointer, client) }
        return try body(unsafe MongoConnection(client: client, of: clients, in: self))
    }

    /// Opens libmongoc's pool with the first use, since for a `mongodb+srv://` URI that asks the name server, who may take
    /// his time.
    private func openedPool() throws(MongoError) -> ClientPool {
        if let clients = state.withLock({ $0.clients }) { return clients }
        let opened: Result<ClientPool, MongoError> = opening.withLock { _ in
            if let clients = state.withLock({ $0.clients }) { return .success(clients) }
            let (pool, error) = unsafe url.openPool(size: size, timeout: timeout)
            guard let pool = unsafe pool else {
                note(error)
                return .failure(.unreachable(error))
            }
            let clients = unsafe ClientPool(pool)
            state.withLock { $0.clients = clients }
            return .success(clients)
        }
        return try opened.get()
    }

    /// Waits for the jobs under way, and lets go of the connections.
    func close() async {
        state.withLock { $0.isClosed = true }
        do { try await threads.shutdownGracefully() } catch {
            logger.warning("The threads of MongoDB did not stop", metadata: ["error": "\(error)"])
        }
        // Not under the lock: it waits for libmongoc's threads.
        _ = state.withLock { state in
            defer { state.clients = nil }
            return state.clients
        }
        MongoLog.forget(url)
    }

    // MARK: Topology

    /// Nothing before it has been asked for the first time.
    var knownTopology: Topology? { state.withLock { $0.topology } }

    /// What the server is, as it was last asked: a standalone knows neither majorities nor linearizable reads.
    func topology(of connection: MongoConnection) throws -> Topology {
        if let known = knownTopology { return known }
        return try askTopology(of: connection)
    }

    /// The same asked anew: where a server was restarted as something else nobody need have noticed.
    @discardableResult
    func askTopology(of connection: MongoConnection) throws -> Topology {
        let reply = try connection.read("admin", [("hello", 1)])
        let isSet = reply["setName"] != nil
        // mongos says "isdbgrid", and has majorities; what is linearizable on one document is so through it.
        let topology: Topology = isSet || reply["msg"] == .string("isdbgrid") ? .replicated : .standalone
        // One that is to become a set's, and has not been told of it yet, is not remembered.
        state.withLock { $0.topology = reply["isreplicaset"] == .bool(true) ? nil : topology }
        return topology
    }

    /// When a server comes back, it may have become a member of a set.
    private func forgetStandalone() {
        state.withLock { state in
            if case .standalone? = state.topology { state.topology = nil }
        }
    }

    // MARK: Failures

    /// Why MongoDB could not be asked; nothing where that has not happened lately.
    var lastTrouble: String? {
        state.withLock { $0.trouble.flatMap { ContinuousClock.now - $0.since < .seconds(30) ? $0.text : nil } }
    }

    private func note(_ trouble: String) { state.withLock { $0.trouble = (trouble, .now) } }

    /// Notes that no server could be asked. Where none ever will by this pool all begins anew, for an operator may have
    /// mended what kept the servers out.
    ///
    /// - Returns: what there is to say of it.
    func unreachable(_ detail: String, _ explanation: String?, by clients: ClientPool) -> String {
        let text = explanation.map { "\($0) (\(detail))" } ?? detail
        note(text)
        guard clients.isSpent else { return text }
        // Who tells this has borrowed from it still, so it does not end under the lock.
        state.withLock { state in
            guard state.clients === clients else { return }
            state.clients = nil
            state.topology = nil
        }
        return text
    }

    /// What the caller is told of a failure; the log is told more.
    func failure(_ error: any Error) -> InventoryError {
        switch error {
        case let error as InventoryError: return error
        case let error as MongoError where error.isTransient:
            logger.warning("MongoDB does not answer", metadata: ["error": "\(error.detail)"])
        default: logger.error("A call to MongoDB failed", metadata: ["error": "\(error)"])
        }
        return .unavailable(.outOfReach)
    }
}

/// What kind of server it is.
enum Topology: Sendable {
    case standalone, replicated
}
