import NIOCore

/// What is said on each new connection, and what is asked again as long as it lasts: who are you?
enum RedisHandshake {
    /// For each answer.
    static let timeout = TimeAmount.seconds(1)

    /// Which Redis it is: on the event loop, all in one write. `url` where the connection is new.
    static func identify(
        _ handler: RedisChannelHandler, database: Int, greeting url: RedisURL? = nil,
        _ completion: @escaping (Result<RedisIdentity, RedisRefusal>) -> Void
    ) {
        let exchange = Exchange(completion)
        if let url {
            for (command, name) in greetings(url) {
                handler.send(RedisCommand(command), timeout: timeout) { exchange.greeted(name, $0) }
            }
        }
        handler.send(infoServer, timeout: timeout) { exchange.informed($0) }
        handler.send(infoReplication, timeout: timeout) { exchange.informed($0) }
        handler.send(trial, timeout: timeout) { exchange.tried($0, database: database) }
    }

    /// A script that writes: one that answers INFO may yet be loading, full, read-only to this user, unable to save, or
    /// a cluster's node, and then it would refuse every write of a cache.
    private static let trial = RedisCommand([
        "EVAL", "redis.call('SET', KEYS[1], '', 'PX', 1000) return redis.call('DEL', KEYS[1])", 1, "rl:trial",
    ])

    private static let infoServer = RedisCommand(["INFO", "server"])
    private static let infoReplication = RedisCommand(["INFO", "replication"])

    /// The last has no name: an old server may refuse it.
    private static func greetings(_ url: RedisURL) -> [(command: [RedisArgument], name: String?)] {
        var greetings: [(command: [RedisArgument], name: String?)] = []
        if let password = url.password {
            let user = url.user.map { [RedisArgument($0)] } ?? []
            greetings.append((["AUTH"] + user + [RedisArgument(password)], "AUTH"))
        }
        if url.database != 0 { greetings.append((["SELECT", RedisArgument(url.database)], "SELECT")) }
        greetings.append((["CLIENT", "SETNAME", "inventoryd"], nil))
        return greetings
    }

    /// Collects the answers; the first that is no good decides.
    private final class Exchange {
        private var completion: ((Result<RedisIdentity, RedisRefusal>) -> Void)?
        private var info = RedisInfo()

        init(_ completion: @escaping (Result<RedisIdentity, RedisRefusal>) -> Void) {
            self.completion = completion
        }

        func greeted(_ name: String?, _ result: Result<RedisValue, RedisError>) {
            guard case .failure(let error) = result else { return }
            if case .server(let text) = error, name == nil, !Self.isFarewell(text) { return }
            end(.failure(refusal(name ?? "CLIENT SETNAME", error)))
        }

        /// What a server says to everybody whom it then hangs up on.
        private static func isFarewell(_ text: String) -> Bool {
            text.hasPrefix("DENIED ") || text.hasPrefix("ERR max number of clients")
        }

        func informed(_ result: Result<RedisValue, RedisError>) {
            switch result {
            case .failure(let error): end(.failure(refusal("INFO", error)))
            case .success(let reply): info.add(reply)
            }
        }

        func tried(_ result: Result<RedisValue, RedisError>, database: Int) {
            do throws(RedisRefusal) {
                // What it is matters more than that a replica takes no writes.
                let identity = try info.identity(database: database)
                if case .failure(let error) = result { throw refusal("a script that writes (EVAL, SET)", error) }
                end(.success(identity))
            } catch { end(.failure(error)) }
        }

        private func end(_ result: Result<RedisIdentity, RedisRefusal>) {
            let told = completion
            completion = nil
            told?(result)
        }

        private func refusal(_ command: String, _ error: RedisError) -> RedisRefusal {
            switch error {
            case .closed(let why): RedisRefusal(why)
            case .server(let text): RedisRefusal("\(command) is refused: \(text)")
            case .timedOut: RedisRefusal("\(command) is not answered in time")
            case .notConnected: RedisRefusal("the connection is gone")
            case .overloaded: RedisRefusal("\(command) cannot be sent: too much is waiting")
            }
        }
    }
}
