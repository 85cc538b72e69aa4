import InventoryKit
import TestSupport
import Testing

extension NeverStaleTests {
    /// A test that has never seen a stale read proves nothing: with any one defence taken out, it has to see one.
    @Suite("Without a defence", .serialized)
    struct Mutants {
        @Test(
            "A daemon that lacks one defence gives stale reads under a load that all of them together stand",
            arguments: Defence.allCases)
        func mutant(_ defence: Defence) async throws {
            var plan = defence.plan
            plan.environment["INVENTORYD_TEST_WITHOUT"] = defence.rawValue
            try await CachedCluster.run(plan) { cluster in
                try await cluster.cache(.ok)
                let storm = try await ReadStorm(at: cluster.doors, defence.load)
                var rounds = 0
                try await storm.rage {
                    try await storm.acknowledges(20)
                    while storm.history.verdict.stale.isEmpty, rounds < defence.rounds {
                        rounds += 1
                        try await defence.provoke(cluster, storm)
                    }
                }
                let verdict = storm.history.verdict
                print("Without \(defence.rawValue), \(rounds) rounds: \(verdict)")
                #expect(!verdict.stale.isEmpty, "\(verdict)")
            }
        }

        @Test("The same load, and nothing taken out", arguments: Defence.allCases)
        func whole(_ defence: Defence) async throws {
            try await CachedCluster.run(defence.plan) { cluster in
                try await cluster.cache(.ok)
                let storm = try await ReadStorm(at: cluster.doors, defence.load)
                try await storm.rage {
                    try await storm.acknowledges(20)
                    for _ in 0..<min(3, defence.rounds) { try await defence.provoke(cluster, storm) }
                }
                storm.expectTruth("as for \(defence.rawValue)")
            }
        }
    }
}

/// What a debug build of the daemon can be told to do without.
enum Defence: String, CaseIterable, CustomTestStringConvertible {
    /// A fill needs its lease.
    case leaseCheck = "lease-check"
    /// A write ends with END before it is acknowledged.
    case end
    /// Another run of Redis has another namespace.
    case namespace
    /// No write-through where writers overlapped.
    case overlap

    var testDescription: String { rawValue }

    /// After so many there must have been a stale read. It stops at the first.
    var rounds: Int { self == .namespace ? 6 : 100 }

    var plan: CachedCluster.Plan {
        var plan = CachedCluster.Plan()
        plan.isProxied = self == .leaseCheck || self == .overlap
        return plan
    }

    var load: ReadStorm.Load {
        var load = ReadStorm.Load()
        switch self {
        case .leaseCheck:
            // Where somebody writes all the time nobody is given a lease.
            load.products = 1
            load.readers = 6
            load.writers = 2
            load.pause = .milliseconds(40)
        case .overlap:
            // Not so much that Redis's answers come too late for everybody: then nobody uses it.
            load.products = 1
            load.readers = 6
            load.writers = 6
        case .end, .namespace: break
        }
        return load
    }

    /// Brings about for a while what it is a defence against.
    func provoke(_ cluster: CachedCluster, _ storm: ReadStorm) async throws {
        switch self {
        case .leaseCheck:
            // One daemon's fills come later than a write takes, and not so late that it does without Redis; and there is
            // something to fill again and again.
            cluster.proxies[0].delay(.milliseconds(6))
            for _ in 0..<10 {
                try await cluster.redis.command("FLUSHALL")
                try await storm.acknowledges(3)
            }
        case .end:
            // The marks of writers that never end keep everybody from filling, and what is not filled is not stale.
            try await cluster.redis.command("FLUSHALL")
            try await storm.acknowledges(30)
        case .namespace:
            try await storm.acknowledges(60)
            try await CacheFault.restoreSnapshot(cluster, storm)
            try await storm.acknowledges(20)
        case .overlap:
            // One daemon's ENDs come late, after those of writers that were later.
            cluster.proxies[0].delay(.milliseconds(3))
            try await storm.acknowledges(30)
        }
    }
}
