import Crypto

/// A place in a list, as a client carries it from page to page: opaque, and good only for the list it was made for.
package struct Cursor: Hashable, Sendable {
    package let keyset: Keyset

    /// A digest of what was listed, in which order: a cursor does not fit another question.
    private let list: String

    /// - Parameter list: everything that makes the list this one and no other: filters and sort.
    package init(_ keyset: Keyset, list: [String]) {
        self.keyset = keyset
        self.list = Self.digest(of: list)
    }

    /// Reads a cursor that a client has brought back.
    ///
    /// - Throws: ``InvalidValue`` when it was not made here, or for another list.
    package init(_ text: String, list: [String]) throws(InvalidValue) {
        guard text.utf8.count <= 8_192, let bytes = Hex.decode(text), let document = try? JSONDocument(parsing: bytes),
            case .array(let parts) = document.root, parts.count == 3,
            case .string(let digest) = parts[0], case .string(let id) = parts[2]
        else { throw InvalidValue("must be a next_cursor of this list, unchanged") }
        switch parts[1] {
        case .string(let value): keyset = Keyset(value: .text(value), id: id)
        case .integer(let value): keyset = Keyset(value: .integer(value), id: id)
        default: throw InvalidValue("must be a next_cursor of this list, unchanged")
        }
        guard digest == Self.digest(of: list) else {
            throw InvalidValue("belongs to a list with other filters or another sort; begin that list without a cursor")
        }
        self.list = digest
    }

    package var text: String {
        let value: JSON =
            switch keyset.value {
            case .text(let text): .string(text)
            case .integer(let integer): .integer(integer)
            }
        return Hex.encode(JSON.array([.string(list), value, .string(keyset.id)]).encoded())
    }

    private static func digest(of list: [String]) -> String {
        Hex.encode(SHA256.hash(data: JSON.array(list.map(JSON.string)).encoded()).prefix(6))
    }
}
