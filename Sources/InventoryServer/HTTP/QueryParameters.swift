import InventoryKit

/// The parameters of a URI's query, read strictly: what is misspelt, doubled or malformed is told, all at once, and
/// never ignored, for a filter that is silently left out answers another question.
struct QueryParameters {
    private var values: [String: String] = [:]
    private var faults: [(parameter: String, detail: String)] = []

    /// The query without its cursor, as it was written: what a link to the next page begins with.
    let withoutCursor: String

    /// - Parameter known: the parameters that the route has.
    init(query: String?, known: Set<String>) {
        let parts = (query ?? "").split(separator: "&")
        withoutCursor = parts.filter { part in
            PercentEncoding.decode(part.prefix { $0 != "=" }, plusIsBlank: true) != "cursor"
        }.joined(separator: "&")
        for part in parts {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = PercentEncoding.decode(pair[0], plusIsBlank: true),
                let value = PercentEncoding.decode(pair.count == 2 ? pair[1] : "", plusIsBlank: true)
            else {
                fault(String(pair[0].prefix(64)), "must be percent-encoded UTF-8")
                continue
            }
            guard known.contains(name) else {
                fault(String(name.prefix(64)), "is not known here")
                continue
            }
            if values.updateValue(value, forKey: name) != nil { fault(name, "occurs more than once") }
        }
    }

    var names: Set<String> { Set(values.keys) }

    /// The value as `read` makes it of the text; a fault is noted, and there is no value.
    mutating func value<Value>(_ name: String, _ read: (String) throws(InvalidValue) -> Value) -> Value? {
        guard let text = values[name] else { return nil }
        do { return try read(text) } catch {
            fault(name, error.detail)
            return nil
        }
    }

    mutating func integer(_ name: String, in range: ClosedRange<Int64>) -> Int64? {
        value(name) { text throws(InvalidValue) in
            guard let value = Int64(text), range.contains(value), text.utf8.allSatisfy({ (0x30...0x39).contains($0) })
            else {
                throw InvalidValue("must be an integer from \(range.lowerBound) to \(range.upperBound)")
            }
            return value
        }
    }

    mutating func bool(_ name: String) -> Bool? {
        value(name) { text throws(InvalidValue) in
            guard text == "true" || text == "false" else { throw InvalidValue("must be true or false") }
            return text == "true"
        }
    }

    mutating func choice<Choice: RawRepresentable & CaseIterable>(_ name: String, _ type: Choice.Type) -> Choice?
    where Choice.RawValue == String {
        value(name) { text throws(InvalidValue) in
            guard let choice = Choice(rawValue: text) else {
                throw InvalidValue("must be one of \(Choice.allCases.map(\.rawValue).joined(separator: ", "))")
            }
            return choice
        }
    }

    mutating func fault(_ parameter: String, _ detail: String) {
        faults.append((parameter, detail))
    }

    /// - Throws: a ``Problem`` with everything that was found wrong.
    func finish() throws(Problem) {
        guard !faults.isEmpty else { return }
        let errors = faults.prefix(100).map { fault in
            JSON.object(["parameter": .string(fault.parameter), "detail": .string(fault.detail)])
        }
        throw Problem(
            .invalidParameters,
            faults.count == 1
                ? "One parameter is wrong; see errors." : "\(faults.count) parameters are wrong; see errors.",
            members: [("errors", .array(errors))]
        )
    }
}

/// Percent-encoding of URIs (RFC 3986, section 2.1).
enum PercentEncoding {
    /// The text behind an encoded one; nothing where an escape is malformed or the bytes are no UTF-8.
    static func decode(_ text: some StringProtocol, plusIsBlank: Bool = false) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8.makeIterator()
        while let byte = rest.next() {
            switch byte {
            case UInt8(ascii: "%"):
                guard let high = rest.next().flatMap(Hex.value), let low = rest.next().flatMap(Hex.value) else {
                    return nil
                }
                bytes.append(high << 4 | low)
            case UInt8(ascii: "+") where plusIsBlank: bytes.append(0x20)
            default: bytes.append(byte)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }
}
