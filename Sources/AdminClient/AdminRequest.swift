package import InventoryKit

/// A request to the daemon.
package struct AdminRequest: Sendable {
    package enum Method: String, Sendable {
        case get = "GET"
        case post = "POST"
        case put = "PUT"
        case patch = "PATCH"
        case delete = "DELETE"
    }

    package var method: Method

    /// With its query, percent-encoded.
    package var path: String
    package var headers: [(name: String, value: String)] = []
    package var body: [UInt8]?

    package init(_ method: Method, _ path: String, query: [(name: String, value: String?)] = []) {
        self.method = method
        let parameters = query.compactMap { name, value in value.map { "\(name)=\(Self.encode($0))" } }
        self.path = parameters.isEmpty ? path : "\(path)?\(parameters.joined(separator: "&"))"
    }

    /// The same request with a JSON body.
    package func with(_ document: JSON, as type: String = "application/json") -> AdminRequest {
        var request = self
        request.body = document.encoded()
        request.headers.append(("Content-Type", type))
        return request
    }

    package func with(_ name: String, _ value: String?) -> AdminRequest {
        guard let value else { return self }
        var request = self
        request.headers.append((name, value))
        return request
    }

    /// A component of a path or of a query (RFC 3986, unreserved characters stay).
    package static func encode(_ text: String) -> String {
        var encoded = ""
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                encoded.unicodeScalars.append(Unicode.Scalar(byte))
            default: encoded += "%" + Hex.encode(CollectionOfOne(byte)).uppercased()
            }
        }
        return encoded
    }
}

/// An answer that went well.
package struct AdminAnswer: Sendable {
    package let status: Int
    package let body: [UInt8]

    /// By name in lower case.
    package let headers: [String: String]

    /// Whether it was given before, to the same request under the same key.
    package var isReplayed: Bool { headers["idempotent-replayed"] == "true" }

    /// - Throws: ``AdminError/foreign(_:)`` when it is no JSON.
    package func json() throws(AdminError) -> JSON {
        do { return try JSONDocument(parsing: body).root } catch {
            throw .foreign("its answer is no JSON (\(error.detail))")
        }
    }

    /// - Throws: ``AdminError/foreign(_:)`` when it is another message.
    package func message<Message: Decodable>(_ type: Message.Type) throws(AdminError) -> Message {
        do { return try AdminProtocol.decode(type, from: body) } catch { throw .foreign("its answer is no \(type)") }
    }
}
