import InventoryKit
import TestSupport
import Testing

/// Three real daemons on one MongoDB and one Redis: whoever asks after a write was acknowledged gets at least that,
/// whatever happens to Redis, to the daemons and between them. One at a time, since each needs the whole machine.
@Suite("Never stale", .serialized)
struct NeverStaleTests {
    @Test("No read tells of less than was acknowledged before it", arguments: CacheFault.allCases)
    func fault(_ fault: CacheFault) async throws {
        try await CachedCluster.run(fault.plan) { cluster in
            try await cluster.cache(.ok)
            let storm = try await ReadStorm(at: cluster.doors, fault.load)
            try await storm.rage {
                // The cache is on, and in use.
                try await storm.hits(200)
                try await storm.acknowledges(50)
                try await fault.happen(to: cluster, storm)
                // It comes back by itself. After several faults in a row a daemon keeps off for longer each time.
                try await storm.hits(200, within: .seconds(120))
                try await storm.acknowledges(50)
            }
            storm.expectTruth("\(fault.testDescription)")
        }
    }

    @Test("On a replica set, where a fill must see every write that a majority has")
    func replicaSet() async throws {
        let set = try await MongoReplicaSet.shared()
        try await withTemporaryDirectory { directory in
            let redis = try await RedisServer.start(directory: directory + "/redis")
            let doors = ReadStorm.Doors()
            let environment = ["LOG_LEVEL": "notice", "REDIS_URL": redis.url].merging(CachedCluster.unlimited) { $1 }
            let url = set.url(database: MongoServer.freshDatabase())
            for index in 0..<3 {
                let daemon = try await DaemonProcess.start(on: url, environment: environment)
                try await daemon.becomesReady()
                doors.open(daemon, at: index)
            }
            let storm = try await ReadStorm(at: doors)
            try await storm.rage {
                try await storm.hits(500)
                try await storm.acknowledges(200)
            }
            storm.expectTruth("a replica set")
            for daemon in doors.daemons { #expect(try await daemon.stop() == 0) }
        }
    }
}

extension ReadStorm {
    /// Nothing stale, nothing from nowhere, no odd answer. The figures go to the test's output.
    func expectTruth(_ name: String, _ location: SourceLocation = #_sourceLocation) {
        let verdict = history.verdict
        print("Never stale, \(name): \(verdict)")
        #expect(verdict.stale.prefix(5) == [], "\(verdict)", sourceLocation: location)
        #expect(verdict.fromNowhere.prefix(5) == [], "\(verdict)", sourceLocation: location)
        #expect(oddities.prefix(5) == [], sourceLocation: location)
    }
}
