import Foundation
import InventoryKit

/// A replica set of real servers that elects quickly.
package final class MongoReplicaSet: Sendable {
    package let name: String
    package let members: [MongoServer]

    /// The ports under which the members know each other and clients find them.
    private let ports: [Int]

    private init(name: String, members: [MongoServer], ports: [Int]) {
        self.name = name
        self.members = members
        self.ports = ports
    }

    /// Starts the servers, makes them a set and returns when it has a primary and all the others follow it.
    ///
    /// - Parameters:
    ///   - directory: for this set alone.
    ///   - advertise: the port under which a member is known, also to the others, where that is not its own: a
    ///     ``FaultyProxy``'s, which then stands between the member and everybody who finds it through the set.
    package static func start(
        directory: String, members count: Int = 1, name: String = "rs0", arguments: [String] = [],
        advertise: @escaping @Sendable (MongoServer) async throws -> Int = { $0.port }
    ) async throws -> MongoReplicaSet {
        let started = try await withThrowingTaskGroup { group in
            for index in 0..<count {
                group.addTask {
                    let server = try await MongoServer.start(
                        directory: count == 1 ? directory : "\(directory)/member-\(index)", replicaSet: name,
                        arguments: arguments)
                    return (index, server, try await advertise(server))
                }
            }
            var started: [(index: Int, server: MongoServer, port: Int)] = []
            for try await member in group { started.append(member) }
            return started.sorted { $0.index < $1.index }
        }
        let set = MongoReplicaSet(name: name, members: started.map(\.server), ports: started.map(\.port))
        try await set.initiate()
        return set
    }

    private func initiate() async throws {
        let hosts = ports.enumerated().map { #"{"_id": \#($0.offset), "host": "127.0.0.1:\#($0.element)"}"# }
        try await members[0].shell().run(
            """
            {"replSetInitiate": {"_id": "\(name)", "members": [\(hosts.joined(separator: ", "))],
             "settings": {"electionTimeoutMillis": 2000, "heartbeatIntervalMillis": 500}}}
            """, on: "admin")
        try await awaitFollowers()
    }

    // MARK: Its addresses

    /// The URL of one of its databases, by which a client finds the primary.
    package func url(database: String = "test") -> String {
        let hosts = ports.map { "127.0.0.1:\($0)" }.joined(separator: ",")
        return "mongodb://\(hosts)/\(database)?replicaSet=\(name)"
    }

    /// A shell that speaks to whoever is primary, and waits while there is none.
    package func shell(database: String = "test") -> MongoShell {
        MongoShell(url: url(database: database) + "&serverSelectionTryOnce=false")
    }

    // MARK: Its primary

    /// The member that takes writes; waits until there is one.
    ///
    /// - Parameter other: not this one, which may not know yet that it is deposed.
    package func primary(other: MongoServer? = nil) async throws -> MongoServer {
        try await eventually("a primary of \(name)") {
            // A deposed primary may still think that it is one; the election of the right one was the last.
            let claims = await self.claims().filter { $0.server !== other }
            return claims.max { $0.election < $1.election }?.server
        }
    }

    /// Makes the primary give up its place, and returns the one that follows it; in a set of one it is the same, later.
    ///
    /// - Parameter seconds: for how long the old one must not be elected again.
    @discardableResult
    package func stepDown(for seconds: Int = 10) async throws -> MongoServer {
        let old = try await primary()
        if members.count == 1 {
            // It has nobody to hand over to, so it has to be forced; the shorter, the sooner it is back.
            try await old.shell().run(#"{"replSetStepDown": 1, "force": true}"#, on: "admin")
            return try await primary()
        }
        try await old.shell().run(
            #"{"replSetStepDown": \#(seconds), "secondaryCatchUpPeriodSecs": \#(min(5, seconds))}"#, on: "admin")
        return try await primary(other: old)
    }

    /// `kill -9` of the primary; returns it, dead.
    package func killPrimary() async throws -> MongoServer {
        let primary = try await primary()
        try await primary.killHard()
        return primary
    }

    /// Waits until there is a primary and every running member follows it.
    package func awaitFollowers() async throws {
        let count = members.count { $0.pid != nil }
        try await eventually("\(count) members of \(name) in service") {
            let states = await self.hellos().map(\.reply)
            let primaries = states.count { $0["isWritablePrimary"] == .bool(true) }
            let secondaries = states.count { $0["secondary"] == .bool(true) }
            return primaries == 1 && secondaries == count - 1 ? () : nil
        }
    }

    /// Members that think they are primary, with the election that made them so.
    private func claims() async -> [(server: MongoServer, election: String)] {
        await hellos().compactMap { server, reply in
            guard reply["isWritablePrimary"] == .bool(true), let id = reply["electionId"]["$oid"].string else {
                return nil
            }
            return (server, id)
        }
    }

    /// What the members say of themselves; those that say nothing at once are left out.
    private func hellos() async -> [(server: MongoServer, reply: JSON)] {
        await withTaskGroup(of: (MongoServer, JSON)?.self) { group in
            for server in members where server.pid != nil {
                group.addTask {
                    let options = "&connectTimeoutMS=500&socketTimeoutMS=500&serverSelectionTimeoutMS=500"
                    let reply = try? await MongoShell(url: server.url() + options).run(#"{"hello": 1}"#, on: "admin")
                    return reply.map { (server, $0) }
                }
            }
            var hellos: [(MongoServer, JSON)] = []
            for await case let hello? in group { hellos.append(hello) }
            return hellos
        }
    }
}
