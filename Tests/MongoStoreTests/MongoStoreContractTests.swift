import InventoryKit
import Logging
import MongoStore
import StoreContract
import TestSupport
import Testing

// One clause after the other, for each is a database with all its indexes, and a hundred at once would test the disk.

@Suite("The store on a standalone mongod keeps the contract of stores", .serialized)
struct StandaloneContractTests {
    @Test(arguments: StoreContract.clauses)
    func keeps(_ clause: StoreContract.Clause) async throws {
        let server = try await MongoServer.shared()
        try await clause.check(on: MongoStoreFixture { server.url(database: $0) })
    }
}

@Suite("The store on a replica set keeps the contract of stores", .serialized)
struct ReplicaSetContractTests {
    @Test(arguments: StoreContract.clauses)
    func keeps(_ clause: StoreContract.Clause) async throws {
        let set = try await MongoReplicaSet.shared()
        try await clause.check(on: MongoStoreFixture { set.url(database: $0) })
    }
}

/// A database of its own on a server that many share.
struct MongoStoreFixture: StoreFixture {
    let url: String

    init(url: (_ database: String) -> String) {
        self.url = url(MongoServer.freshDatabase())
    }

    func makeStore(clock: any WallClock) async throws -> any InventoryStore {
        try await makeMongoStore(clock: clock)
    }

    func makeMongoStore(
        connections: Int = 4, timeout: Duration = .seconds(60), clock: any WallClock = SystemClock()
    ) async throws -> MongoStore {
        let store = MongoStore(
            url: try MongoURL(url), connections: connections, timeout: timeout, clock: clock,
            logger: Logger(label: "test")
        )
        try await store.prepare()
        return store
    }

    func discard() async throws {
        _ = try await MongoShell(url: url).run(#"{"dropDatabase": 1}"#)
    }
}
