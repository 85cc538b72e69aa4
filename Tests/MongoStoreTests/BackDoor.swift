import InventoryKit
import Logging
import StoreContract
import Synchronization
import TestSupport
import Testing

@testable import MongoStore

/// A database of its own with a way past the store: to see documents as they are, and to change them as a crash, a late
/// packet or a hand at mongosh might.
struct BackDoor: Sendable {
    let fixture: MongoStoreFixture
    let log = RecordedLog()
    private let deadlines: Deadlines
    private let pool: MongoPool

    init(on server: MongoServer) throws {
        fixture = MongoStoreFixture { server.url(database: $0) }
        deadlines = Deadlines(timeout: .seconds(60))
        deadlines.start()
        pool = MongoPool(
            url: try MongoURL(fixture.url), size: 2, timeout: .seconds(60), deadlines: deadlines,
            logger: Logger(label: "test"))
    }

    /// A store whose log is kept.
    func makeStore(clock: any WallClock = SystemClock()) async throws -> MongoStore {
        let store = MongoStore(
            url: try MongoURL(fixture.url), connections: 4, timeout: .seconds(60), clock: clock,
            logger: Logger(label: "test") { _ in log })
        try await store.prepare()
        return store
    }

    /// Lets a test have a door and a store, on a database that is gone afterwards.
    static func withStore(
        clock: any WallClock = SystemClock(), _ body: (BackDoor, MongoStore) async throws -> Void
    ) async throws {
        let door = try BackDoor(on: try await MongoServer.shared())
        let store = try await door.makeStore(clock: clock)
        try await body(door, store)
        await store.close()
        try await door.close()
    }

    func run<Value: Sendable>(_ job: @escaping @Sendable (MongoConnection) throws -> Value) async throws -> Value {
        try await pool.run { connection, _ in try job(connection) }
    }

    func close() async throws {
        await pool.close()
        deadlines.stop()
        try await fixture.discard()
    }

    // MARK: Looking

    func document(_ product: ProductID) async throws -> BSONDocument {
        let found = try await run { connection in
            try connection.find(Collection.products, ["_id": .productID(product)], freshness: .majority(after: 0))
                .documents
        }
        return try #require(found.first)
    }

    func operations(of product: ProductID) async throws -> [BSONDocument] {
        try await document(product).documents("ops")
    }

    /// What has been filed of a product, the oldest first.
    func filed(_ product: ProductID) async throws -> [BSONDocument] {
        try await run { connection in
            try connection.find(
                Collection.movements, ["product_id": .productID(product)], sort: ["seq": 1],
                freshness: .majority(after: 0)
            ).documents
        }
    }

    func awaitFiling(of product: ProductID) async throws {
        try await eventually("the operations to be filed") {
            let document = try await self.document(product)
            return document.documents("ops").isEmpty && document["unfiled_since"] == nil ? () : nil
        }
    }

    // MARK: Changing

    /// - Returns: how many documents are another than before.
    @discardableResult
    func update(_ statement: BSON) async throws -> Int64 {
        try await run { connection in
            let (modified, _, errors) = try connection.update([statement], in: Collection.products)
            if let error = errors[0] { throw error }
            return modified
        }
    }

    /// Changes a product as a hand at mongosh might that has switched validation off.
    ///
    /// - Parameter update: an update document, as extended JSON.
    func damage(_ product: ProductID, _ update: String) async throws {
        let reply = try await MongoShell(url: fixture.url).run(
            #"""
            {"update": "products", "bypassDocumentValidation": true,
                "updates": [{"q": {"_id": {"$oid": "\#(product.text)"}}, "u": \#(update)}]}
            """#)
        try #require(reply["nModified"] == .integer(1))
    }

    /// Makes a product's operations look so young, by the server's clock, that nobody files them. There must be some.
    ///
    /// - Parameter isDated: whether the oldest one gets the time as well, as it would have it if it were so young.
    func holdFiling(of product: ProductID, isDated: Bool = false) async throws {
        let time = try Timestamp(rfc3339: "2200-01-01T00:00:00Z")
        // Never the same time twice, so that the server counts it as a change.
        let different = Timestamp(milliseconds: time.milliseconds + .random(in: 0...1_000_000_000))
        try await setAge(of: product, different, isDated: isDated)
    }

    /// Makes a product's operations due.
    func releaseFiling(of product: ProductID) async throws {
        try await setAge(of: product, Timestamp(rfc3339: "2026-01-01T00:00:00Z"), isDated: false)
    }

    private func setAge(of product: ProductID, _ time: Timestamp, isDated: Bool) async throws {
        var set: [(String, BSON)] = [("unfiled_since", .date(time))]
        if isDated { set.append(("ops.0.at", .date(time))) }
        let modified = try await update([
            "q": ["_id": .productID(product), "ops.0": ["$exists": true]], "u": ["$set": .document(set)],
        ])
        try #require(modified == 1, "there was nothing left to be filed")
    }
}

/// What a store has told its log.
final class RecordedLog: LogHandler {
    private let events = Mutex<[(level: Logger.Level, message: String)]>([])

    var alarms: [String] { events.withLock { $0.filter { $0.level >= .error }.map(\.message) } }

    func log(event: LogEvent) { events.withLock { $0.append((event.level, "\(event.message)")) } }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { nil }
        set {}
    }

    var metadata: Logger.Metadata {
        get { [:] }
        set {}
    }

    var logLevel: Logger.Level {
        get { .trace }
        set {}
    }
}
