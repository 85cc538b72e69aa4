import CMongoc
import Foundation
package import InventoryKit

/// Runs commands on a MongoDB server, as a person with a shell would: to look behind the store's back, and to put
/// things there that the store never would.
///
/// Each command gets a connection of its own and is sent once: libmongoc repeats nothing here.
package struct MongoShell: Sendable {
    /// Why a command did not do what it says.
    package struct Failure: Error, CustomStringConvertible {
        /// The server's code, such as 11000 for a duplicate key; libmongoc's own where the server said nothing.
        package let code: Int
        package let message: String

        /// Whether the server said so, rather than could not be asked.
        package let isFromServer: Bool

        package var description: String { "\(isFromServer ? "mongod" : "libmongoc") \(code): \(message)" }
    }

    /// The database that commands go to unless they name another.
    package let database: String
    private let url: String

    /// - Parameter url: with a database in its path; without one it is `test`.
    package init(url: String) {
        self.url = url
        let path = url.split(separator: "?", maxSplits: 1)[0].split(separator: "/", omittingEmptySubsequences: true)
        database = path.count > 2 ? String(path[2]) : "test"
    }

    /// Runs a command and returns the reply.
    ///
    /// - Parameters:
    ///   - command: extended JSON, the command's name first: `{"count": "products"}`.
    ///   - database: instead of the URL's own, such as `admin`.
    /// - Throws: ``Failure``, also where a reply that is `ok` says that a write was not done or is not known to be.
    @discardableResult
    package func run(_ command: String, on database: String? = nil) async throws -> JSON {
        let (url, database) = (url, database ?? self.database)
        return try await withCheckedThrowingContinuation { continuation in
            // libmongoc blocks, which nothing may do on the threads that Swift's tasks share.
            Thread.detachNewThread {
                continuation.resume(with: Result { try Self.run(command, on: database, url: url) })
            }
        }
    }

    private static let initialized: Void = mongoc_init()

    private static func run(_ command: String, on database: String, url: String) throws -> JSON {
        _ = initialized
        var error = bson_error_t()
        guard let address = mongoc_uri_new_with_error(url, &error) else { throw Failure(error) }
        defer { mongoc_uri_destroy(address) }
        guard let client = mongoc_client_new_from_uri(address) else {
            throw Failure(code: 0, message: "no client for \(url)", isFromServer: false)
        }
        defer { mongoc_client_destroy(client) }
        // So that the code of an error is the server's.
        mongoc_client_set_error_api(client, MONGOC_ERROR_API_VERSION_2)

        let text = Array(command.utf8)
        guard let request = bson_new_from_json(text, text.count, &error) else { throw Failure(error) }
        defer { bson_destroy(request) }
        // A `bson_t` wants an alignment that no variable of Swift has.
        let storage = UnsafeMutableRawPointer.allocate(byteCount: 128, alignment: 128)
        defer { storage.deallocate() }
        let reply = OpaquePointer(storage)
        let isOK = mongoc_client_command_simple(client, database, request, nil, reply, &error)
        defer { bson_destroy(reply) }
        guard isOK else { throw Failure(error) }
        guard let json = bson_as_relaxed_extended_json(reply, nil) else {
            throw Failure(code: 0, message: "the reply cannot be written as JSON", isFromServer: false)
        }
        defer { bson_free(json) }
        let document = try JSONDocument(parsing: Array(String(cString: json).utf8)).root
        if let failure = Failure(in: document) { throw failure }
        return document
    }
}

extension MongoShell.Failure {
    fileprivate init(_ error: bson_error_t) {
        code = Int(error.code)
        message = withUnsafeBytes(of: error.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        isFromServer =
            error.domain == MONGOC_ERROR_SERVER.rawValue || error.domain == MONGOC_ERROR_WRITE_CONCERN.rawValue
    }

    /// What a reply that is `ok` says of writes that were not done.
    fileprivate init?(in reply: JSON) {
        let error = reply["writeErrors"].items.first ?? reply["writeConcernError"]
        guard let code = error["code"].int else { return nil }
        self.code = Int(code)
        message = error["errmsg"].string ?? ""
        isFromServer = true
    }
}
