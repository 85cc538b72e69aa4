import Foundation
import InventoryKit
import Synchronization

/// A real `mongod` on a port of its own, with data that are thrown away.
package final class MongoServer: LeashedServer {
    package enum Failure: Error, CustomStringConvertible {
        case noBinary(String)
        case didNotStart(log: String)

        package var description: String {
            switch self {
            case .noBinary(let why): "\(why): set MONGOD, put mongod on the PATH, or run ./scripts/test, which gets one"
            case .didNotStart(let log): "mongod did not start:\n\(log)"
            }
        }
    }

    /// Enough for tests, and quick to start.
    ///
    /// `enableTestCommands` is for `configureFailPoint`. The journal stays as it is by default: on. A server that is
    /// told to end does not wait for anybody.
    private static let options = [
        "--bind_ip", "127.0.0.1", "--nounixsocket", "--wiredTigerCacheSizeGB", "0.25", "--logappend",
        "--setParameter", "enableTestCommands=1",
        "--setParameter", "diagnosticDataCollectionEnabled=false",
        "--setParameter", "shutdownTimeoutMillisForSignaledShutdown=100",
    ]

    package let port: Int

    /// Where its data and its log are. It goes with the test process, however that ends.
    package let directory: String
    private let replicaSet: Mutex<String?>
    private let arguments: [String]
    package let process = ServerProcess("mongod")

    private init(port: Int, directory: String, replicaSet: String?, arguments: [String]) {
        self.port = port
        self.directory = directory
        self.replicaSet = Mutex(replicaSet)
        self.arguments = arguments
    }

    /// Starts a server and returns when it answers.
    ///
    /// - Parameters:
    ///   - directory: for this server alone; it is made, and removed when the test process ends before it is.
    ///   - replicaSet: the name of the set it will be a member of; see ``MongoReplicaSet``.
    ///   - arguments: more of them for `mongod`.
    package static func start(
        directory: String, replicaSet: String? = nil, arguments: [String] = []
    ) async throws -> MongoServer {
        try FileManager.default.createDirectory(atPath: directory + "/data", withIntermediateDirectories: true)
        var attempts = 0
        while true {
            attempts += 1
            let server = MongoServer(
                port: FreePort.any(), directory: directory, replicaSet: replicaSet, arguments: arguments)
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

    /// The URL of one of its databases. It leads to this server alone, also where that is a member of a set.
    package func url(database: String = "test") -> String {
        "mongodb://127.0.0.1:\(port)/\(database)?directConnection=true"
    }

    package func shell(database: String = "test") -> MongoShell { MongoShell(url: url(database: database)) }

    /// A name for a database that no other test uses.
    package static func freshDatabase() -> String {
        "test_" + UUID().uuidString.replacing("-", with: "").lowercased()
    }

    package var log: String { ServerLog.tail(of: Self.logFile(in: directory)) }

    // MARK: Its life

    package func start() async throws {
        var command = [try Self.binary(), "--port", "\(port)", "--dbpath", directory + "/data"]
        command += ["--logpath", Self.logFile(in: directory)] + Self.options
        if let replicaSet = replicaSet.withLock({ $0 }) { command += ["--replSet", replicaSet, "--oplogSize", "64"] }
        let started = try process.launch(command + arguments, litter: directory)
        let shell = MongoShell(url: url() + "&serverSelectionTimeoutMS=2000&socketTimeoutMS=2000")
        try await eventually("mongod to answer on port \(port)") {
            guard started.runningPID != nil else {
                throw Failure.didNotStart(log: ServerLog.tail(of: Self.logFile(in: directory)))
            }
            return (try? await shell.run(#"{"ping": 1}"#, on: "admin")).map { _ in }
        }
        // Another server may be the one that answered, where this one found its port taken.
        guard try await serves(started) else { throw Failure.didNotStart(log: "Address already in use: \(port)") }
    }

    /// Starts it again as a member of another set, or of none.
    package func restart(asMemberOf replicaSet: String?) async throws {
        self.replicaSet.withLock { $0 = replicaSet }
        try await restart()
    }

    private func serves(_ process: LeashedProcess) async throws -> Bool {
        let status = try await shell().run(#"{"serverStatus": 1}"#, on: "admin")
        return status["pid"].int.map { Int32(truncatingIfNeeded: $0) } == process.runningPID
    }

    // MARK: Where things are

    /// `MONGOD`, else the one on the PATH, else the one that ./scripts/test gets.
    private static func binary() throws -> String {
        let environment = ProcessInfo.processInfo.environment
        if let named = environment["MONGOD"], !named.isEmpty {
            guard isExecutable(named) else { throw Failure.noBinary("MONGOD is \(named), which is no program") }
            return named
        }
        var places = (environment["PATH"] ?? "").split(separator: ":").map { "\($0)/mongod" }
        places.append(DaemonProcess.projectDirectory + "/.build/mongod/mongod")
        guard let found = places.first(where: isExecutable) else { throw Failure.noBinary("there is no mongod") }
        return found
    }

    private static func isExecutable(_ path: String) -> Bool {
        var isDirectory: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) && !isDirectory.boolValue
            && FileManager.default.isExecutableFile(atPath: path)
    }

    private static func logFile(in directory: String) -> String { directory + "/mongod.log" }
}
