import InventoryKit
import TestSupport
import Testing

extension NeverStaleTests {
    /// Figures that a person can check against those of Redis and of MongoDB.
    @Suite("Numbers", .serialized)
    struct Numbers {
        @Test("Without writers and limits, hits are the growth of Redis's own keyspace_hits")
        func keyspaceHits() async throws {
            try await CachedCluster.run(CachedCluster.Plan(daemons: 1, isProxied: false)) { cluster in
                let client = cluster.client()
                var ids: [String] = []
                for number in 0..<20 { ids.append(try await client.create("A-\(number)", stock: 1)) }
                try await cluster.cache(.ok)
                try await cluster.redis.command("FLUSHALL")
                let before = try await keyspace(cluster.redis)
                var sources: [String: Int] = [:]
                // One after the other: a read may join another one's that has not been sent yet.
                for number in 0..<1_000 {
                    let reply = try await client.get("/v1/products/\(ids[number * 7 % ids.count])")
                    sources[reply.header("X-Cache") ?? "none", default: 0] += 1
                }
                let after = try await keyspace(cluster.redis)
                #expect(sources["miss"] == 20)
                #expect(sources["hit"] == 980)
                // A question that had no answer in time is asked once more, and Redis counts both.
                let twice = after - before - (sources["hit"] ?? 0)
                #expect((0...10).contains(twice))
            }
        }

        /// Fails where all who miss read for themselves.
        @Test("A thousand readers of a product that was just invalidated cost at most two reads in MongoDB a daemon")
        func stampede() async throws {
            let plan = CachedCluster.Plan(isProxied: false)
            try await CachedCluster.run(plan) { cluster in
                let id = try await cluster.client().create("A", stock: 1_000)
                try await cluster.cache(.ok)
                let clients = cluster.doors.daemons.map(\.client)
                // Connections first: opening them takes longer than the reads.
                try await readAtOnce(id, clients, count: 192)
                // Everything there is to file is filed before anything is counted.
                try await eventually("everything to be filed") {
                    try await cluster.shell.unfiledProducts().isEmpty ? () : nil
                }
                try await cluster.shell.run(#"{"profile": 2}"#)
                for round in 1...3 {
                    let before = try await reads(in: cluster.shell)
                    // The entry goes, and nothing else: a write would put the new one in at once.
                    try await cluster.redis.command("FLUSHALL")
                    try await readAtOnce(id, clients, count: 1_000)
                    let cost = try await reads(in: cluster.shell) - before
                    #expect(cost >= 1, "nothing was invalidated in round \(round)")
                    #expect(cost <= 2 * clients.count, "round \(round)")
                }
                try await cluster.shell.run(#"{"profile": 0}"#)
            }
        }

        private func keyspace(_ redis: RedisServer) async throws -> Int {
            try #require(Int(try await redis.figure("keyspace_hits", of: "stats")))
        }

        /// Single products that were looked for in MongoDB, by its own account; not filing, not the switch.
        private func reads(in shell: MongoShell) async throws -> Int {
            let namespace = "\(shell.database).products"
            let reply = try await shell.run(
                """
                {"count": "system.profile", "query": {"ns": "\(namespace)", "op": "query",
                 "command.filter._id": {"$exists": true}}}
                """)
            return Int(try #require(reply["n"].int))
        }

        /// From 64 connections to each daemon, as fast as they go.
        private func readAtOnce(_ id: String, _ clients: [HTTPTestClient], count: Int) async throws {
            let readers = 64 * clients.count
            try await withThrowingTaskGroup(of: Void.self) { group in
                for reader in 0..<readers {
                    let client = clients[reader % clients.count]
                    group.addTask {
                        for _ in stride(from: reader, to: count, by: readers) {
                            let reply = try await client.get("/v1/products/\(id)")
                            #expect(reply.status == 200, "\(reply.text)")
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }
}
