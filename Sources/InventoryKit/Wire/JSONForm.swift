/// Reads an object member by member and collects everything that is wrong with it, so that a client is told all at
/// once. A member that nobody asked for is a fault too: a misspelt name must not be silently ignored.
package struct JSONForm {
    /// What a member that is absent, or `null`, means.
    package enum Presence {
        case required
        /// Absent and `null` both mean that there is no value.
        case optional
    }

    package private(set) var faults: [Fault]
    package let pointer: String
    private let members: [String: JSON]
    private var known: Set<String> = []

    /// Reads a document with `read`.
    ///
    /// - Throws: ``InventoryError/invalid(_:)`` with every fault found.
    package static func read<Value>(
        _ document: JSONDocument, _ read: (inout JSONForm) -> Value?
    ) throws(InventoryError) -> Value {
        guard case .object(let members) = document.root else {
            throw .invalid([Fault(at: "", "must be a JSON object")])
        }
        var form = JSONForm(members: members, pointer: "", faults: document.doubledMembers)
        let value = read(&form)
        form.rejectUnknownMembers()
        guard form.faults.isEmpty, let value else {
            // The answer stays small however much is wrong.
            throw .invalid(Array(form.faults.prefix(100)))
        }
        return value
    }

    private init(members: [String: JSON], pointer: String, faults: [Fault] = []) {
        self.members = members
        self.pointer = pointer
        self.faults = faults
    }

    /// Reads one member; a fault is noted, and there is no value.
    package mutating func value<Value>(
        _ name: String, _ presence: Presence, _ read: (JSON) throws(InvalidValue) -> Value
    ) -> Value? {
        known.insert(name)
        guard let json = members[name], json != .null else {
            if presence == .required { fault(at: name, "is required") }
            return nil
        }
        do { return try read(json) } catch {
            fault(at: name, error.detail)
            return nil
        }
    }

    /// Reads one member of a merge patch: `nil` where it is absent, a value or none where it is to be set or removed.
    package mutating func patch<Value>(
        _ name: String, _ read: (JSON) throws(InvalidValue) -> Value
    ) -> Value?? {
        known.insert(name)
        guard let json = members[name] else { return nil }
        guard json != .null else { return .some(nil) }
        do { return .some(try read(json)) } catch {
            fault(at: name, error.detail)
            return nil
        }
    }

    /// Reads a member that is an object.
    package mutating func object<Value>(
        _ name: String, _ presence: Presence, _ read: (inout JSONForm) -> Value?
    ) -> Value? {
        known.insert(name)
        switch members[name] {
        case .object(let members):
            var form = JSONForm(members: members, pointer: pointer(to: name))
            let value = read(&form)
            form.rejectUnknownMembers()
            faults += form.faults
            return form.faults.isEmpty ? value : nil
        case nil, .null:
            if presence == .required { fault(at: name, "is required") }
        default:
            fault(at: name, "must be an object")
        }
        return nil
    }

    /// All members, for an object that is a map.
    package mutating func entries() -> [String: JSON] {
        known.formUnion(members.keys)
        return members
    }

    /// Notes members that may be there but say nothing here.
    package mutating func ignore(_ names: String...) {
        known.formUnion(names)
    }

    package func has(_ name: String) -> Bool { members[name] != nil }

    package func isNull(_ name: String) -> Bool { members[name] == .null }

    package mutating func fault(at name: String, _ detail: String) {
        faults.append(Fault(at: pointer(to: name), detail))
    }

    /// Notes a fault of the object as a whole.
    package mutating func faultHere(_ detail: String) {
        faults.append(Fault(at: pointer, detail))
    }

    private func pointer(to name: String) -> String { "\(pointer)/\(JSONPointer.escape(name))" }

    private mutating func rejectUnknownMembers() {
        for name in members.keys.sorted() where !known.contains(name) {
            fault(at: name, "is not known here")
        }
    }
}
