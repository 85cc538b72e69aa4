import InventoryKit
import TestSupport
import Testing

/// Real daemons on a real MongoDB, while something goes wrong. Most of the time they wait for something to come back, so
/// the suites run side by side; within each, one storm after the other.
@Suite("MongoDB faults")
struct MongoFaultTests {
    @Test(
        "Two daemons, a hundred buyers at once for the last unit: one gets it, ninety-nine are told",
        arguments: MongoDeployment.allCases)
    func lastUnit(_ deployment: MongoDeployment) async throws {
        let database = try await deployment.database()
        let daemons = [
            try await DaemonProcess.ready(on: database.url), try await DaemonProcess.ready(on: database.url),
        ]
        for (name, hasKeys) in [("with keys", true), ("without", false)] {
            let sku = "LAST-\(hasKeys)"
            let id = try await daemons[0].client.create(sku, stock: 1)
            let replies = try await withThrowingTaskGroup(of: HTTPTestClient.Reply.self) { group in
                for buyer in 0..<100 {
                    let client = daemons[buyer % 2].client
                    let path = "/v1/products/\(buyer % 3 == 0 ? "sku:\(sku)" : id)/purchase"
                    group.addTask {
                        try await client.post(path, key: hasKeys ? "buyer-\(buyer)" : nil, #"{"quantity":1}"#)
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(replies.count { $0.status == 201 } == 1, "\(name)")
            let refusals = replies.count { $0.status == 409 && $0.json["code"].string == "insufficient-stock" }
            #expect(refusals == 99, "\(name)")
            for daemon in daemons {
                #expect(try await daemon.client.get("/v1/products/\(id)").json["stock"]["on_hand"].int == 0)
                let movements = try await daemon.client.all("/v1/products/\(id)/movements")
                #expect(movements.map { $0["kind"].string } == ["sale", "opening"])
            }
        }
        for daemon in daemons { #expect(try await daemon.stop() == 0) }
        #expect(try await database.shell.unfiledProducts() == [])
    }
}

/// What MongoDB runs as. Both are to keep the same promises.
enum MongoDeployment: CaseIterable, CustomTestStringConvertible {
    case standalone, replicaSet

    struct Database: Sendable {
        let url: String
        let shell: MongoShell

        /// The port of the server that takes its writes.
        let port: Int
        let name: String

        /// Its URL by way of a proxy.
        func url(through proxy: FaultyProxy) -> String {
            "mongodb://127.0.0.1:\(proxy.port)/\(name)?directConnection=true"
        }
    }

    var testDescription: String {
        switch self {
        case .standalone: "a standalone"
        case .replicaSet: "a replica set"
        }
    }

    /// A database of its own, on the server that the tests share.
    func database() async throws -> Database {
        let name = MongoServer.freshDatabase()
        switch self {
        case .standalone:
            let server = try await MongoServer.shared()
            return Database(
                url: server.url(database: name), shell: server.shell(database: name), port: server.port, name: name)
        case .replicaSet:
            let set = try await MongoReplicaSet.shared()
            return Database(
                url: set.url(database: name), shell: set.shell(database: name), port: set.members[0].port, name: name)
        }
    }
}

extension DaemonProcess {
    /// How long calls of daemons under test wait for MongoDB.
    static let mongoTimeout = Duration.seconds(2)

    /// Starts a daemon that works on MongoDB, and returns when it serves, if only to say that it is not ready.
    static func start(
        on url: String, environment: [String: String] = [:], arguments: [String] = []
    ) async throws -> DaemonProcess {
        let mongo = ["MONGO_URL": url, "INVENTORYD_MONGO_TIMEOUT": "\(mongoTimeout.components.seconds)s"]
        // Without the embedded store there is no state.
        return try await DaemonProcess(
            stateDirectory: "/nonexistent", environment: mongo.merging(environment) { $1 }, arguments: arguments)
    }

    /// Starts a daemon that works on MongoDB, and returns when it is ready.
    static func ready(on url: String) async throws -> DaemonProcess {
        let daemon = try await start(on: url)
        try await daemon.becomesReady()
        return daemon
    }

    /// Waits until the daemon says that it is ready.
    func becomesReady() async throws {
        try await eventually("/readyz to say 200") { try await client.get("/readyz").status == 200 ? () : nil }
    }
}
