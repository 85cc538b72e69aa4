import InventoryKit
import TestSupport
import Testing

/// Daemons that share one MongoDB and one Redis, which each of them reaches by a network of its own.
final class CachedCluster: Sendable {
    /// What a cluster is made of.
    struct Plan: Sendable {
        var daemons = 3

        /// Whether MongoDB is to be its own, because harm is done to it.
        var ownsMongo = false

        /// Whether each daemon reaches Redis by a proxy. That costs the test process more than all else.
        var isProxied = true
        var redisArguments: [String] = []
        var environment: [String: String] = [:]
    }

    let mongo: MongoServer
    let redis: RedisServer

    /// The name of its database.
    let database: String

    /// A directory for what else a test may need.
    let directory: String

    /// Between each daemon and Redis; none where they reach it directly.
    let proxies: [FaultyProxy]
    let doors: ReadStorm.Doors
    private let environment: [String: String]

    /// Whose limits would be reached by no one but a test.
    static let unlimited = [
        "INVENTORYD_RATE_READ": "off", "INVENTORYD_RATE_WRITE": "off", "INVENTORYD_RATE_PURCHASE": "off",
    ]

    private init(_ plan: Plan, directory: String) async throws {
        self.directory = directory
        mongo =
            plan.ownsMongo
            ? try await MongoServer.start(directory: directory + "/mongo") : try await MongoServer.shared()
        redis = try await RedisServer.start(directory: directory + "/redis", arguments: plan.redisArguments)
        database = MongoServer.freshDatabase()
        var proxies: [FaultyProxy] = []
        if plan.isProxied {
            for _ in 0..<plan.daemons { proxies.append(try await FaultyProxy.start(to: redis.port)) }
        }
        self.proxies = proxies
        // A line for each of many thousand requests would only cost time.
        environment = ["LOG_LEVEL": "notice"].merging(Self.unlimited) { $1 }.merging(plan.environment) { $1 }
        doors = ReadStorm.Doors()
        for index in 0..<plan.daemons { doors.open(try await start(index), at: index) }
    }

    /// Runs `body` with a cluster, and looks that every daemon stops cleanly afterwards.
    static func run(_ plan: Plan = Plan(), _ body: (CachedCluster) async throws -> Void) async throws {
        try await withTemporaryDirectory { directory in
            let cluster = try await CachedCluster(plan, directory: directory)
            try await body(cluster)
            for daemon in cluster.doors.daemons { #expect(try await daemon.stop() == 0) }
        }
    }

    var shell: MongoShell { mongo.shell(database: database) }

    /// A daemon's client.
    func client(_ index: Int = 0) -> HTTPTestClient { doors.daemons[index].client }

    // MARK: Its life

    /// Starts a daemon in the place of one that is dead.
    func replace(_ index: Int) async throws { doors.open(try await start(index), at: index) }

    private func start(_ index: Int) async throws -> DaemonProcess {
        let port = proxies.isEmpty ? redis.port : proxies[index].port
        let daemon = try await DaemonProcess.start(
            on: mongo.url(database: database),
            environment: environment.merging(["REDIS_URL": "redis://127.0.0.1:\(port)"]) { given, _ in given })
        try await daemon.becomesReady()
        return daemon
    }

    /// Waits until each daemon says so of its cache.
    func cache(_ condition: CacheCondition, within patience: Duration = .seconds(90)) async throws {
        for daemon in doors.daemons {
            try await eventually("the cache to be \(condition.rawValue)", within: patience) {
                let text = try await daemon.client.get("/readyz").json["cache"].string
                return text == condition.rawValue ? () : nil
            }
        }
    }
}
