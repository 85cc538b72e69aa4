import InventoryKit
import NIOHTTP1
import TestSupport
import Testing

/// What `docs/deploy-railway.md` sets up: the image's variables, the platform's own, and three that refer to databases.
@Suite("Railway")
struct RailwayTests {
    /// As the image has it; `INVENTORYD_STATE_DIR` is a directory that is not there, and nobody is to miss it.
    private static let image = ["INVENTORYD_HOST": "::", "INVENTORYD_STATE_DIR": "/nonexistent/inventoryd"]

    /// Those the platform documents, and older ones that it still sets.
    private static let platform = [
        "RAILWAY_DEPLOYMENT_DRAINING_SECONDS": "30",
        "RAILWAY_DEPLOYMENT_ID": "5a0c6d0e-6a4e-4f0e-9f4c-0b7c1f6f9d0a",
        "RAILWAY_ENVIRONMENT": "production",
        "RAILWAY_ENVIRONMENT_ID": "2f5b7c1e-8f10-4c59-a6a4-f1c7f7f0b1aa",
        "RAILWAY_ENVIRONMENT_NAME": "production",
        "RAILWAY_GIT_AUTHOR": "someone",
        "RAILWAY_GIT_BRANCH": "main",
        "RAILWAY_GIT_COMMIT_MESSAGE": "Sell \"mugs\" = yes\n\nNAME=VALUE, and a 100 % more",
        "RAILWAY_GIT_COMMIT_SHA": "d0beb8f5c55b36df7d674d55965a23b8d54ad69b",
        "RAILWAY_GIT_REPO_NAME": "inventoryd",
        "RAILWAY_GIT_REPO_OWNER": "someone",
        "RAILWAY_HEALTHCHECK_TIMEOUT_SEC": "300",
        "RAILWAY_PRIVATE_DOMAIN": "inventoryd.railway.internal",
        "RAILWAY_PROJECT_ID": "0d0f3f6a-8b33-4a0b-9f0e-6c8f2c1b7d11",
        "RAILWAY_PROJECT_NAME": "shop",
        "RAILWAY_PUBLIC_DOMAIN": "inventoryd-production.up.railway.app",
        "RAILWAY_REPLICA_ID": "7b0f1c6e-4a39-4b1f-9d26-8f2b6f0e0c55",
        "RAILWAY_REPLICA_REGION": "europe-west4",
        "RAILWAY_SERVICE_ID": "b0b2a8f8-2f6f-4d0e-8a55-93b1fd0a5f77",
        "RAILWAY_SERVICE_INVENTORYD_URL": "inventoryd-production.up.railway.app",
        "RAILWAY_SERVICE_NAME": "inventoryd",
        "RAILWAY_SNAPSHOT_ID": "9d9f6d5c-8a0c-4d5e-8f66-1c0f5a2b3c4d",
        "RAILWAY_STATIC_URL": "inventoryd-production.up.railway.app",
    ]

    @Test("With nothing but the platform's variables it becomes ready, sells, knows its callers, and stops in time")
    func deployed() async throws {
        let more = [
            "INVENTORYD_AUTH": "off", "INVENTORYD_TRUSTED_PROXIES": "127.0.0.0/8", "INVENTORYD_RATE_PURCHASE": "1/h:1",
        ]
        try await Self.deploying(more) { daemon in
            try await becomesReady(daemon)
            try await sells(daemon)
            #expect(!daemon.log.contains { $0.contains("RAILWAY_") }, "what is the platform's is not ours to warn of")
        }
    }

    /// Fails where the page's own variables, and no others, leave the service open, or do not say how to come in.
    @Test("With exactly the variables of the page it asks for keys, and says how to make one")
    func asDeployed() async throws {
        try await Self.deploying { daemon in
            try await becomesReady(daemon)
            let reply = try await daemon.client.get("/v1/products")
            #expect(reply.status == 401 && reply.json["code"].string == "key-required")
            _ = try await daemon.logLine { $0.contains("invctl key create") }
        }
    }

    private static func deploying(
        _ more: [String: String] = [:], _ body: (DaemonProcess) async throws -> Void
    ) async throws {
        try await withTemporaryDirectory { directory in
            let mongo = try await MongoServer.start(directory: directory + "/mongo")
            let redis = try await RedisServer.start(directory: directory + "/redis", password: "r3d1s")
            // The databases' templates give one user all rights, a password, and no database in the path.
            try await mongo.shell().run(
                #"{"createUser": "mongo", "pwd": "m0ng0", "roles": ["root"]}"#, on: "admin")
            let port = FreePort.any()
            let variables = image.merging(platform) { $1 }.merging([
                "PORT": "\(port)",
                "MONGO_URL": "mongodb://mongo:m0ng0@127.0.0.1:\(mongo.port)",
                "REDIS_URL": "redis://default:r3d1s@127.0.0.1:\(redis.port)",
                // The usual place is for one daemon at a time, and tests start many.
                "INVENTORYD_SOCKET": directory + "/admin.sock",
            ]) { $1 }.merging(more) { $1 }
            // env -i: not even what every other test's daemon is given.
            let daemon = try await DaemonProcess(
                stateDirectory: "", prefix: ["env", "-i"] + variables.map { "\($0)=\($1)" })
            #expect(daemon.port == port)
            try await body(daemon)
            #expect(try await daemon.stop() == 0)
        }
    }

    /// As the platform asks, under a name of its own; the cache is on some seconds after the store.
    private func becomesReady(_ daemon: DaemonProcess) async throws {
        let reply = try await eventually("/readyz to say 200, with both") {
            let reply = try await daemon.client.get("/readyz")
            return reply.status == 200 && reply.json["cache"].string == "ok" ? reply : nil
        }
        #expect(reply.json["store"].string == "ok")
        let health = try await RawConnection.exchange(
            port: daemon.port, "GET /readyz HTTP/1.1\r\nHost: healthcheck.railway.app\r\nConnection: close\r\n\r\n")
        #expect(health.hasPrefix("HTTP/1.1 200 "))
    }

    /// Listening on `::`, it sees the proxy's address as an IPv4 one within IPv6, and has to trust it all the same.
    private func sells(_ daemon: DaemonProcess) async throws {
        let id = try await daemon.client.create("MUG", stock: 5)
        func status(of client: String) async throws -> Int {
            try await daemon.client.send(
                .POST, "/v1/products/\(id)/purchase", headers: [("X-Forwarded-For", client)], body: #"{"quantity":2}"#
            ).status
        }
        for client in ["203.0.113.7", "203.0.113.8"] { #expect(try await status(of: client) == 201) }
        // A Redis that answers late leaves a call to the daemon alone, so the second one may be granted once more: there is
        // too little left to sell then.
        _ = try await eventually("a client to have used up its limit, which is its own") {
            let status = try await status(of: "203.0.113.7")
            #expect(status == 429 || status == 409)
            return status == 429 ? true : nil
        }
        #expect(try await daemon.client.get("/v1/products/\(id)").json["stock"]["on_hand"].int == 1)
    }
}
