import CMongoc
import InventoryKit

/// A connection for the length of one closure on one thread of the pool. Its pointer leaves neither.
///
/// All writes wait for a majority and for the journal (``MongoURL``). A call that throws ``MongoError/unknown(_:)`` may
/// have happened.
@safe struct MongoConnection {
    /// How much a read has to have seen.
    enum Freshness {
        /// Every write acknowledged before it was sent, single documents at a time. It needs a time limit, for without
        /// a majority it would wait for ever.
        case linearizable
        /// What a majority has, and at least what was so at that time of the cluster (0: of whenever).
        case majority(after: UInt64)

        /// Whether it waits for other servers, so that running out of time says nothing of the query.
        var waits: Bool { if case .linearizable = self { true } else { false } }
    }

    private let client: OpaquePointer
    private let clients: ClientPool
    private let pool: MongoPool
    private let history = History()

    private final class History {
        /// Whether a write of this closure has been acknowledged that has changed something.
        var hasWritten = false

        /// Whether something was read without asking whether it will last.
        var hasReadUnconfirmed = false

        /// No server could be asked. Of what the closure wanted something may have happened before.
        func unreachable(_ detail: String) -> MongoError { hasWritten ? .unknown(detail) : .unreachable(detail) }
    }

    /// - Parameter clients: of whom the client is one.
    init(client: OpaquePointer, of clients: ClientPool, in pool: MongoPool) {
        unsafe self.client = unsafe client
        self.clients = clients
        self.pool = pool
    }

    // MARK: Reading

    /// The documents that a query finds, and the time of the cluster at which it did (0 on a standalone).
    ///
    /// - Parameter timeLimit: after so long the server gives up: ``MongoError/timeLimit``.
    func find(
        _ collection: String, _ filter: BSON, projection: BSON? = nil, sort: BSON? = nil, limit: Int? = nil,
        hint: BSON? = nil, freshness: Freshness, timeLimit: Duration? = nil
    ) throws -> (documents: [BSONDocument], time: UInt64) {
        let command: [(String, BSON?)] = [
            ("find", .string(collection)), ("filter", filter), ("projection", projection), ("sort", sort),
            ("limit", limit.map { .integer(Int64($0)) }), ("batchSize", .integer(Int64(limit ?? Self.batchSize))),
            ("hint", hint), ("maxTimeMS", timeLimit.map { .integer($0.milliseconds) }),
            ("readConcern", try concern(freshness)),
        ]
        do { return try all(command, of: collection) } catch MongoError.timeLimit where freshness.waits {
            throw history.unreachable("no majority has confirmed a read in time")
        }
    }

    /// The documents that come out of a pipeline.
    func aggregate(
        _ collection: String, _ pipeline: BSON, freshness: Freshness, timeLimit: Duration? = nil
    ) throws -> (documents: [BSONDocument], time: UInt64) {
        let command: [(String, BSON?)] = [
            ("aggregate", .string(collection)), ("pipeline", pipeline),
            ("cursor", ["batchSize": .integer(Int64(Self.batchSize))]),
            ("maxTimeMS", timeLimit.map { .integer($0.milliseconds) }), ("readConcern", try concern(freshness)),
        ]
        return try all(command, of: collection)
    }

    /// Documents in one reply, as far as 16 MB go; of itself the server gives 101 at first.
    static let batchSize = 10_000

    /// Reads a cursor to its end, so that none outlives the closure.
    private func all(_ command: [(String, BSON?)], of collection: String) throws -> ([BSONDocument], UInt64) {
        let session = unsafe inventory_session(client)
        defer { if let session = unsafe session { unsafe mongoc_client_session_destroy(session) } }
        func read(_ command: [(String, BSON)]) throws -> BSONDocument {
            try unsafe run(pool.database, command, isWrite: false, under: session)
        }
        var reply = try read(command.compactMap { name, value in value.map { (name, $0) } })
        let time = reply.operationTime
        var cursor = try reply.document("cursor")
        var documents = cursor.documents("firstBatch")
        while case let id = try cursor.integer("id"), id != 0 {
            reply = try read([("getMore", .integer(id)), ("collection", .string(collection))])
            cursor = try reply.document("cursor")
            documents += cursor.documents("nextBatch")
        }
        return (documents, time)
    }

    private func concern(_ freshness: Freshness) throws -> BSON? {
        guard case .replicated = try pool.topology(of: self) else {
            history.hasReadUnconfirmed = true
            return nil
        }
        switch freshness {
        case .linearizable: return ["level": "linearizable"]
        case .majority(after: 0): return ["level": "majority"]
        case .majority(let time): return ["level": "majority", "afterClusterTime": .timestamp(time)]
        }
    }

    // MARK: Writing

    /// Inserts documents, each by itself: what is wrong with one does not keep the others out.
    ///
    /// - Returns: what was wrong, by the document's place.
    func insert(_ documents: [BSONDocument], into collection: String) throws -> [Int: MongoError] {
        var errors: [Int: MongoError] = [:]
        var start = 0
        while start < documents.count {
            var (end, size) = (start + 1, documents[start].bytes.count)
            while end < documents.count, size + documents[end].bytes.count <= Self.commandSizeInBytes {
                size += documents[end].bytes.count
                end += 1
            }
            let reply = try write([
                ("insert", .string(collection)), ("documents", .array(documents[start..<end].map(BSON.encoded))),
                ("ordered", false),
            ])
            errors.merge(try writeErrors(of: reply, from: start)) { first, _ in first }
            start = end
        }
        return errors
    }

    /// A command is a document, and may have 16 MB; its other fields take next to nothing.
    private static let commandSizeInBytes = 12_000_000

    /// Performs update statements, each by itself.
    ///
    /// - Parameter atOnce: how many go in one command. Each command waits for the journal.
    /// - Returns: how many documents were changed, when that was so, and what was wrong, by the statement's place.
    func update(
        _ statements: [BSON], in collection: String, atOnce: Int = Self.statementsAtOnce
    ) throws -> (modified: Int64, time: UInt64, errors: [Int: MongoError]) {
        var (modified, time, errors) = (Int64(0), UInt64(0), [Int: MongoError]())
        for start in stride(from: 0, to: statements.count, by: atOnce) {
            let part = Array(statements[start..<min(start + atOnce, statements.count)])
            let reply = try write([
                ("update", .string(collection)), ("updates", .array(part)), ("ordered", false),
            ])
            modified += try reply.integer("nModified")
            time = reply.operationTime
            errors.merge(try writeErrors(of: reply, from: start)) { first, _ in first }
        }
        return (modified, time, errors)
    }

    /// A product's texts may take 170 kB, twice in a statement that changes them.
    static let statementsAtOnce = 32

    /// Changes one document and returns it as it is afterwards, and when; no document where none matches.
    ///
    /// - Parameters:
    ///   - variables: constants of a pipeline. What comes from outside needs a `$literal` there.
    ///   - isUpsert: whether it makes a document where none matches.
    ///   - timeLimit: after so long the server gives up, and the change may have happened: ``MongoError/timeLimit``.
    func findAndModify(
        _ collection: String, _ query: BSON, _ update: BSON, variables: BSON? = nil, isUpsert: Bool = false,
        timeLimit: Duration? = nil
    ) throws -> (document: BSONDocument?, time: UInt64) {
        let reply = try write(
            [
                ("findAndModify", .string(collection)), ("query", query), ("update", update), ("new", true),
                ("fields", ["terms": 0]), ("let", variables), ("upsert", isUpsert ? true : nil),
                ("maxTimeMS", timeLimit.map { .integer($0.milliseconds) }),
            ].compactMap { name, value in value.map { (name, $0) } })
        guard case .document(let document) = reply["value"] else { return (nil, reply.operationTime) }
        return (document, reply.operationTime)
    }

    /// A time of the cluster such that who reads what was so then has read every write that was acknowledged before: a
    /// primary that has been deposed never comes to that time. 0 on a standalone, which has one state only.
    func latestMoment() throws -> UInt64 {
        guard case .replicated = try pool.topology(of: self) else { return 0 }
        return try mark()
    }

    /// Makes everything durable that could be read here before: on a standalone by a journaled write, for the journal is
    /// one sequence. On a replica set a majority read saw only what is.
    func settleWhatWasRead() throws {
        // It may have been taken for a standalone then.
        if !history.hasReadUnconfirmed { guard case .standalone = try pool.topology(of: self) else { return } }
        _ = try mark()
    }

    /// Writes something that changes nothing, and returns when, by the cluster's time.
    private func mark() throws -> UInt64 {
        let hasWritten = history.hasWritten
        defer { history.hasWritten = hasWritten }
        let (_, time, errors) = try update(
            [["q": ["_id": "journal"], "u": ["$inc": ["writes": 1]], "upsert": true]], in: Collection.meta)
        // Two that make it at once: one of them has.
        for case let error in errors.values where error != .duplicateKey(index: "_id") { throw error }
        return time
    }

    /// The time by the server's clock, which also decides what has lasted long enough.
    func serverTime() throws -> Timestamp { try read("admin", [("hello", 1)]).time("localTime") }

    private func writeErrors(of reply: BSONDocument, from start: Int) throws -> [Int: MongoError] {
        var errors: [Int: MongoError] = [:]
        for error in reply.documents("writeErrors") {
            errors[start + Int(try error.integer("index"))] = .server(
                code: try error.integer("code"), pool.url.redacted(try error.optionalText("errmsg") ?? ""), error)
        }
        return errors
    }

    // MARK: Commands

    /// Runs a command that changes something.
    func write(_ command: [(String, BSON)]) throws -> BSONDocument {
        let reply = unsafe try run(pool.database, command, isWrite: true)
        if let error = MongoError(writeConcernOf: reply) { throw error }
        return reply
    }

    /// Runs a command that changes nothing.
    func read(_ database: String, _ command: [(String, BSON)]) throws -> BSONDocument {
        unsafe try run(database, command, isWrite: false)
    }

    private func run(
        _ database: String, _ command: [(String, BSON)], isWrite: Bool, under session: OpaquePointer? = nil
    ) throws -> BSONDocument {
        let command = BSONDocument(command)
        var result = unsafe inventory_result()
        unsafe command.bytes.withUnsafeBufferPointer { bytes in
            unsafe inventory_command(
                client, session, database, bytes.baseAddress, bytes.count, isWrite, &result)
        }
        defer { unsafe bson_free(result.reply) }
        let reply = BSONDocument(
            bytes: unsafe Array(UnsafeBufferPointer(start: result.reply, count: Int(result.length))))
        guard unsafe result.is_ok else {
            let message = unsafe withUnsafeBytes(of: &result.message) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            let error = MongoError(
                domain: unsafe result.domain, code: unsafe result.code, message: pool.url.redacted(message),
                reply: reply)
            switch error {
            case .unreachable(let detail):
                let explanation = unsafe clients.explanation(of: detail, by: client)
                throw history.unreachable(pool.unreachable(detail, explanation, by: clients))
            case .timeLimit where history.hasWritten: throw MongoError.unknown(error.detail)
            default: throw error
            }
        }
        if isWrite, reply.hasChanged { history.hasWritten = true }
        return reply
    }
}

extension BSONDocument {
    /// Whether a write's reply tells of a document that was written.
    fileprivate var hasChanged: Bool {
        if case .integer(let count) = self["n"] { return count > 0 }
        if case .document = self["value"] { return true }
        return false
    }

    /// When the cluster had done what the reply tells of; 0 on a standalone, which has no such time.
    var operationTime: UInt64 {
        if case .timestamp(let time) = self["operationTime"] { time } else { 0 }
    }
}
