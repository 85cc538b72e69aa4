import CMongoc

/// libmongoc's pool, which is made for use from any thread (mongoc_client_pool_t: "thread-safe"). It ends when the last who
/// has borrowed a connection of it has given that back.
///
/// Both pointers are set once and never given away but for the length of a call; who calls holds this, so nothing is freed
/// under him. The count is only touched atomically, and freed after the pool, whose threads write it.
@safe final class ClientPool: @unchecked Sendable {
    let pointer: OpaquePointer
    private let serverCount: UnsafeMutablePointer<Int64>

    /// - Parameter pointer: to a pool of which nobody has borrowed yet.
    init(_ pointer: OpaquePointer) {
        unsafe self.pointer = unsafe pointer
        unsafe serverCount = .allocate(capacity: 1)
        unsafe serverCount.initialize(to: 0)
        unsafe inventory_count_servers(pointer, serverCount)
    }

    deinit {
        unsafe mongoc_client_pool_destroy(pointer)
        unsafe serverCount.deallocate()
    }

    /// Whether libmongoc has no server left that it would ask, for each turned out to be something else than the URI says.
    /// It never finds one again then.
    var isSpent: Bool { unsafe inventory_server_count(serverCount) == 0 }

    /// Why no server can be asked, in words for the operator; nothing where libmongoc's own say enough.
    ///
    /// - Parameters:
    ///   - detail: libmongoc's own words, with what kept it from a server in brackets.
    ///   - client: one of this pool's.
    func explanation(of detail: String, by client: OpaquePointer) -> String? {
        guard !isSpent else {
            let set = unsafe mongoc_uri_get_replica_set(mongoc_client_get_uri(client))
            return unsafe set.map { unsafe "no server there belongs to the replica set \(String(cString: $0))" }
                ?? "several servers have to be members of one replica set, or mongos, and these are not"
        }
        let types = unsafe Self.types(seenBy: client)
        if types.isEmpty { return detail.contains("[") ? nil : "nothing there answers as MongoDB does" }
        if types.contains("RSGhost") {
            return "a server there has not been told of its replica set: rs.initiate() in mongosh does that"
        }
        let isSetWithoutPrimary = types.contains { $0.hasPrefix("RS") } && !types.contains("RSPrimary")
        return isSetWithoutPrimary ? "the replica set has no primary" : nil
    }

    /// Of each server that answers its type, named as in the specification of server discovery and monitoring
    /// (https://github.com/mongodb/specifications).
    private static func types(seenBy client: OpaquePointer) -> [String] {
        var count = 0
        let servers = unsafe mongoc_client_get_server_descriptions(client, &count)
        defer { unsafe mongoc_server_descriptions_destroy_all(servers, count) }
        return unsafe UnsafeBufferPointer(start: servers, count: count).compactMap { server in
            guard let server = unsafe server, let type = unsafe mongoc_server_description_type(server) else {
                return nil
            }
            return unsafe String(cString: type)
        }
    }
}
