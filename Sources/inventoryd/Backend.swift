import CoherentCache
import FoundationEssentials
import InventoryKit
import Logging
import MongoStore
import NIOCore
import RedisClient
import SQLiteStore

/// The store and the cache that the configuration asks for.
struct Backend: Sendable {
    let store: any InventoryStore & APIKeyRegister & StoreAdministration
    let cache: any ProductCache & CacheAdministration

    /// Shared by all daemons where there is a Redis.
    let limiter: CallerRateLimiter
    let redis: RedisClient?

    /// `MongoDB at 127.0.0.1:27017/inventory`, and the like.
    let storeDescription: String
    let cacheDescription: String
    let redisDescription: String?

    /// Why the store could not be asked lately, where it says so.
    let storeTrouble: @Sendable () -> String?

    /// Waits until the store can be used; nothing where it can be at once.
    let prepare: (@Sendable () async throws -> Void)?
    private let shared: SharedCache?

    /// Lists that may be read at once without keeping everything else waiting.
    static func listsAtOnce(_ configuration: Configuration) -> Int {
        configuration.mongo == nil ? SQLiteStore.listsAtOnce : configuration.mongoConnections / 2
    }

    /// - Parameter group: the event loops that requests are served on.
    /// - Throws: what keeps the store from being opened, in words for the operator.
    init(_ configuration: Configuration, group: any EventLoopGroup, logger: Logger) throws {
        let redis = configuration.redis.map { RedisClient(url: $0, group: group, logger: logger) }
        let beside = configuration.redis.map { "Redis at \($0.display)" }
        self.redis = redis
        redisDescription = beside
        limiter = CallerRateLimiter(redis: redis)
        if let url = configuration.mongo {
            let mongo = MongoStore(
                url: url, connections: configuration.mongoConnections, timeout: configuration.mongoTimeout,
                logger: logger)
            let cache = SharedCache(
                register: mongo, redis: redis, group: group, timeToLive: configuration.cacheTimeToLive,
                writeLimit: configuration.mongoTimeout + .seconds(5), defences: Self.defences, logger: logger)
            store = mongo
            self.cache = cache
            shared = cache
            storeDescription = "MongoDB at \(url.display)"
            cacheDescription = beside.map { "cache in \($0)" } ?? "no cache"
            storeTrouble = { mongo.lastTrouble }
            prepare = {
                try await mongo.prepare()
                // Not before it is known that the database may be written to.
                cache.start()
            }
        } else {
            let path = try Self.makeDirectory(configuration.stateDirectory) + "/inventory.sqlite"
            store = try SQLiteStore(
                path: path, writesPerTransaction: configuration.writesPerTransaction, logger: logger)
            cache = InProcessCache(timeToLive: configuration.cacheTimeToLive)
            shared = nil
            storeDescription = "the embedded store \(path)"
            cacheDescription = "cache in the process" + (beside.map { ", rate limits in \($0)" } ?? "")
            storeTrouble = { nil }
            prepare = nil
        }
    }

    /// What it is, for the line at the start.
    var description: String { "from \(storeDescription), \(cacheDescription)" }

    /// Begins what goes on in the background.
    func start() {
        redis?.start()
    }

    /// Ends everything, when no request is under way any more.
    func close() async {
        await shared?.close()
        await redis?.close()
        await store.close()
    }

    /// A test takes defences of the cache out, to see that it notices. Only a debug build can.
    private static var defences: Defences {
        #if DEBUG
        switch ProcessInfo.processInfo.environment["INVENTORYD_TEST_WITHOUT"] {
        case "lease-check": return Defences.all.subtracting(.leaseCheck)
        case "end": return Defences.all.subtracting(.end)
        case "namespace": return Defences.all.subtracting(.namespace)
        case "overlap": return Defences.all.subtracting(.overlap)
        default: break
        }
        #endif
        return .all
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
