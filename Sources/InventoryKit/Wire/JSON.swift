/// A JSON document (RFC 8259) as a tree.
///
/// Why not `JSONDecoder`: it stops at the first error where a client is owed all of them, cannot see members that occur
/// twice, and reads integers through floating point. Integers are exact here.
package enum JSON: Hashable, Sendable {
    case null
    case bool(Bool)
    case integer(Int64)
    /// A number that is no 64-bit integer, as it was written.
    case number(String)
    case string(String)
    case array([JSON])
    case object([String: JSON])

    /// The value, or `null` where there is none.
    package static func optional(_ text: String?) -> JSON { text.map(JSON.string) ?? .null }

    /// The value, or `null` where there is none.
    package static func optional(_ integer: Int64?) -> JSON { integer.map(JSON.integer) ?? .null }

    /// The document without white space and with members in the order of their names, so that equal documents are
    /// equal bytes.
    package func encoded() -> [UInt8] {
        var writer = JSONWriter()
        writer.value(self)
        return writer.bytes
    }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral {
    package init(stringLiteral value: String) { self = .string(value) }
    package init(arrayLiteral elements: JSON...) { self = .array(elements) }
    package init(dictionaryLiteral elements: (String, JSON)...) {
        self = .object(Dictionary(elements) { _, last in last })
    }
}

// MARK: Reading values

extension JSON {
    /// - Throws: ``InvalidValue`` when it is no string.
    package func text() throws(InvalidValue) -> String {
        guard case .string(let text) = self else { throw InvalidValue("must be a string") }
        return text
    }

    /// - Throws: ``InvalidValue`` when it is no integer, or none that 64 bits hold.
    package func integer() throws(InvalidValue) -> Int64 {
        switch self {
        case .integer(let value): return value
        case .number: throw InvalidValue("must be an integer within ±\(Bounds.exactInteger)")
        default: throw InvalidValue("must be an integer")
        }
    }
}

// MARK: Looking into documents

/// For those who read what they are sent and need not say what is wrong with it.
extension JSON {
    /// A member of an object; `null` where there is none.
    package subscript(_ name: String) -> JSON {
        if case .object(let members) = self { members[name] ?? .null } else { .null }
    }

    /// An item of an array; `null` where there is none.
    package subscript(_ index: Int) -> JSON {
        if case .array(let items) = self, items.indices.contains(index) { items[index] } else { .null }
    }

    /// The items of an array; none of anything else.
    package var items: [JSON] { if case .array(let items) = self { items } else { [] } }

    package var string: String? { if case .string(let text) = self { text } else { nil } }

    package var int: Int64? { if case .integer(let value) = self { value } else { nil } }
}
