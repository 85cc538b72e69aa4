import NIOCore

/// Where Redis is, and how it is spoken to.
///
/// - `redis://[[user]:password@]host[:port][/db]`; an address of IPv6 stands in brackets
/// - `rediss://…`, the same over TLS, where the certificate must be good for the host; `?ca=/path.pem` names the
///   authority that must have signed it, instead of those that the system trusts
/// - `unix:///path/to.sock[?db=1]` or `redis+unix://…`, with `[user]:password@` before the path
///
/// User, password and paths are percent-encoded.
package struct RedisURL: Sendable, Equatable {
    enum Endpoint: Sendable, Equatable {
        case tcp(host: String, port: Int)
        case unix(path: String)
    }

    let endpoint: Endpoint
    let isEncrypted: Bool
    let user: String?
    let password: String?
    let database: Int
    /// A file of certificates in PEM.
    let authorities: String?

    /// Host or path and database, for logs: nothing in it is secret.
    package let display: String

    /// - Throws: ``RedisURLError``, which does not repeat what was given.
    package init(_ text: String) throws(RedisURLError) {
        guard text.utf8.count <= 4_096 else { throw RedisURLError("is longer than 4096 bytes") }
        guard let (scheme, rest) = Self.split(text, at: "://") else { throw Self.wrongScheme }
        let isUnix = scheme == "unix" || scheme == "redis+unix"
        guard isUnix || scheme == "redis" || scheme == "rediss" else { throw Self.wrongScheme }
        isEncrypted = scheme == "rediss"
        guard !rest.contains("#") else { throw RedisURLError("must have # in it percent-encoded, as %23") }

        let (location, query) = Self.split(rest, at: "?") ?? (rest, "")
        let (authority, path) = Self.splitPath(location)
        guard !path.contains("@"), !query.contains("@") else {
            throw RedisURLError(
                "must have user name and password percent-encoded: one of them holds a character such as @ : / ? # [ ] %"
            )
        }
        let options = try Self.options(query)
        let (credentials, place) = Self.splitLast(authority, at: "@") ?? ("", authority)
        (user, password) = try Self.credentials(credentials, areThere: authority.contains("@"))

        if isUnix {
            guard place.isEmpty, path.count > 1 else {
                throw RedisURLError("must name the socket by its whole path: unix:///run/redis/redis.sock")
            }
            guard let decoded = Self.decoded(path) else { throw Self.badPercent("its path") }
            guard (try? SocketAddress(unixDomainSocketPath: decoded)) != nil else {
                throw RedisURLError("names a path that is too long for a Unix socket; about 100 bytes are possible")
            }
            endpoint = .unix(path: decoded)
            database = try Self.database(options["db"] ?? "")
        } else {
            guard options["db"] == nil else {
                throw RedisURLError("must have its database number after the port: redis://host:6379/1")
            }
            endpoint = try Self.hostAndPort(place)
            database = try Self.database(path.dropFirst())
        }
        authorities = try Self.authorities(options["ca"], isEncrypted: isEncrypted)
        display = Self.display(endpoint, isEncrypted: isEncrypted, database: database)
    }

    /// A message without the password.
    func redacted(_ message: String) -> String {
        guard let password, !password.isEmpty else { return message }
        return message.replacing(password, with: "***")
    }

    private static func display(_ endpoint: Endpoint, isEncrypted: Bool, database: Int) -> String {
        switch endpoint {
        case .tcp(let host, let port):
            let name = host.contains(":") ? "[\(host)]" : host
            return "\(isEncrypted ? "rediss" : "redis")://\(name):\(port)/\(database)"
        case .unix(let path): return "unix://\(path)?db=\(database)"
        }
    }
}

// Its parts.
extension RedisURL {
    private static let databaseMax = 65_535
    private static let wrongScheme = RedisURLError("must begin with redis://, rediss:// or unix://")

    private static func badPercent(_ what: String) -> RedisURLError {
        RedisURLError(
            "has a percent sign in \(what) that two hexadecimal digits do not follow, or bytes that are no UTF-8")
    }

    private static func split(_ text: some StringProtocol, at mark: String) -> (Substring, Substring)? {
        guard let range = text.firstRange(of: mark) else { return nil }
        return (Substring(text[..<range.lowerBound]), Substring(text[range.upperBound...]))
    }

    private static func splitLast(_ text: Substring, at mark: Character) -> (Substring, Substring)? {
        guard let place = text.lastIndex(of: mark) else { return nil }
        return (text[..<place], text[text.index(after: place)...])
    }

    private static func splitPath(_ location: Substring) -> (authority: Substring, path: Substring) {
        let slash = location.firstIndex(of: "/") ?? location.endIndex
        return (location[..<slash], location[slash...])
    }

    private static func credentials(
        _ text: Substring, areThere: Bool
    ) throws(RedisURLError) -> (user: String?, password: String?) {
        guard areThere else { return (nil, nil) }
        guard !text.contains("@"), let (user, password) = split(text, at: ":"), !password.isEmpty else {
            throw RedisURLError("must have user and password as user:password@, or :password@ for the default user")
        }
        let permitted = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$&'()*+,;=%")
        guard user.allSatisfy(permitted.contains), password.allSatisfy(permitted.contains) else {
            throw RedisURLError(
                "must have user name and password percent-encoded: one of them holds a character such as @ : / ? # [ ] %"
            )
        }
        guard let decodedUser = decoded(user), let decodedPassword = decoded(password) else {
            throw badPercent("user name or password")
        }
        return (decodedUser.isEmpty ? nil : decodedUser, decodedPassword)
    }

    private static func hostAndPort(_ text: Substring) throws(RedisURLError) -> Endpoint {
        let host: Substring
        let port: Substring?
        if text.hasPrefix("[") {
            guard let (address, rest) = split(text.dropFirst(), at: "]"), rest.isEmpty || rest.hasPrefix(":"),
                (try? SocketAddress(ipAddress: String(address), port: 0)) != nil, address.contains(":")
            else { throw RedisURLError("must have an address of IPv6 in brackets: redis://[::1]:6379") }
            (host, port) = (address, rest.isEmpty ? nil : rest.dropFirst())
        } else {
            let parts = text.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count <= 2 else {
                throw RedisURLError("must have an address of IPv6 in brackets: redis://[::1]:6379")
            }
            (host, port) = (parts.first ?? "", parts.count == 2 ? parts[1] : nil)
            let permitted = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._")
            guard !host.isEmpty, host.utf8.count <= 253, host.allSatisfy(permitted.contains) else {
                throw RedisURLError("must name a host: redis://host:6379")
            }
        }
        guard let port else { return .tcp(host: String(host), port: 6_379) }
        guard let number = number(port, in: 1...65_535) else {
            throw RedisURLError("must have a port between 1 and 65535 after the colon, or none, which means 6379")
        }
        return .tcp(host: String(host), port: number)
    }

    private static func database(_ text: Substring) throws(RedisURLError) -> Int {
        guard !text.isEmpty else { return 0 }
        guard let number = number(text, in: 0...databaseMax) else {
            throw RedisURLError("must have a database number between 0 and \(databaseMax)")
        }
        return number
    }

    private static func number(_ text: Substring, in range: ClosedRange<Int>) -> Int? {
        guard (1...5).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let number = Int(text), range.contains(number)
        else { return nil }
        return number
    }

    private static func options(_ query: Substring) throws(RedisURLError) -> [Substring: Substring] {
        var options: [Substring: Substring] = [:]
        for item in query.split(separator: "&") {
            guard let (name, value) = split(item, at: "="), name == "db" || name == "ca", options[name] == nil else {
                throw RedisURLError("knows only the options ?db=… for a Unix socket and ?ca=… for rediss://, each once")
            }
            options[name] = value
        }
        return options
    }

    private static func authorities(_ text: Substring?, isEncrypted: Bool) throws(RedisURLError) -> String? {
        guard let text else { return nil }
        guard isEncrypted else { throw RedisURLError("has a ca, which is only of use with rediss://") }
        guard let path = decoded(text) else { throw badPercent("the path of its ca") }
        guard path.hasPrefix("/") else { throw RedisURLError("must name its ca by the whole path of a file") }
        return path
    }

    private static func decoded(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(hexadecimal), let low = rest.popFirst().flatMap(hexadecimal),
                high | low != 0
            else { return nil }
            bytes.append(high << 4 | low)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func hexadecimal(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}

/// Why a URL is none. It does not repeat what was given.
package struct RedisURLError: Error, Equatable, CustomStringConvertible {
    package let description: String

    init(_ description: String) {
        self.description = description
    }
}
