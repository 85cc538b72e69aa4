import ArgumentParser
import InventoryKit

/// A number of units, or none.
enum Units: ExpressibleByArgument {
    case none
    case count(Int64)

    init?(argument: String) {
        if argument == "none" {
            self = .none
        } else {
            guard let count = Int64(argument) else { return nil }
            self = .count(count)
        }
    }

    var json: JSON { if case .count(let count) = self { .integer(count) } else { .null } }
}

/// `NAME=VALUE`.
struct AttributeOption: ExpressibleByArgument {
    let name: String
    let value: String

    init?(argument: String) {
        guard let equals = argument.firstIndex(of: "="), equals > argument.startIndex else { return nil }
        name = String(argument[..<equals])
        value = String(argument[argument.index(after: equals)...])
    }

    /// - Returns: nothing where none is named.
    static func json(_ options: [AttributeOption], gone: [String] = []) -> JSON? {
        guard !options.isEmpty || !gone.isEmpty else { return nil }
        var members: [String: JSON] = [:]
        for name in gone { members[name] = .null }
        for option in options { members[option.name] = .string(option.value) }
        return .object(members)
    }
}
