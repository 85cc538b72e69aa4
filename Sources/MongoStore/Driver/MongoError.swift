import CMongoc

/// What can come of a command besides an answer. The one place where libmongoc's domains and codes are read.
enum MongoError: Error, Sendable, Equatable {
    /// No server could be asked: nothing has been sent.
    case unreachable(String)
    /// It was sent, and may or may not have happened: the connection broke, time ran out, a primary stepped down, or a
    /// write is not known to be on a majority.
    case unknown(String)
    /// A unique index refuses it.
    case duplicateKey(index: String)
    /// The time that the server was given for a read ran out: there is too much to look at, or the server is slow.
    case timeLimit
    /// The server refuses it, and will again.
    case refused(code: Int64, String)
    /// A reply that makes no sense.
    case damaged(String)

    /// In words, for operators.
    var detail: String {
        switch self {
        case .unreachable(let detail), .unknown(let detail), .damaged(let detail): detail
        case .refused(let code, let detail): "\(detail) (code \(code))"
        case .duplicateKey(let index): "duplicate key in the index on \(index)"
        case .timeLimit: "the time limit was exceeded"
        }
    }

    /// Whether to try again makes sense.
    var isTransient: Bool {
        switch self {
        case .unreachable, .unknown, .timeLimit: true
        default: false
        }
    }

    /// Reads a failed command.
    init(domain: UInt32, code: UInt32, message: String, reply: BSONDocument) {
        let isServers = [MONGOC_ERROR_SERVER.rawValue, MONGOC_ERROR_QUERY.rawValue].contains(domain)
        switch domain {
        case MONGOC_ERROR_SERVER_SELECTION.rawValue: self = .unreachable(message)
        case MONGOC_ERROR_CLIENT.rawValue where code == MONGOC_ERROR_CLIENT_AUTHENTICATE.rawValue:
            self = .unreachable(message)
        case MONGOC_ERROR_BSON.rawValue, MONGOC_ERROR_COMMAND.rawValue, MONGOC_ERROR_CLIENT.rawValue:
            self = .refused(code: Int64(code), message)
        case _ where isServers: self = Self.server(code: Int64(code), message, reply)
        // Streams, sockets, the protocol, write concerns: it may have happened.
        default: self = .unknown(message)
        }
    }

    /// Reads what the server says of a write of several documents that succeeded as a command: the write concern first,
    /// for where that is not fulfilled nothing is known. Errors of single documents are the caller's.
    init?(writeConcernOf reply: BSONDocument) {
        guard case .document(let error) = reply["writeConcernError"] else { return nil }
        self = .unknown((try? error.optionalText("errmsg")) ?? "write concern not fulfilled")
    }

    /// Reads an error of a server by its code.
    static func server(code: Int64, _ message: String, _ document: BSONDocument) -> MongoError {
        switch code {
        case 11_000:
            // The pattern tells the index by its first field, which is all we need to tell ours apart.
            guard case .document(let pattern) = document["keyPattern"], let first = pattern.fields.first else {
                return .duplicateKey(index: message.contains("_id_") ? "_id" : "")
            }
            return .duplicateKey(index: first.name)
        case 50: return .timeLimit
        case _ where transientCodes.contains(code): return .unknown(message)
        default: return .refused(code: code, message)
        }
    }

    /// Where a primary goes, stops or is cut off. From the specification of retryable writes
    /// (https://github.com/mongodb/specifications, retryable-writes), and 112 (a write conflict), 133 (no server fits a
    /// read preference), 134 and 189 (a read concern cannot be served yet, or a primary has stepped down), 246 and 251
    /// (a snapshot or transaction that is gone).
    private static let transientCodes: Set<Int64> = [
        6, 7, 64, 89, 91, 112, 133, 134, 189, 246, 251, 262, 9001, 10_058, 10_107, 11_600, 11_602, 13_435, 13_436,
    ]
}
