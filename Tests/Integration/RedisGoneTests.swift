import InventoryKit
import TestSupport
import Testing

extension NeverStaleTests {
    /// Losing Redis costs speed, once, and nothing else.
    @Suite("Redis gone", .serialized)
    struct RedisGone {
        enum Loss: CaseIterable, CustomTestStringConvertible {
            case refused, swallowed, killed

            var testDescription: String {
                switch self {
                case .refused: "connections are cut and refused"
                case .swallowed: "everything is swallowed"
                case .killed: "Redis is killed"
                }
            }

            func begin(_ cluster: CachedCluster) async throws {
                switch self {
                case .refused:
                    for proxy in cluster.proxies {
                        try await proxy.refuse()
                        try await proxy.cut()
                    }
                case .swallowed: for proxy in cluster.proxies { proxy.blackHole() }
                case .killed: try await cluster.redis.killHard()
                }
            }

            func end(_ cluster: CachedCluster) async throws {
                if self == .killed { try await cluster.redis.restart() }
                for proxy in cluster.proxies { try await proxy.pass() }
            }
        }

        /// What a write waits for at most after a fault, by the protocol, and a margin for a slow machine.
        private static let longestWait = Duration.milliseconds(1_600) + .seconds(1)

        @Test(
            "The store answers, purchases stay correct, readiness says so, and it comes back by itself",
            arguments: Loss.allCases)
        func gone(_ loss: Loss) async throws {
            try await CachedCluster.run(CachedCluster.Plan(daemons: 2)) { cluster in
                let client = cluster.client()
                let id = try await client.create("A", stock: 20)
                try await cluster.cache(.ok)
                try await expect("ok", "ready", of: client)
                try await hit(id, client)

                try await loss.begin(cluster)
                // Some writes while it is found out, then all that is left at once, from twice as many as there is for.
                let first = try await buy(5, of: id, from: [client], keys: "first")
                #expect(first.sold == 5)
                try await cluster.cache(.off)
                try await expect("off", "degraded", of: client)
                let second = try await buy(30, of: id, from: [client, cluster.client(1)], keys: "second")
                #expect(second.sold == 15)
                #expect(second.refused == 15)
                for daemon in cluster.doors.daemons {
                    let reply = try await daemon.client.get("/v1/products/\(id)")
                    #expect(reply.header("X-Cache") == "bypass")
                    #expect(reply.json["stock"]["on_hand"].int == 0)
                }

                try await loss.end(cluster)
                try await cluster.cache(.ok)
                try await expect("ok", "ready", of: client)
                for daemon in cluster.doors.daemons {
                    let reply = try await hit(id, daemon.client)
                    #expect(reply.json["stock"]["on_hand"].int == 0)
                }
            }
        }

        /// Fails where every write waits for Redis, or for the switch, as the first one has to.
        @Test("After a fault a write waits once, and the next ones do not", arguments: Loss.allCases)
        func waitsOnce(_ loss: Loss) async throws {
            try await CachedCluster.run(CachedCluster.Plan(daemons: 1)) { cluster in
                let client = cluster.client()
                let id = try await client.create("A", stock: 1_000)
                try await cluster.cache(.ok)
                try await hit(id, client)
                try await loss.begin(cluster)
                let first = try await timeOfPurchase(id, client, key: "first")
                #expect(first < Self.longestWait)
                var later: [Duration] = []
                for number in 0..<20 {
                    later.append(try await timeOfPurchase(id, client, key: "\(number)"))
                }
                // They may have to wait for nothing of which the first one waited for a second.
                let all = later.reduce(.zero, +)
                #expect(first > .milliseconds(200), "it has to be certain that nobody uses the cache any more")
                #expect(all < first * 2, "first \(first), the next twenty \(all)")
                try await loss.end(cluster)
            }
        }

        /// Fails where every read pays the time-out of a Redis that answers nothing.
        @Test("A Redis that swallows everything costs each connection its time-out once, not each read")
        func blackHole() async throws {
            try await CachedCluster.run(CachedCluster.Plan(daemons: 1)) { cluster in
                let client = cluster.client()
                let id = try await client.create("A", stock: 1)
                try await cluster.cache(.ok)
                try await hit(id, client)
                cluster.proxies[0].blackHole()
                let times = try await timesOfBypasses(200, of: id, client)
                // The breaker lets one through now and then, and a slow machine has its own reasons.
                let slow = times.count { $0 >= .milliseconds(20) }
                #expect(slow <= 20, "\(slow) of 200 took 20 ms and more")
                #expect(slow >= 1, "the first one finds it out")
                try await cluster.proxies[0].pass()
            }
        }

        @Test("X-Cache tells a miss, then a hit, and a bypass where there is no Redis")
        func sources() async throws {
            try await CachedCluster.run(CachedCluster.Plan(daemons: 1, isProxied: false)) { cluster in
                let client = cluster.client()
                let id = try await client.create("A", stock: 1)
                try await cluster.cache(.ok)
                try await cluster.redis.command("FLUSHALL")
                #expect(try await client.get("/v1/products/\(id)").header("X-Cache") == "miss")
                try await hit(id, client)
                let unknown = "/v1/products/ffffffffffffffffffffffff"
                #expect(try await client.get(unknown).status == 404)

                let alone = try await DaemonProcess.ready(on: cluster.mongo.url(database: cluster.database))
                #expect(try await alone.client.get("/v1/products/\(id)").header("X-Cache") == "bypass")
                #expect(try await alone.client.get("/readyz").json["cache"].string == "none")
                // A daemon without Redis keeps the others from caching: its writes would not be seen.
                try await cluster.cache(.off)
                #expect(try await alone.stop() == 0)
                try await cluster.cache(.ok)
            }
        }

        // MARK: Parts

        /// How long each of so many reads took, none of which the cache may answer.
        private func timesOfBypasses(_ count: Int, of id: String, _ client: HTTPTestClient) async throws -> [Duration] {
            var times: [Duration] = []
            for _ in 0..<count {
                let began = ContinuousClock.now
                let reply = try await client.get("/v1/products/\(id)")
                times.append(ContinuousClock.now - began)
                #expect(reply.status == 200)
                #expect(reply.header("X-Cache") == "bypass")
            }
            return times
        }

        private func expect(_ cache: String, _ status: String, of client: HTTPTestClient) async throws {
            let reply = try await client.get("/readyz")
            #expect(reply.status == 200)
            #expect(reply.json["status"].string == status)
            #expect(reply.json["cache"].string == cache)
            #expect(reply.json["store"].string == "ok")
        }

        @discardableResult
        private func hit(_ id: String, _ client: HTTPTestClient) async throws -> HTTPTestClient.Reply {
            try await eventually("a hit") {
                let reply = try await client.get("/v1/products/\(id)")
                return reply.header("X-Cache") == "hit" ? reply : nil
            }
        }

        private func timeOfPurchase(_ id: String, _ client: HTTPTestClient, key: String) async throws -> Duration {
            let began = ContinuousClock.now
            let reply = try await client.purchase(id, key: key)
            let time = ContinuousClock.now - began
            #expect(reply.status == 201, "\(reply.text)")
            return time
        }

        /// Single units, all at once.
        private func buy(
            _ count: Int, of id: String, from clients: [HTTPTestClient], keys: String
        ) async throws -> (sold: Int, refused: Int) {
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<count {
                    let client = clients[number % clients.count]
                    group.addTask { try await client.purchase(id, key: "\(keys)-\(number)").status }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            return (statuses.count { $0 == 201 }, statuses.count { $0 == 409 })
        }
    }
}

extension HTTPTestClient {
    /// Buys one unit.
    func purchase(_ id: String, key: String) async throws -> Reply {
        try await post("/v1/products/\(id)/purchase", key: key, #"{"quantity":1}"#)
    }
}
