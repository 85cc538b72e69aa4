import FoundationEssentials

/// Which release this is. The daemon and its tool are released together.
package enum Release {
    package static let version = "0.1.0"
}

/// What both ends of the admin channel agree on: HTTP/1.1 with JSON on a Unix socket. The REST API is there under its own
/// paths, and what only operators may ask under ``root``.
package enum AdminProtocol {
    /// Raised with every change that an older other side could not understand.
    package static let revision = 1

    package static let root = "/admin/v1"

    /// Tells on every answer which release speaks, as `0.1.0; revision=1`.
    package static let releaseField = "Inventoryd-Release"
    package static var release: String { "\(Release.version); revision=\(revision)" }

    /// What a tool says it was told to do, for the log. No secrets.
    package static let commandField = "Invctl-Command"

    /// The only hosts a request may name: a browser that was tricked into calling names another.
    package static let hosts: Set<String> = ["inventoryd", "localhost"]

    /// A message as JSON text.
    ///
    /// - Throws: `EncodingError` where a figure is none.
    package static func encode(_ message: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(message))
    }

    /// A message out of JSON text. Members that are not known here are left out: a later release may have more to say.
    ///
    /// - Throws: `DecodingError` where it is no such message.
    package static func decode<Message: Decodable>(_ type: Message.Type, from text: [UInt8]) throws -> Message {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(type, from: Data(text))
    }
}

/// Where the admin socket is when nobody says otherwise.
package enum AdminSocketPlace {
    /// What a socket's address holds, in bytes (`sockaddr_un` of Linux).
    package static let pathLimit = 107

    /// The places in the order in which they are tried.
    package static func defaults(environment: [String: String], userID: UInt32) -> [String] {
        func directory(_ name: String) -> String? { environment[name].flatMap { $0.hasPrefix("/") ? $0 : nil } }
        let runtime = directory("XDG_RUNTIME_DIR").map { $0 + "/inventoryd/admin.sock" }
        let own = "/tmp/inventoryd-\(userID)/admin.sock"
        return ["/run/inventoryd/admin.sock"] + [runtime, own].compactMap(\.self)
    }
}
