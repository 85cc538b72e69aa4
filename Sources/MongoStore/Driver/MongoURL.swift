import CMongoc

/// Where MongoDB is, and how it is spoken to: a URI as libmongoc takes it, checked.
///
/// What it says of hosts, TLS, authentication, compression and time-outs holds. What it says of read preference and of
/// read and write concern does not: those are what the guarantees rest on, so they are this program's.
package struct MongoURL: Sendable, Equatable {
    /// The URI as it was given, with its secrets.
    let text: String

    /// The database that its path names, else `inventory`.
    package let database: String

    /// Hosts and database, for logs: nothing in it is secret.
    package let display: String

    /// What libmongoc takes no notice of in it: options that it has not, values that it cannot use.
    package let warnings: [String]

    /// What must not appear in any message.
    private let secrets: [String]

    /// - Throws: ``MongoURLError``, which does not repeat what was given.
    package init(_ text: String) throws(MongoURLError) {
        // What libmongoc says of a mistake goes to a log, and not past us to standard error.
        MongoLog.start()
        guard text.utf8.count <= 8_192,
            case (let parsed, let messages) = unsafe MongoLog.messages(during: { unsafe mongoc_uri_new(text) }),
            let uri = unsafe parsed
        else {
            // libmongoc's own message may repeat a part of it.
            throw MongoURLError(
                text.hasPrefix("mongodb:") || text.hasPrefix("mongodb+srv:")
                    ? "has a mistake in it; see the manual of MongoDB's connection strings"
                    : "must begin with mongodb:// or mongodb+srv://")
        }
        defer { unsafe mongoc_uri_destroy(uri) }
        // libmongoc takes some of these, and then sees a host in what is a part of a password.
        guard Self.isWellWritten(text) else {
            throw MongoURLError(
                "must have user name and password percent-encoded: one of them holds a character such as @ : / ? # [ ] , %"
            )
        }
        self.text = text
        database = unsafe mongoc_uri_get_database(uri).map { unsafe String(cString: $0) } ?? "inventory"
        var secrets: [String] = []
        if let password = unsafe mongoc_uri_get_password(uri) { unsafe secrets.append(String(cString: password)) }
        // As it stands in the text, which may be spelt with percent signs; and everything before the hosts.
        if let at = text.lastIndex(of: "@"), let scheme = text.firstRange(of: "://"), scheme.upperBound < at {
            let credentials = text[scheme.upperBound..<at]
            secrets.append(String(credentials))
            if let colon = credentials.firstIndex(of: ":") {
                secrets.append(String(credentials[credentials.index(after: colon)...]))
            }
        }
        if let file = unsafe mongoc_uri_get_option_as_utf8(uri, "tlscertificatekeyfilepassword", nil) {
            unsafe secrets.append(String(cString: file))
        }
        let longestFirst = secrets.filter { !$0.isEmpty }.sorted { $0.utf8.count > $1.utf8.count }
        self.secrets = longestFirst
        warnings = messages.map { Self.redacted($0, longestFirst) }
        display = "\(Self.hosts(of: text))/\(database)"
    }

    /// Whether user name and password have no character that would have to be percent-encoded (RFC 3986, userinfo).
    private static func isWellWritten(_ text: String) -> Bool {
        guard let scheme = text.firstRange(of: "://"), let at = text.lastIndex(of: "@") else { return true }
        guard scheme.upperBound <= at else { return false }
        let parts = text[scheme.upperBound..<at].split(separator: ":", omittingEmptySubsequences: false)
        let permitted = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$&'()*+;=%")
        return parts.count <= 2 && parts.allSatisfy { $0.allSatisfy(permitted.contains) }
    }

    private static func hosts(of text: String) -> String {
        let rest = text.firstRange(of: "://").map { text[$0.upperBound...] } ?? text[...]
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        return String(authority.split(separator: "@").last ?? "")
    }

    /// A message without the URI's secrets.
    func redacted(_ message: String) -> String { Self.redacted(message, secrets) }

    private static func redacted(_ message: String, _ secrets: [String]) -> String {
        secrets.reduce(message) { $0.replacing($1, with: "***") }
    }

    /// Opens a pool of connections; `nil` where the name of a `mongodb+srv://` URI does not resolve, or libmongoc was
    /// built without what the URI asks for.
    func openPool(size: Int, timeout: Duration) -> (pool: OpaquePointer?, error: String) {
        var error = bson_error_t()
        guard let uri = unsafe mongoc_uri_new(text) else { return (nil, "the URI cannot be read") }
        defer { unsafe mongoc_uri_destroy(uri) }
        let milliseconds = Int32(clamping: timeout.milliseconds)
        // A request waits for its deadline at most; a connection that says nothing for so long is given up.
        for (option, value) in [
            ("sockettimeoutms", milliseconds), ("serverselectiontimeoutms", max(1, milliseconds / 2)),
            ("connecttimeoutms", max(1, milliseconds / 2)),
        ] where !(unsafe mongoc_uri_has_option(uri, option)) {
            unsafe mongoc_uri_set_option_as_int32(uri, option, value)
        }
        unsafe mongoc_uri_set_option_as_int32(uri, "maxpoolsize", Int32(clamping: size))
        if unsafe mongoc_uri_get_appname(uri) == nil { unsafe mongoc_uri_set_appname(uri, "inventoryd") }

        let writeConcern = unsafe mongoc_write_concern_new()
        defer { unsafe mongoc_write_concern_destroy(writeConcern) }
        unsafe mongoc_write_concern_set_wmajority(writeConcern, 0)
        unsafe mongoc_write_concern_set_journal(writeConcern, true)
        unsafe mongoc_uri_set_write_concern(uri, writeConcern)
        let readConcern = unsafe mongoc_read_concern_new()
        defer { unsafe mongoc_read_concern_destroy(readConcern) }
        unsafe mongoc_uri_set_read_concern(uri, readConcern)

        let pool = unsafe mongoc_client_pool_new_with_error(uri, &error)
        if let pool = unsafe pool { unsafe mongoc_client_pool_set_error_api(pool, MONGOC_ERROR_API_VERSION_2) }
        return unsafe (pool, redacted(error.text))
    }
}

/// Why a URI is none.
package struct MongoURLError: Error, CustomStringConvertible {
    package let description: String

    init(_ description: String) {
        self.description = description
    }
}

extension bson_error_t {
    var text: String {
        var message = self.message
        return unsafe withUnsafeBytes(of: &message) { bytes in
            unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }
}

extension Duration {
    var milliseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1_000 + attoseconds / 1_000_000_000_000_000
    }
}
