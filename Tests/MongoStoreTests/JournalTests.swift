import InventoryKit
import StoreContract
import TestSupport
import Testing

@testable import MongoStore

/// A daemon answers by what it has found as well: that a key was used, that nothing fitted. What it found somebody may
/// have written who is not sure of it yet, so even a reply to a write that changed nothing has to wait for the journal.
@Suite("A write that changes nothing is acknowledged when all before it is in the journal", .serialized)
struct JournalTests {
    enum Idle: CaseIterable, Sendable {
        case noMatch, sameValue, findAndModify, duplicateKey
    }

    /// It fails where such a reply does not wait: what was written before it is lost with the process.
    @Test("so a crash takes back nothing of it", arguments: Idle.allCases)
    func survives(_ idle: Idle) async throws {
        try await withServer { server, door in
            for round in 1...3 {
                try await server.writeUnjournaled("x-\(round)", in: door)
                try await door.run { connection in try Self.perform(idle, over: connection) }
                try await server.killHard()
                try await server.restart()
                #expect(try await isThere("x-\(round)", in: door), "round \(round)")
            }
        }
    }

    /// Else the other one would pass on a server that loses nothing anyway.
    @Test("and without such a write a crash does lose something")
    func control() async throws {
        try await withServer { server, door in
            for round in 1...10 {
                try await server.writeUnjournaled("x-\(round)", in: door)
                try await server.killHard()
                try await server.restart()
                if try await !isThere("x-\(round)", in: door) { return }
            }
            Issue.record("nothing was lost in ten crashes")
        }
    }

    private static func perform(_ idle: Idle, over connection: MongoConnection) throws {
        switch idle {
        case .noMatch:
            let (modified, _, errors) = try connection.update(
                [["q": ["_id": "nobody"], "u": ["$set": ["a": 1]]]], in: "things")
            try #require(modified == 0 && errors.isEmpty)
        case .sameValue:
            let (modified, _, errors) = try connection.update(
                [["q": ["_id": "known"], "u": ["$set": ["a": 1]]]], in: "things")
            try #require(modified == 0 && errors.isEmpty)
        case .findAndModify:
            let (document, _) = try connection.findAndModify("things", ["_id": "known"], [["$set": ["a": "$a"]]])
            try #require(document?["a"] == .integer(1))
        case .duplicateKey:
            let errors = try connection.insert([BSONDocument([("_id", "known")])], into: "things")
            try #require(errors == [0: .duplicateKey(index: "_id")])
        }
    }

    // MARK: Parts

    private func withServer(_ body: (MongoServer, BackDoor) async throws -> Void) async throws {
        try await withTemporaryDirectory { directory in
            // The longest time that it may wait before it writes the journal by itself.
            let server = try await MongoServer.start(
                directory: directory, arguments: ["--journalCommitInterval", "500"])
            let door = try BackDoor(on: server)
            try await door.run { connection in
                _ = try connection.insert([BSONDocument([("_id", "known"), ("a", 1)])], into: "things")
            }
            try await body(server, door)
            try await door.close()
            try await server.stop()
        }
    }

    private func isThere(_ id: String, in door: BackDoor) async throws -> Bool {
        let found = try await MongoShell(url: door.fixture.url).run(#"{"count": "things", "query": {"_id": "\#(id)"}}"#)
        return found["n"].int == 1
    }
}

extension MongoServer {
    /// Writes what is acknowledged before it is in the journal.
    fileprivate func writeUnjournaled(_ id: String, in door: BackDoor) async throws {
        // As soon as the journal has been written, so that there is time until it is again.
        try await door.run { connection in try connection.settleWhatWasRead() }
        try await MongoShell(url: door.fixture.url).run(
            #"{"insert": "things", "documents": [{"_id": "\#(id)"}], "writeConcern": {"w": 1, "j": false}}"#)
    }
}
