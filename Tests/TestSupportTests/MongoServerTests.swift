import Foundation
import InventoryKit
import TestSupport
import Testing

/// The servers that the tests of the MongoDB store stand on.
@Suite("Mongo server")
struct MongoServerTests {
    @Test("What was acknowledged with a journaled write is there after kill -9, on the same port")
    func kill() async throws {
        try await withTemporaryDirectory { directory in
            let server = try await MongoServer.start(directory: directory + "/mongod")
            let shell = server.shell(database: "shop")
            #expect(try await shell.run(#"{"ping": 1}"#) == ["ok": .integer(1)])
            try await shell.run(#"{"insert": "things", "documents": [{"_id": 7}], "writeConcern": {"j": true}}"#)
            let pid = try #require(server.pid)
            try await server.killHard()
            #expect(server.pid == nil)
            await #expect(throws: MongoShell.Failure.self) { try await shell.run(#"{"ping": 1}"#) }

            try await server.restart()
            #expect(server.pid != pid)
            let found = try await shell.run(#"{"find": "things"}"#)["cursor"]["firstBatch"]
            #expect(found == [["_id": .integer(7)]])
            #expect(try await server.stop() == 0)
        }
    }

    @Test("A paused server answers nothing until it is resumed")
    func pause() async throws {
        try await withTemporaryDirectory { directory in
            let server = try await MongoServer.start(directory: directory + "/mongod")
            try server.pause()
            let hasty = MongoShell(url: server.url() + "&serverSelectionTimeoutMS=200&connectTimeoutMS=200")
            await #expect(throws: MongoShell.Failure.self) { try await hasty.run(#"{"ping": 1}"#) }
            try server.resume()
            try await server.shell().run(#"{"ping": 1}"#)
        }
    }

    @Test("A server that cannot start says why")
    func cannotStart() async throws {
        try await withTemporaryDirectory { directory in
            let error = await #expect(throws: MongoServer.Failure.self) {
                try await MongoServer.start(directory: directory + "/mongod", arguments: ["--setParameter", "no=1"])
            }
            let text = "\(try #require(error))"
            #expect(text.contains("did not start"))
        }
    }

    /// Tests must not leave servers behind, whatever ends them. Here a `sleep` that is killed stands for the test
    /// process: it holds the other end of the pipe.
    @Test("A server ends with the process that started it, and its data go")
    func leash() async throws {
        try await withTemporaryDirectory { directory in
            let data = directory + "/data"
            try FileManager.default.createDirectory(atPath: data + "/journal", withIntermediateDirectories: true)
            let process = try ChildProcess(["sleep", "600"])
            let watched = try ChildProcess([
                "sh", "-c", #"sh -c 'echo $0; echo holder $$ >&2; exec sleep 600' "$1" | sh -c "$0" "$2""#,
                LeashedProcess.watcher, "\(process.pid)", data,
            ])
            let line = try await watched.errorLine { $0.hasPrefix("holder ") }
            #expect(FileManager.default.fileExists(atPath: data))
            _ = Foundation.kill(try #require(Int32(line.dropFirst(7))), SIGKILL)
            #expect(try await process.exitCode() == 128 + SIGKILL)
            try await eventually("the data to go") { FileManager.default.fileExists(atPath: data) ? nil : () }
        }
    }

    @Test("What the server refuses is thrown with its code, also out of a reply that is ok")
    func errors() async throws {
        let shell = try await MongoServer.shared().shell(database: MongoServer.freshDatabase())
        func code(_ command: String) async throws -> Int {
            let failure = await #expect(throws: MongoShell.Failure.self) { try await shell.run(command) }
            #expect(try #require(failure).isFromServer)
            return try #require(failure).code
        }
        #expect(try await code(#"{"noSuchCommand": 1}"#) == 59)
        try await shell.run(#"{"insert": "things", "documents": [{"_id": 1}]}"#)
        #expect(try await code(#"{"insert": "things", "documents": [{"_id": 1}]}"#) == 11_000)
        try await shell.run(#"{"create": "strict", "validator": {"n": {"$type": "int"}}}"#)
        #expect(try await code(#"{"insert": "strict", "documents": [{"n": "text"}]}"#) == 121)

        let failure = await #expect(throws: MongoShell.Failure.self) { try await shell.run("{no JSON") }
        #expect(try #require(failure).isFromServer == false)
    }

    @Test("A fail point can be set")
    func failPoint() async throws {
        let server = try await MongoServer.shared()
        let shell = server.shell(database: MongoServer.freshDatabase())
        try await shell.run(
            """
            {"configureFailPoint": "failCommand", "mode": {"times": 1},
             "data": {"failCommands": ["insert"], "namespace": "\(shell.database).things", "errorCode": 91}}
            """, on: "admin")
        let failure = await #expect(throws: MongoShell.Failure.self) {
            try await shell.run(#"{"insert": "things", "documents": [{"_id": 1}]}"#)
        }
        #expect(try #require(failure).code == 91)
        try await shell.run(#"{"insert": "things", "documents": [{"_id": 1}]}"#)
    }

    @Test("A shared server is started once, and a database is nobody else's")
    func shared() async throws {
        async let first = MongoServer.shared()
        async let second = MongoServer.shared()
        #expect(try await first === second)
        #expect(MongoServer.freshDatabase() != MongoServer.freshDatabase())
        #expect(MongoShell(url: "mongodb://127.0.0.1:1/shop?replicaSet=rs0").database == "shop")
        #expect(MongoShell(url: "mongodb://127.0.0.1:1").database == "test")
    }
}

/// The sets that the tests of failover stand on.
@Suite("Mongo replica set")
struct MongoReplicaSetTests {
    @Test("A set of one takes majority writes, and again after it stepped down")
    func one() async throws {
        try await withTemporaryDirectory { directory in
            // Its own: without a primary, whoever else shares it would fail.
            let set = try await MongoReplicaSet.start(directory: directory)
            let shell = set.shell(database: "shop")
            let insert = #"{"insert": "things", "documents": [{}], "writeConcern": {"w": "majority", "j": true}}"#
            try await shell.run(insert)
            try await set.stepDown()
            try await shell.run(insert)
            #expect(try await shell.run(#"{"count": "things"}"#)["n"] == .integer(2))
        }
    }

    @Test("A set of three has another primary after the first was killed, and what a majority acknowledged is there")
    func three() async throws {
        try await withTemporaryDirectory { directory in
            let set = try await MongoReplicaSet.start(directory: directory, members: 3)
            let shell = set.shell(database: "shop")
            try await shell.run(
                #"{"insert": "things", "documents": [{"_id": 7}], "writeConcern": {"w": "majority", "j": true}}"#)
            let dead = try await set.killPrimary()
            let successor = try await set.primary()
            #expect(successor !== dead)
            let found = try await shell.run(#"{"find": "things"}"#)["cursor"]["firstBatch"]
            #expect(found == [["_id": .integer(7)]])

            try await dead.restart()
            try await set.awaitFollowers()
            let third = try await set.stepDown()
            #expect(third !== successor)
        }
    }

    @Test("A set is found through the proxy that it advertises")
    func advertised() async throws {
        try await withTemporaryDirectory { directory in
            let proxies = Proxies()
            let set = try await MongoReplicaSet.start(directory: directory) { try await proxies.start(before: $0) }
            let proxy = try #require(await proxies.all.first)
            let shell = set.shell(database: "shop")
            proxy.lose(of: "insert")
            await #expect(throws: MongoShell.Failure.self) {
                try await shell.run(#"{"insert": "things", "documents": [{"_id": 1}]}"#)
            }
            try await proxy.lost(1)
            #expect(try await shell.run(#"{"count": "things"}"#)["n"] == .integer(1))
        }
    }

    private actor Proxies {
        private(set) var all: [FaultyProxy] = []

        func start(before server: MongoServer) async throws -> Int {
            let proxy = try await FaultyProxy.start(to: server.port)
            all.append(proxy)
            return proxy.port
        }
    }
}
