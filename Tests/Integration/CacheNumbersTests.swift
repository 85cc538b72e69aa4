import InventoryKit
import TestSupport
import Testing

extension NeverStaleTests {
    /// Figures that a person can check against those of Redis and of MongoDB.
    @Suite("Numbers", .serialized)
    struct Numbers {
        /// A reply that comes too late is a hit for Redis and none for the reader, who asks elsewhere. That may happen on
        /// a machine that is busy, so some runs may be off by a few, and always in that direction; not all of them.
        @Test("Without writers and limits, hits are the growth of Redis's own keyspace_hits")
        func keyspaceHits() async throws {
            try await CachedCluster.run(CachedCluster.Plan(daemons: 1, isProxied: false)) { cluster in
                let client = cluster.client()
                var ids: [String] = []
                for number in 0..<20 { ids.append(try await client.create("A-\(number)", stock: 1)) }
                try await cluster.cache(.ok)
                var differences: [Int] = []
                while differences.last != 0, differences.count < Self.attempts {
                    try await cluster.redis.command("FLUSHALL")
                    let before = try await keyspace(cluster.redis)
                    // One after the other: a read may join another one's that has not been sent yet.
                    let sources = try await read((0..<1_000).map { ids[$0 * 7 % ids.count] }, client)
                    let growth = try await keyspace(cluster.redis) - before
                    #expect(sources.values.reduce(0, +) == 1_000)
                    #expect(sources["hit", default: 0] >= 900)
                    differences.append(growth - sources["hit", default: 0])
                }
                #expect(differences.last == 0, "\(differences)")
                #expect(differences.allSatisfy { $0 >= 0 }, "\(differences)")
            }
        }

        /// Fails where all who miss read for themselves.
        ///
        /// Reads that found Redis too slow ask the store by right, at most one each. On a machine that is busy there are
        /// such in every run; elsewhere the first runs are without, and say it all.
        @Test("A thousand readers of a product that was just invalidated cost at most two reads in MongoDB a daemon")
        func stampede() async throws {
            try await CachedCluster.run(CachedCluster.Plan(isProxied: false)) { cluster in
                let id = try await cluster.client().create("A", stock: 1_000)
                try await cluster.cache(.ok)
                let clients = cluster.doors.daemons.map(\.client)
                // Connections first: opening them takes longer than the reads.
                _ = try await readAtOnce(id, clients, count: 500)
                // Everything there is to file is filed before anything is counted.
                try await eventually("everything to be filed") {
                    try await cluster.shell.unfiledProducts().isEmpty ? () : nil
                }
                var (clean, runs) = (0, 0)
                while clean < 3, runs < 2 * Self.attempts {
                    runs += 1
                    try await profile(cluster.shell)
                    // The entry goes, and nothing else: a write would put the new one in at once.
                    try await cluster.redis.command("FLUSHALL")
                    let sources = try await readAtOnce(id, clients, count: 1_000)
                    let (cost, bypasses) = (try await reads(in: cluster.shell), sources["bypass", default: 0])
                    if bypasses == 0 { clean += 1 }
                    #expect(cost >= 1, "nothing was invalidated: \(sources)")
                    #expect(cost <= 2 * clients.count + bypasses, "\(sources)")
                }
            }
        }

        private static let attempts = 5

        /// Reads one after the other; how many were answered from where.
        private func read(_ ids: [String], _ client: HTTPTestClient) async throws -> [String: Int] {
            var sources: [String: Int] = [:]
            for id in ids {
                let reply = try await client.get("/v1/products/\(id)")
                sources[reply.header("X-Cache") ?? "none", default: 0] += 1
            }
            return sources
        }

        private func keyspace(_ redis: RedisServer) async throws -> Int {
            try #require(Int(try await redis.figure("keyspace_hits", of: "stats")))
        }

        /// Has MongoDB keep account of what it does, from now on. It has room for some thousand entries only.
        private func profile(_ shell: MongoShell) async throws {
            try await shell.run(#"{"profile": 0}"#)
            _ = try? await shell.run(#"{"drop": "system.profile"}"#)
            try await shell.run(#"{"profile": 2}"#)
        }

        /// Single products that were looked for since then, by its own account; not filing, not the switch.
        private func reads(in shell: MongoShell) async throws -> Int {
            let namespace = "\(shell.database).products"
            let reply = try await shell.run(
                """
                {"count": "system.profile", "query": {"ns": "\(namespace)", "op": "query",
                 "command.filter._id": {"$exists": true}}}
                """)
            return Int(try #require(reply["n"].int))
        }

        /// From many connections to each daemon, as fast as they go; how many were answered from where.
        private func readAtOnce(_ id: String, _ clients: [HTTPTestClient], count: Int) async throws -> [String: Int] {
            let readers = 16 * clients.count
            return try await withThrowingTaskGroup(of: [String: Int].self) { group in
                for reader in 0..<readers {
                    let client = clients[reader % clients.count]
                    let share = stride(from: reader, to: count, by: readers).map { _ in id }
                    group.addTask { try await read(share, client) }
                }
                return try await group.reduce(into: [:]) { all, own in all.merge(own, uniquingKeysWith: +) }
            }
        }
    }
}
