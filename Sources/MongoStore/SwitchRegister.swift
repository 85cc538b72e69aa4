package import InventoryKit
import Logging

/// The switch's document in MongoDB.
///
/// It has connections of its own: it has to be asked in time also when all others are busy, or else the cache would go
/// off just when it is needed most.
final class SwitchRegister: CacheSwitchRegister {
    /// Two, for one may be waiting for a server that says nothing.
    private static let connectionCount = 2

    /// How long the server may take.
    private static let limit = Duration.milliseconds(500)

    /// How long anybody waits for it.
    private static let timeout = Duration.seconds(1)

    private static let id: BSON = "cache"

    /// The server's code for arithmetic on what is no number.
    private static let typeMismatch: Int64 = 14

    private let pool: MongoPool
    private let deadlines = Deadlines(timeout: timeout)

    /// Connects to nothing yet; the first update does.
    init(url: MongoURL, logger: Logger) {
        pool = MongoPool(
            url: url, size: Self.connectionCount, timeout: Self.timeout, deadlines: deadlines, logger: logger)
        deadlines.start()
    }

    func apply(_ update: SwitchUpdate) async throws(InventoryError) -> SwitchDocument? {
        // A failure comes several times a second while MongoDB is away, so it is a value here and no line in the log.
        let result = try await pool.run(isRepeated: false) { connection, _ in
            Result { try Self.perform(update, over: connection) }
        }
        do { return try result.get() } catch { throw .unavailable(.outOfReach) }
    }

    func close() async {
        await pool.close()
        deadlines.stop()
    }

    private static func perform(_ update: SwitchUpdate, over connection: MongoConnection) throws -> SwitchDocument? {
        do { return try performOnce(update, over: connection) } catch MongoError.duplicateKey {
            // Two that make it at once: the other one has, and this one has not happened.
            return try performOnce(update, over: connection)
        } catch MongoError.refused(code: typeMismatch, _) {
            // Somebody made its beat something that cannot be counted. Nobody could write as long as that stands.
            // A claim that nobody has used before.
            let name = BSON.string("-/damaged.\(UInt64.random(in: 0 ... .max))")
            let off: BSON = ["$set": ["gen": name, "claim": name, "beat": 0]]
            _ = try connection.findAndModify(
                Collection.meta, ["_id": id, "beat": ["$not": ["$type": "number"]]], off, timeLimit: limit)
            return try performOnce(update, over: connection)
        }
    }

    private static func performOnce(
        _ update: SwitchUpdate, over connection: MongoConnection
    ) throws -> SwitchDocument? {
        let (query, change, isUpsert) = statement(of: update)
        let (document, _) = try connection.findAndModify(
            Collection.meta, query, change, isUpsert: isUpsert, timeLimit: limit)
        return try document.map { document in
            // Fields that somebody took out or made something else: off, until a daemon puts them right. Nobody could
            // write if this were an error.
            SwitchDocument(
                generation: (try? document.text("gen")) ?? "-/damaged",
                claim: (try? document.text("claim")) ?? "-/damaged", beat: try document.integer("beat"))
        }
    }

    private static func statement(of update: SwitchUpdate) -> (query: BSON, change: BSON, isUpsert: Bool) {
        switch update {
        case .turnOn(let claimSeen, let generation):
            (
                ["_id": id, "claim": .string(claimSeen)],
                ["$set": ["gen": .string(generation), "claim": ""], "$inc": ["beat": 1]], false
            )
        case .veto(let claim, let generation):
            (
                ["_id": id],
                [
                    "$set": ["claim": .string(claim)], "$setOnInsert": ["gen": .string(generation)],
                    "$inc": ["beat": 1],
                ], true
            )
        case .look(let generation, let claim):
            (
                ["_id": id],
                ["$setOnInsert": ["gen": .string(generation), "claim": .string(claim)], "$inc": ["beat": 1]], true
            )
        }
    }
}

extension MongoStore: CacheSwitchRegister {
    package func apply(_ update: SwitchUpdate) async throws(InventoryError) -> SwitchDocument? {
        try await switchRegister.apply(update)
    }
}
