import Foundation

/// One server and one set for all tests of a process that do no harm to them: each test has a database of its own.
extension MongoServer {
    private static let sharedStart = Task { try await start(directory: SharedDirectory.make("standalone")) }

    /// The standalone that all tests share. It ends with the test process.
    package static func shared() async throws -> MongoServer { try await sharedStart.value }
}

extension MongoReplicaSet {
    private static let sharedStart = Task { try await start(directory: SharedDirectory.make("set")) }

    /// The replica set of one that all tests share. It ends with the test process.
    package static func shared() async throws -> MongoReplicaSet { try await sharedStart.value }
}

private enum SharedDirectory {
    private static let prefix = "inventoryd-mongod-"

    static func make(_ name: String) throws -> String {
        removeStale()
        let path = NSTemporaryDirectory() + "\(prefix)\(ProcessInfo.processInfo.processIdentifier)-\(name)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        return path
    }

    /// Removes what test processes left behind that are gone, where the watcher of a server was killed with them.
    private static func removeStale() {
        let files = FileManager.default
        for name in (try? files.contentsOfDirectory(atPath: NSTemporaryDirectory())) ?? [] {
            guard name.hasPrefix(prefix), let pid = Int32(name.dropFirst(prefix.count).prefix { $0 != "-" }),
                kill(pid, 0) != 0, errno == ESRCH
            else { continue }
            // Another test process may be removing it as well.
            _ = try? files.removeItem(atPath: NSTemporaryDirectory() + name)
        }
    }
}
