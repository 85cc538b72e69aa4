import NIOCore
import TestSupport
import Testing

/// A proxy that does no harm would let every test of faults pass.
@Suite("Faulty proxy")
struct FaultyProxyTests {
    let server: EchoServer
    let proxy: FaultyProxy

    init() async throws {
        server = try await EchoServer()
        proxy = try await FaultyProxy.start(to: server.port)
    }

    /// Sends the text on a connection of its own and returns what comes back until there is as much, or until the end.
    private func exchange(_ text: String) async throws -> String {
        try await RawConnection.exchange(port: proxy.port, text) { $0.utf8.count >= text.utf8.count }
    }

    @Test("Without a fault, all that many connections say goes through both ways")
    func pass() async throws {
        let long = String(repeating: "0123456789", count: 100_000)
        let answers = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<50 { group.addTask { try await exchange("hello") } }
            group.addTask { try await exchange(long) }
            return try await group.reduce(into: [:]) { $0[$1, default: 0] += 1 }
        }
        #expect(answers == ["hello": 50, long: 1])
        #expect(proxy.lost == 0)
        try await eventually("its connections to end") { proxy.connections == 0 ? () : nil }
    }

    @Test("The end of the server's connection is the end of the client's")
    func noServer() async throws {
        let lonely = try await FaultyProxy.start(to: FreePort.any())
        #expect(try await RawConnection.exchange(port: lonely.port, "hello") == "")
    }

    @Test("A cut ends the connections there are, and only those")
    func cut() async throws {
        let connection = try await RawConnection.open(port: proxy.port)
        try await connection.converse { [proxy] inbound, outbound in
            try await outbound.write(ByteBuffer(string: "first"))
            #expect(try await inbound.next().map { String(buffer: $0) } == "first")
            #expect(proxy.connections == 1)
            try await proxy.cut()
            #expect(proxy.connections == 0)
            // A reset counts as well as an end.
            #expect((try? await inbound.next()) == nil)
        }
        #expect(try await exchange("second") == "second")
    }

    @Test("Refused connections cannot be opened, while those there are stay; then they can again, on the same port")
    func refuse() async throws {
        let connection = try await RawConnection.open(port: proxy.port)
        try await connection.converse { [proxy] inbound, outbound in
            try await outbound.write(ByteBuffer(string: "before"))
            #expect(try await inbound.next().map { String(buffer: $0) } == "before")
            try await proxy.refuse()
            await #expect(throws: (any Error).self) {
                try await RawConnection.exchange(port: proxy.port, "no") { _ in true }
            }
            try await outbound.write(ByteBuffer(string: "still"))
            #expect(try await inbound.next().map { String(buffer: $0) } == "still")
        }
        try await proxy.accept()
        #expect(try await exchange("again") == "again")
    }

    @Test("A delay holds up the request and the answer")
    func delay() async throws {
        proxy.delay(.milliseconds(100))
        let slow = try await timeOfExchange()
        #expect(slow >= .milliseconds(200))
        try await proxy.pass()
        // One alone may be held up by whatever else the machine does.
        try await eventually("an exchange that is not delayed") { try await timeOfExchange() < slow ? () : nil }
    }

    private func timeOfExchange() async throws -> Duration {
        let start = ContinuousClock.now
        #expect(try await exchange("hello") == "hello")
        return ContinuousClock.now - start
    }

    @Test("Nothing goes into a black hole, and what was held goes on when the network is healed")
    func blackHole() async throws {
        proxy.blackHole()
        let connection = try await RawConnection.open(port: proxy.port)
        try await connection.converse { [proxy, server] inbound, outbound in
            try await outbound.write(ByteBuffer(string: "held"))
            try await eventually("the request to be held") { proxy.held == 4 ? () : nil }
            #expect(server.received == "")
            try await proxy.pass()
            #expect(try await inbound.next().map { String(buffer: $0) } == "held")
        }
        #expect(proxy.held == 0)
    }

    /// A write of which its client knows nothing any more, as a network may deliver it.
    @Test("A request that was held arrives although its client has given up; one that was cut does not")
    func late() async throws {
        proxy.blackHole()
        for text in ["late", "never"] {
            let connection = try await RawConnection.open(port: proxy.port)
            try await connection.converse { [proxy] _, outbound in
                try await outbound.write(ByteBuffer(string: text))
                try await eventually("the request to be held") { proxy.held == text.utf8.count ? () : nil }
            }
            if text == "late" {
                try await proxy.pass()
                try await eventually("the late request") { [server] in server.received == text ? () : nil }
                proxy.blackHole()
            } else {
                try await proxy.cut()
                try await proxy.pass()
            }
        }
        #expect(try await exchange("after") == "after")
        #expect(server.received == "lateafter")
    }

    @Test("The answer to a request is lost when the server has heard it, and only that of one that bears the marker")
    func loseAnswer() async throws {
        proxy.lose(of: "insert", times: 2)
        #expect(try await exchange("find") == "find")
        #expect(proxy.lost == 0)
        #expect(try await exchange("an insert of a") == "")
        #expect(try await exchange("an insert of b") == "")
        try await proxy.lost(2)
        #expect(try await exchange("an insert of c") == "an insert of c")
        #expect(proxy.lost == 2)
        #expect(server.received == "findan insert of aan insert of ban insert of c")
    }

    @Test("A marker is found where it comes in two parts")
    func splitMarker() async throws {
        // Held, so that the echo of the first part does not come back as if the request had been answered.
        proxy.blackHole()
        proxy.lose(of: "findAndModify")
        let connection = try await RawConnection.open(port: proxy.port)
        try await connection.converse { [proxy] inbound, outbound in
            for (text, length) in [("a findAnd", 9), ("Modify", 15)] {
                try await outbound.write(ByteBuffer(string: text))
                try await eventually("a part to be held") { proxy.held == length ? () : nil }
            }
            proxy.heal()
            #expect((try? await inbound.next()) == nil)
        }
        try await proxy.lost(1)
        #expect(server.received == "a findAndModify")
    }

    @Test("A request is lost before the server hears of it")
    func loseRequest() async throws {
        proxy.lose(.request)
        #expect(try await exchange("gone") == "")
        #expect(proxy.lost == 1)
        #expect(try await exchange("here") == "here")
        #expect(server.received == "here")
    }

    @Test("Of many requests at once, as many are lost as were asked for")
    func loseSome() async throws {
        proxy.lose(times: 20)
        let answers = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<100 { group.addTask { try await exchange("x") } }
            return try await group.reduce(into: [:]) { $0[$1, default: 0] += 1 }
        }
        #expect(answers == ["x": 80, "": 20])
        #expect(proxy.lost == 20)
        #expect(server.received.count == 100)
    }

    @Test("It leads to another server when told to, and connections there are stay with the first")
    func retarget() async throws {
        let other = try await EchoServer()
        let connection = try await RawConnection.open(port: proxy.port)
        try await connection.converse { [proxy] inbound, outbound in
            try await outbound.write(ByteBuffer(string: "one"))
            #expect(try await inbound.next().map { String(buffer: $0) } == "one")
            proxy.retarget(to: other.port)
            try await outbound.write(ByteBuffer(string: "two"))
            #expect(try await inbound.next().map { String(buffer: $0) } == "two")
        }
        #expect(try await exchange("three") == "three")
        #expect(server.received == "onetwo")
        #expect(other.received == "three")
    }

    @Test("A loss that does not come is not waited for without end")
    func patience() async throws {
        await #expect(throws: TookTooLong.self) { try await proxy.lost(1, within: .milliseconds(20)) }
    }
}
