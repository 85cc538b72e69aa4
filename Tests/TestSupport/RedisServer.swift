import Foundation

/// A real `redis-server` on a port or a Unix socket of its own, with data that are thrown away.
package final class RedisServer: LeashedServer {
    package enum Failure: Error, CustomStringConvertible {
        case noBinary
        case didNotStart(log: String)
        case noReply(String)

        package var description: String {
            switch self {
            case .noBinary: "there is no redis-server: set REDIS_SERVER, or put it on the PATH"
            case .didNotStart(let log): "redis-server did not start:\n\(log)"
            case .noReply(let text): "redis-cli: \(text)"
            }
        }
    }

    /// How it is reached.
    package enum Address: Sendable {
        case port(Int)
        case socket(String)
        /// TLS, and nothing else; the file holds the authority that signed its certificate.
        case encrypted(Int, authority: String)
    }

    package let address: Address

    /// Where its data and its log are. It goes with the test process, however that ends.
    package let directory: String
    private let arguments: [String]
    private let password: String?
    package let process = ServerProcess("redis-server")

    private init(address: Address, directory: String, arguments: [String], password: String?) {
        self.address = address
        self.directory = directory
        self.arguments = arguments
        self.password = password
    }

    /// Starts a server and returns when it answers.
    ///
    /// - Parameters:
    ///   - directory: for this server alone; it is made, and removed when the test process ends before it is.
    ///   - socket: listen on a Unix socket in the directory, and on no port.
    ///   - certificate: speak TLS only.
    ///   - password: of the default user.
    ///   - arguments: more of them for `redis-server`, such as `--maxmemory`, `1mb`. It saves nothing unless told to.
    package static func start(
        directory: String, socket: Bool = false, certificate: TestCertificate? = nil, password: String? = nil,
        arguments: [String] = []
    ) async throws -> RedisServer {
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        var attempts = 0
        while true {
            attempts += 1
            var options = ["--save", ""]
            let address: Address
            if let certificate {
                address = .encrypted(FreePort.any(), authority: certificate.authority)
                options += ["--tls-cert-file", certificate.file, "--tls-key-file", certificate.key]
                options += ["--tls-ca-cert-file", certificate.authority, "--tls-auth-clients", "no"]
            } else {
                address = socket ? .socket(directory + "/redis.sock") : .port(FreePort.any())
            }
            if let password { options += ["--requirepass", password] }
            let server = RedisServer(
                address: address, directory: directory, arguments: options + arguments, password: password)
            do {
                try await server.start()
                return server
            } catch Failure.didNotStart(let log) where log.contains("Address already in use") && attempts < 5 {
                // Somebody was faster on that port.
                continue
            }
        }
    }

    // MARK: Its addresses

    /// Its URL, with its password if it has one.
    package var url: String { url() }

    /// Its URL, for one of its databases or another user.
    ///
    /// - Parameter credentials: `user:password`; by default the server's own password.
    package func url(database: Int = 0, credentials: String? = nil) -> String {
        let login = (credentials ?? password.map { ":\($0)" }).map { $0 + "@" } ?? ""
        return switch address {
        case .port(let port): "redis://\(login)127.0.0.1:\(port)/\(database)"
        case .socket(let path): "unix://\(login)\(path)?db=\(database)"
        case .encrypted(let port, let authority): "rediss://\(login)localhost:\(port)/\(database)?ca=\(authority)"
        }
    }

    /// The port, or 0 where it has only a socket.
    package var port: Int {
        switch address {
        case .port(let port), .encrypted(let port, _): port
        case .socket: 0
        }
    }

    package var log: String { ServerLog.tail(of: Self.logFile(in: directory)) }

    // MARK: Its life

    package func start() async throws {
        var command = [try Self.binary(named: "redis-server", variable: "REDIS_SERVER")]
        command += ["--dir", directory, "--logfile", Self.logFile(in: directory), "--daemonize", "no"]
        command += ["--bind", "127.0.0.1", "--enable-debug-command", "yes", "--repl-diskless-sync-delay", "0"]
        switch address {
        case .port(let port): command += ["--port", "\(port)"]
        case .socket(let path): command += ["--port", "0", "--unixsocket", path]
        case .encrypted(let port, _): command += ["--port", "0", "--tls-port", "\(port)"]
        }
        let started = try process.launch(command + arguments, litter: directory)
        // Another server may be the one that answers, where this one found its port taken.
        let own = "process_id:\(started.pid)"
        _ = try await eventually("redis-server to answer at \(address)") {
            guard started.runningPID != nil else {
                throw Failure.didNotStart(log: ServerLog.tail(of: Self.logFile(in: directory)))
            }
            return (try? await self.command("INFO", "server"))?.contains(own) == true ? true : nil
        }
    }

    // MARK: Talking to it

    /// What `redis-cli` prints for a command, without the end of its last line. It owes nothing to the client that is
    /// tested.
    ///
    /// Not for `DEBUG RESTART`: the server closes all files and goes on, and Foundation, which takes the end of one of
    /// them for the end of the process, waits for that for ever.
    @discardableResult
    package func command(_ arguments: String...) async throws -> String {
        var command = ["--raw"]
        if let password { command += ["--no-auth-warning", "-a", password] }
        switch address {
        case .port(let port): command += ["-h", "127.0.0.1", "-p", "\(port)"]
        case .socket(let path): command += ["-s", path]
        case .encrypted(let port, let authority):
            command += ["-h", "localhost", "-p", "\(port)", "--tls", "--cacert", authority, "--insecure"]
        }
        let (code, output) = try await CommandLineTool.run(
            Self.binary(named: "redis-cli", variable: "REDIS_CLI"), command + arguments)
        guard code == 0 else { throw Failure.noReply(output) }
        return output
    }

    // MARK: Where things are

    private static func binary(named name: String, variable: String) throws -> String {
        let environment = ProcessInfo.processInfo.environment
        if let named = environment[variable], !named.isEmpty { return named }
        let places = (environment["PATH"] ?? "").split(separator: ":").map { "\($0)/\(name)" }
        guard let found = places.first(where: FileManager.default.isExecutableFile) else { throw Failure.noBinary }
        return found
    }

    private static func logFile(in directory: String) -> String { directory + "/redis.log" }
}
