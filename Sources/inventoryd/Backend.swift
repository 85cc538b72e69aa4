import CoherentCache
import FoundationEssentials
import InventoryKit
import Logging
import MongoStore
import SQLiteStore

/// The store and the cache that the configuration asks for.
struct Backend: Sendable {
    let store: any InventoryStore
    let cache: any ProductCache

    /// What it is, for the line at the start.
    let description: String

    /// Waits until the store can be used; nothing where it can be at once.
    let prepare: (@Sendable () async throws -> Void)?

    /// - Throws: what keeps the store from being opened, in words for the operator.
    init(_ configuration: Configuration, logger: Logger) throws {
        if let url = configuration.mongo {
            let mongo = MongoStore(
                url: url, connections: configuration.mongoConnections, timeout: configuration.mongoTimeout,
                logger: logger)
            store = mongo
            cache = NoCache()
            description = "from MongoDB at \(url.display), without a cache"
            prepare = { try await mongo.prepare() }
        } else {
            let path = try Self.makeDirectory(configuration.stateDirectory) + "/inventory.sqlite"
            store = try SQLiteStore(
                path: path, writesPerTransaction: configuration.writesPerTransaction, logger: logger)
            cache = InProcessCache(timeToLive: configuration.cacheTimeToLive)
            description = "from the embedded store \(path), cache in the process"
            prepare = nil
        }
    }

    private static func makeDirectory(_ directory: String) throws -> String {
        do {
            try FileManager.default.createDirectory(
                atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700]
            )
        } catch {
            throw StartError(
                "the state directory \(directory) cannot be made (\(fileReason(error))). Make it writable for this "
                    + "user, or name another with INVENTORYD_STATE_DIR."
            )
        }
        return directory
    }
}
