import Foundation
import TestSupport
import Testing

/// What may go wrong with a cache, and around it.
enum CacheFault: CaseIterable, CustomTestStringConvertible {
    case nothing, oldSnapshot, flushes, evictions, killedDaemons, pausedClients, slowAnswers, oneCutOff, blackHole
    case staleCopyPromoted, frozenDaemon, killedMongo

    var testDescription: String {
        switch self {
        case .nothing: "nothing broken"
        case .oldSnapshot: "Redis killed, and restarted from an old snapshot"
        case .flushes: "FLUSHALL at random"
        case .evictions: "keys are evicted all the time"
        case .killedDaemons: "daemons killed between commit and END"
        case .pausedClients: "CLIENT PAUSE"
        case .slowAnswers: "slow answers"
        case .oneCutOff: "one daemon cut off from Redis"
        case .blackHole: "everything to Redis swallowed"
        case .staleCopyPromoted: "a stale copy promoted"
        case .frozenDaemon: "a daemon stopped for three seconds"
        case .killedMongo: "MongoDB killed and restarted"
        }
    }

    var plan: CachedCluster.Plan {
        var plan = CachedCluster.Plan()
        plan.ownsMongo = self == .killedMongo
        plan.isProxied = [.killedDaemons, .slowAnswers, .oneCutOff, .blackHole, .staleCopyPromoted].contains(self)
        if self == .evictions {
            // Whatever comes first: leases and writers' marks too.
            plan.redisArguments = ["--maxmemory-policy", "allkeys-lru", "--maxmemory-samples", "1"]
        }
        return plan
    }

    var load: ReadStorm.Load {
        var load = ReadStorm.Load()
        if self == .evictions { load.size = 4_000 }
        return load
    }

    /// Lets it happen, and be over.
    func happen(to cluster: CachedCluster, _ storm: ReadStorm) async throws {
        switch self {
        case .nothing: try await storm.hits(500)
        case .oldSnapshot: try await Self.restoreSnapshot(cluster, storm)
        case .flushes:
            for _ in 0..<100 {
                try await cluster.redis.command("FLUSHALL")
                try await storm.hits(Int.random(in: 1...8))
            }
        case .evictions: try await Self.evict(cluster, storm)
        case .killedDaemons: try await Self.killDaemons(cluster, storm)
        case .pausedClients:
            for (mode, time) in [("ALL", "15"), ("ALL", "60"), ("WRITE", "300"), ("ALL", "800")] {
                try await cluster.redis.command("CLIENT", "PAUSE", time, mode)
                try await storm.acknowledges(60)
            }
        case .slowAnswers:
            // Faster than the time-out, and slower.
            for (delay, writes) in [(1, 60), (4, 60), (8, 60), (15, 30), (60, 15)] {
                for proxy in cluster.proxies { proxy.delay(.milliseconds(delay)) }
                try await storm.acknowledges(writes)
            }
            for proxy in cluster.proxies { try await proxy.pass() }
        case .oneCutOff:
            try await cluster.proxies[0].refuse()
            try await cluster.proxies[0].cut()
            try await storm.bypasses(100)
            try await storm.acknowledges(60)
            try await cluster.proxies[0].pass()
        case .blackHole:
            for proxy in cluster.proxies { proxy.blackHole() }
            try await storm.bypasses(100)
            try await storm.acknowledges(60)
            for proxy in cluster.proxies { try await proxy.pass() }
        case .staleCopyPromoted: try await Self.promoteStaleCopy(cluster, storm)
        case .frozenDaemon: try await Self.freeze(cluster, storm)
        case .killedMongo:
            try await cluster.mongo.killHard()
            try await storm.fallsSilent(10)
            try await cluster.mongo.restart()
        }
    }

    /// What had been invalidated since the snapshot is back.
    static func restoreSnapshot(_ cluster: CachedCluster, _ storm: ReadStorm) async throws {
        let (redis, files) = (cluster.redis, FileManager.default)
        let (dump, aside) = (redis.directory + "/dump.rdb", redis.directory + "/aside.rdb")
        try await redis.command("SAVE")
        try files.moveItem(atPath: dump, toPath: aside)
        try await storm.acknowledges(60)
        try await redis.killHard()
        try? files.removeItem(atPath: dump)
        try files.moveItem(atPath: aside, toPath: dump)
        try await redis.restart()
    }

    /// Somebody else fills the same Redis, for which there is no room.
    private static func evict(_ cluster: CachedCluster, _ storm: ReadStorm) async throws {
        let redis = cluster.redis
        let used = try #require(Int(try await redis.figure("used_memory", of: "memory")))
        try await redis.command("CONFIG", "SET", "maxmemory", "\(used + 40_000)")
        var round = 0
        while try await Int(redis.figure("evicted_keys", of: "stats")) ?? 0 < 2_000 {
            round += 1
            try await redis.command("DEBUG", "POPULATE", "20", "other-\(round)", "2000")
            try #require(round < 3_000, "nothing is evicted")
        }
        try await storm.acknowledges(60)
        try await redis.command("CONFIG", "SET", "maxmemory", "0")
    }

    /// What a daemon says to Redis is held for some moments before it dies: so END is, of a write that is committed.
    private static func killDaemons(_ cluster: CachedCluster, _ storm: ReadStorm) async throws {
        for round in 0..<6 {
            let index = round % cluster.proxies.count
            try await storm.acknowledges(Int.random(in: 10...60))
            if round.isMultiple(of: 2) {
                cluster.proxies[index].blackHole()
                try await eventually("something to be held") { cluster.proxies[index].held > 0 ? () : nil }
                // The moment of the fault itself; no two runs have the same.
                try await Task.sleep(for: .milliseconds(Int.random(in: 0...40)))
            }
            try await cluster.doors.daemons[index].killHard()
            try await cluster.proxies[index].cut()
            try await cluster.proxies[index].pass()
            try await cluster.replace(index)
        }
    }

    /// A copy that has fallen behind takes the place of its master, which nobody reaches any more.
    private static func promoteStaleCopy(_ cluster: CachedCluster, _ storm: ReadStorm) async throws {
        let line = try await FaultyProxy.start(to: cluster.redis.port)
        let copy = try await RedisServer.start(
            directory: cluster.directory + "/copy", arguments: ["--replicaof", "127.0.0.1", "\(line.port)"])
        try await eventually("the copy to follow") {
            try await copy.figure("master_link_status", of: "replication") == "up" ? () : nil
        }
        try await storm.hits(100)
        line.blackHole()
        try await storm.acknowledges(60)
        // All that it has not heard of is lost.
        try await line.refuse()
        try await line.cut()
        try await copy.command("REPLICAOF", "NO", "ONE")
        for proxy in cluster.proxies {
            proxy.retarget(to: copy.port)
            try await proxy.cut()
        }
        // The copy lives for as long as the storm: its owner is this test.
        try await storm.hits(200, within: .seconds(120))
        for proxy in cluster.proxies {
            proxy.retarget(to: cluster.redis.port)
            try await proxy.cut()
        }
        try await copy.killHard()
    }

    private static func freeze(_ cluster: CachedCluster, _ storm: ReadStorm) async throws {
        let daemon = cluster.doors.daemons[1]
        daemon.signal(SIGSTOP)
        cluster.doors.close(1)
        // Three seconds are the fault: longer than its lease, and the others go on meanwhile.
        async let others: Void = storm.acknowledges(30)
        try await Task.sleep(for: .seconds(3))
        try await others
        daemon.signal(SIGCONT)
        cluster.doors.reopen(1)
    }
}

extension RedisServer {
    /// One figure of `INFO`.
    func figure(_ name: String, of section: String) async throws -> String {
        let lines = try await command("INFO", section).split(whereSeparator: \.isNewline)
        return lines.first { $0.hasPrefix("\(name):") }.map { String($0.dropFirst(name.count + 1)) } ?? ""
    }
}
