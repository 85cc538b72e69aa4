import Crypto

/// A place in a list, as a client carries it from page to page: opaque, and good only for the list it was made for.
package struct Cursor: Hashable, Sendable {
    package let keyset: Keyset

    /// A digest of the place and of what was listed, in which order: a cursor does not fit another question, and one
    /// that was changed on the way fits none.
    private let digest: String

    /// - Parameter list: everything that makes the list this one and no other: filters and sort.
    package init(_ keyset: Keyset, list: [String]) {
        self.keyset = keyset
        digest = Self.digest(of: keyset, in: list)
    }

    /// Reads a cursor that a client has brought back.
    ///
    /// - Throws: ``InvalidValue`` when it was not made here, or for another list.
    package init(_ text: String, list: [String]) throws(InvalidValue) {
        guard text.utf8.count <= 8_192, let bytes = Hex.decode(text), let document = try? JSONDocument(parsing: bytes),
            case .array(let parts) = document.root, parts.count == 3,
            case .string(let digest) = parts[0], case .string(let id) = parts[2]
        else { throw Self.foreign }
        switch parts[1] {
        case .string(let value): keyset = Keyset(value: .text(value), id: id)
        case .integer(let value): keyset = Keyset(value: .integer(value), id: id)
        default: throw Self.foreign
        }
        guard digest == Self.digest(of: keyset, in: list) else { throw Self.foreign }
        self.digest = digest
    }

    private static var foreign: InvalidValue {
        InvalidValue("must be the next_cursor of this list, with the same filters and sort, unchanged")
    }

    package var text: String {
        Hex.encode(JSON.array([.string(digest), keyset.value.json, .string(keyset.id)]).encoded())
    }

    private static func digest(of keyset: Keyset, in list: [String]) -> String {
        let content = JSON.array([.array(list.map(JSON.string)), keyset.value.json, .string(keyset.id)])
        return Hex.encode(SHA256.hash(data: content.encoded()).prefix(8))
    }
}

extension Keyset.Value {
    fileprivate var json: JSON {
        switch self {
        case .text(let text): .string(text)
        case .integer(let integer): .integer(integer)
        }
    }
}
