import InventoryKit
import InventoryServer

/// Reads the texts of settings, strictly: what is malformed is an error, never the default.
enum Text {
    static func notBlank(_ text: String) throws(SettingError) -> String {
        guard text.contains(where: { !$0.isWhitespace }) else { throw SettingError("must not be blank") }
        return text
    }

    static func integer(_ text: String, in range: ClosedRange<Int>) throws(SettingError) -> Int {
        guard let value = Int(text), range.contains(value) else {
            throw SettingError("must be an integer from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    /// A number, or nothing for `0` and `off`.
    static func limit(_ text: String, upTo most: Int) throws(SettingError) -> Int? {
        if text == "off" || text == "0" { return nil }
        guard let value = Int(text), (1...most).contains(value) else {
            throw SettingError("must be an integer from 1 to \(most), or 0 or off for no limit")
        }
        return value
    }

    static func bool(_ text: String) throws(SettingError) -> Bool {
        switch text {
        case "true": true
        case "false": false
        default: throw SettingError("must be true or false")
        }
    }

    static func choice<Choice: RawRepresentable & CaseIterable>(
        _ text: String, _ type: Choice.Type
    ) throws(SettingError) -> Choice where Choice.RawValue == String {
        guard let choice = Choice(rawValue: text) else {
            throw SettingError("must be one of \(Choice.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return choice
    }

    /// `250ms`, `60s`, `5m`, `1h`: up to a day.
    static func duration(_ text: String) throws(SettingError) -> Duration {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let units: [String: Int64] = ["ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000]
        guard let count = Int64(digits), let unit = units[String(text.dropFirst(digits.count))],
            (1...86_400_000).contains(count), count * unit <= 86_400_000
        else { throw SettingError("must be a number with a unit (ms, s, m or h), such as 60s, up to 24h") }
        return .milliseconds(count * unit)
    }

    /// `1000/s:2000`, or `off`.
    static func rate(_ text: String) throws(SettingError) -> RatePolicy? {
        if text == "off" { return nil }
        do { return try RatePolicy(text) } catch { throw SettingError(error.detail) }
    }

    /// `127.0.0.1:9090`, `[::]:9090`.
    static func address(_ text: String) throws(SettingError) -> APIServer.Address {
        let fault = SettingError("must be an address and a port, such as 127.0.0.1:9090 or [::]:9090")
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
            (0...65_535).contains(port)
        else { throw fault }
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = String(host.dropFirst().dropLast())
        } else if host.contains(":") {
            throw fault
        }
        guard !host.isEmpty, !host.contains("/") else { throw fault }
        return APIServer.Address(host: host, port: port)
    }

    static func ranges(_ text: String) throws(SettingError) -> [AddressRange] {
        let parts = text.split(separator: ",").map { $0.filter { !$0.isWhitespace } }.filter { !$0.isEmpty }
        guard parts.count <= 64 else { throw SettingError("must be at most 64 ranges") }
        do { return try parts.map { part throws(InvalidValue) in try AddressRange(part) } } catch {
            throw SettingError(error.detail)
        }
    }

    static func origins(_ text: String) throws(SettingError) -> [String] {
        let origins = text.split(separator: ",").map { $0.filter { !$0.isWhitespace } }.filter { !$0.isEmpty }
        for origin in origins where origin != "*" {
            let rest = ["https://", "http://"].first(where: origin.hasPrefix).map { origin.dropFirst($0.count) }
            guard let rest, !rest.isEmpty, !rest.contains("/") else {
                throw SettingError("must be origins such as https://shop.example, without a path, separated by commas")
            }
        }
        return origins
    }
}
