import Foundation
import InventoryKit
import TestSupport
import Testing

@testable import invctl

extension MongoFaultTests {
    /// What the daemon says and does while MongoDB is out of reach, and when it is told to stop.
    @Suite("Readiness", .serialized)
    struct Readiness {
        /// Generous: the daemon's own deadline is what is meant, and a slow machine may add to it.
        static let patience = DaemonProcess.mongoTimeout * 4

        @Test(
            "MongoDB out of reach: not ready, calls fail in time and say when to come back, and it recovers by itself",
            arguments: MongoDeployment.allCases)
        func blackHole(_ deployment: MongoDeployment) async throws {
            let database = try await deployment.database()
            let proxy = try await FaultyProxy.start(to: database.port)
            let daemon = try await DaemonProcess.ready(on: database.url(through: proxy))
            let client = daemon.client
            let id = try await client.create("A", stock: 10)
            let purchase = "/v1/products/\(id)/purchase"
            #expect(try await client.post(purchase, key: "before", #"{"quantity":1}"#).status == 201)

            proxy.blackHole()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<8 {
                    group.addTask {
                        let reply = try await answered(within: Self.patience) {
                            try await client.post(purchase, key: "during-\(number)", #"{"quantity":1}"#)
                        }
                        expectUnavailable(reply)
                    }
                }
                for path in ["/v1/products/\(id)", "/v1/products", "/v1/products/\(id)/movements", "/readyz"] {
                    group.addTask {
                        expectUnavailable(try await answered(within: Self.patience) { try await client.get(path) })
                    }
                }
                group.addTask {
                    let reply = try await answered(within: Self.patience) {
                        try await client.post("/v1/products", key: "create", Sample.product("B", stock: 1))
                    }
                    expectUnavailable(reply)
                }
                try await group.waitForAll()
            }
            #expect(try await client.get("/healthz").status == 200, "it is alive")

            try await proxy.pass()
            try await daemon.becomesReady()
            for number in 0..<8 {
                let again = try await client.post(purchase, key: "during-\(number)", #"{"quantity":1}"#)
                #expect(again.status == 201, "\(again.text)")
            }
            #expect(try await client.get("/v1/products/\(id)").json["stock"]["on_hand"].int == 1)
            #expect(try await client.post("/v1/products", key: "create", Sample.product("B", stock: 1)).status == 201)
            #expect(try await client.all("/v1/products").count == 2)
            #expect(try await daemon.stop() == 0)
        }

        @Test("Started before MongoDB it is alive and not ready, and becomes ready by itself")
        func early() async throws {
            try await withTemporaryDirectory { directory in
                let server = try await MongoServer.start(directory: directory)
                try await server.killHard()
                let daemon = try await DaemonProcess.start(on: server.url())
                let client = daemon.client
                #expect(try await client.get("/healthz").status == 200)
                for path in ["/readyz", "/v1/products"] {
                    expectUnavailable(try await answered(within: Self.patience) { try await client.get(path) })
                }
                let creation = try await answered(within: Self.patience) {
                    try await client.post("/v1/products", key: "first", Sample.product("A", stock: 1))
                }
                expectUnavailable(creation)
                // It asks again, and says so.
                try await eventually("it to ask again") {
                    daemon.log.count { $0.contains("Waiting for MongoDB") } >= 3 ? () : nil
                }
                #expect(!daemon.log.contains { $0.contains("The store is ready") })

                try await server.restart()
                try await daemon.becomesReady()
                #expect(
                    try await client.post("/v1/products", key: "first", Sample.product("A", stock: 1)).status == 201)
                #expect(try await daemon.stop() == 0)
                try await server.killHard()
            }
        }

        /// Fails where libmongoc's having given a server up is the end, as it is for libmongoc, or where nobody is told why.
        @Test("A server that is not what the URL says: the operator is told why, and it is used once that is mended")
        func notTheSet() async throws {
            try await withTemporaryDirectory { directory in
                let server = try await MongoServer.start(directory: directory)
                let socket = "\(directory)/a.sock"
                let daemon = try await DaemonProcess.start(
                    on: "mongodb://127.0.0.1:\(server.port)/test?replicaSet=rs0",
                    environment: ["INVENTORYD_SOCKET": socket])
                func told(_ words: String) async throws {
                    _ = try await daemon.logLine { $0.contains("Waiting for MongoDB") && $0.contains(words) }
                    let doctor = try await ToolRun(["doctor"], socket)
                    try doctor.expect(.failed)
                    #expect(doctor.errors.joined().contains(words), "\(doctor.errors)")
                }
                try await told("no server there belongs to the replica set rs0")
                try await server.restart(asMemberOf: "rs0")
                try await told("has not been told of its replica set")
                try await server.shell().run(
                    #"{"replSetInitiate": {"_id": "rs0", "members": [{"_id": 0, "host": "127.0.0.1:\#(server.port)"}]}}"#,
                    on: "admin")
                try await daemon.becomesReady()
                let id = try await daemon.client.create("A", stock: 10)

                // As it is done for maintenance.
                try await server.restart(asMemberOf: nil)
                let lost = try await answered(within: Self.patience) {
                    try await daemon.client.get("/v1/products/\(id)")
                }
                expectUnavailable(lost)
                try await server.restart(asMemberOf: "rs0")
                try await daemon.becomesReady()
                #expect(
                    try await daemon.client.post("/v1/products/\(id)/purchase", key: "k", #"{"quantity":1}"#).status
                        == 201)
                #expect(try await daemon.stop() == 0)
                try await server.killHard()
            }
        }

        @Test("Told to stop while it waits for MongoDB, it stops")
        func stopEarly() async throws {
            let daemon = try await DaemonProcess.start(on: "mongodb://127.0.0.1:\(FreePort.any())/x")
            _ = try await daemon.logLine { $0.contains("Waiting for MongoDB") }
            daemon.signal(SIGTERM)
            let code = try await answered(within: Self.patience) { try await daemon.exitCode() }
            #expect(code == 0)
            #expect(!daemon.log.contains { $0.contains("before everything was filed") }, "it has had nothing to file")
        }

        @Test("Told to stop while MongoDB swallows everything, it stops")
        func stopCutOff() async throws {
            let database = try await MongoDeployment.standalone.database()
            let proxy = try await FaultyProxy.start(to: database.port)
            let daemon = try await DaemonProcess.ready(on: database.url(through: proxy))
            let client = daemon.client
            let id = try await client.create("A", stock: 10)
            proxy.blackHole()
            async let reply = client.post("/v1/products/\(id)/purchase", key: "k", #"{"quantity":1}"#)
            try await eventually("the purchase to be on its way") { proxy.held > 0 ? () : nil }
            daemon.signal(SIGTERM)
            // What is under way fails at its deadline, and nothing else is waited for that long.
            let code = try await answered(within: .seconds(40)) { try await daemon.exitCode() }
            #expect(code == 0)
            if let reply = try? await reply { expectUnavailable(reply) }
        }

        /// Fails where the daemon leaves its movements to whoever comes next.
        @Test("SIGTERM under load files what is unfiled", arguments: MongoDeployment.allCases)
        func terminate(_ deployment: MongoDeployment) async throws {
            let database = try await deployment.database()
            let daemon = try await DaemonProcess.ready(on: database.url)
            let storm = try await PurchaseStorm(at: [daemon])
            try await storm.rage {
                try await storm.acknowledges(200)
                #expect(try await !database.shell.unfiledProducts().isEmpty)
                #expect(try await daemon.stop() == 0)
            }
            try await storm.expectLedger(in: database.shell)

            let next = try await DaemonProcess.ready(on: database.url)
            storm.enter(through: [next])
            try await storm.expectTruth(in: database.shell)
            #expect(try await next.stop() == 0)
        }
    }
}

/// 503, a reason that is one of ours, and when to come back.
private func expectUnavailable(
    _ reply: HTTPTestClient.Reply, _ location: SourceLocation = #_sourceLocation
) {
    #expect(reply.status == 503, "\(reply.text)", sourceLocation: location)
    #expect(reply.header("Retry-After") != nil, "\(reply.text)", sourceLocation: location)
}
