import NIOHTTP1

/// What is asked of a head before anybody works on its request.
extension HTTPRequestHead {
    /// What the parser lets pass and a proxy in front might read in another way.
    var fault: String? {
        var hosts = 0
        for (name, value) in headers where name.utf8.count == 4 && name.lowercased() == "host" {
            guard Self.isHost(value) else { return "The Host header is no host." }
            hosts += 1
        }
        if version.minor > 0, hosts != 1 { return "An HTTP/1.1 request has exactly one Host header." }
        let encodings = headers["transfer-encoding"]
        if !encodings.isEmpty, version.minor == 0 || encodings.map({ $0.lowercased() }) != ["chunked"] {
            return "Of transfer encodings, only chunked is understood, and in HTTP/1.1."
        }
        return nil
    }

    /// Whether it has only what a name, an address or a port can have (RFC 3986, 3.2).
    private static func isHost(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "."), UInt8(ascii: ":"): true
                default: "-_~[]%!$&'()*+;=".utf8.contains(byte)
                }
            }
    }

    /// A request without a body is complete with its head, so it needs no deadline.
    var announcesBody: Bool { headers.contains(name: "content-length") || headers.contains(name: "transfer-encoding") }

    /// Whether the parser takes all that follows for another protocol's. Nobody here speaks one, so the request is answered
    /// as if that had not been said (RFC 9110, 7.8), and the connection ends where nothing more would be heard.
    var asksForUpgrade: Bool {
        guard method != .CONNECT else { return true }
        return headers.contains(name: "upgrade")
            && headers[canonicalForm: "connection"].contains { $0.lowercased() == "upgrade" }
    }
}
