import NIOCore

/// Which Redis this is: the process that runs, and the history of writes it continues. Both change where what it holds
/// may have changed behind our backs: on a restart, a promotion, a resynchronisation.
package struct RedisIdentity: Sendable, Hashable {
    /// `run_id` of INFO: another one after each start.
    package let runID: String

    /// `master_replid` of INFO: another one after each change of roles.
    package let replicationID: String

    /// The number of the database in it: another one has other keys.
    package let database: Int

    /// An identity as it was read somewhere else.
    package init(runID: String, replicationID: String, database: Int = 0) {
        self.runID = runID
        self.database = database
        self.replicationID = replicationID
    }
}

/// The few lines of INFO that tell which Redis it is.
struct RedisInfo: Equatable {
    private static let bytesMax = 64 << 10
    private static let valueBytesMax = 128

    private(set) var values: [String: String] = [:]

    /// Lines of `name:value`; everything else, and every other name, is passed over. Of a name that comes twice, the
    /// first counts.
    mutating func add(_ reply: RedisValue) {
        guard case .bytes(let buffer) = reply else { return }
        let lines = buffer.readableBytesView.prefix(Self.bytesMax).split { $0 == UInt8(ascii: "\n") }
        for line in lines {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { continue }
            let name = String(decoding: line[..<colon], as: UTF8.self)
            guard ["run_id", "master_replid", "role"].contains(name), values[name] == nil else { continue }
            var value = line[line.index(after: colon)...]
            if value.last == UInt8(ascii: "\r") { value = value.dropLast() }
            guard !value.isEmpty, value.count <= Self.valueBytesMax else { continue }
            values[name] = String(decoding: value, as: UTF8.self)
        }
    }

    /// The identity, if it may be used: only a master has one.
    func identity(database: Int) throws(RedisRefusal) -> RedisIdentity {
        guard let role = values["role"] else { throw RedisRefusal("INFO does not tell its role") }
        guard role == "master" else { throw RedisRefusal("its role is \(role), and master is needed") }
        guard let runID = values["run_id"] else { throw RedisRefusal("INFO does not tell its run_id") }
        guard let replicationID = values["master_replid"] else {
            throw RedisRefusal("INFO does not tell its master_replid")
        }
        return RedisIdentity(runID: runID, replicationID: replicationID, database: database)
    }
}

/// Why a Redis that answers is not used.
struct RedisRefusal: Error, Equatable {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}
