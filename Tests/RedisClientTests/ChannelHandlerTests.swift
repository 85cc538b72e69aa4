import NIOCore
import NIOEmbedded
import Testing

@testable import RedisClient

@Suite("A connection's handler")
struct ChannelHandlerTests {
    /// A handler in a channel without a network.
    private final class Fixture {
        let channel = EmbeddedChannel()
        let handler: RedisChannelHandler
        var results: [String] = []

        init(limits: RedisLimits = RedisLimits()) throws {
            handler = RedisChannelHandler(eventLoop: channel.eventLoop, limits: limits)
            try channel.pipeline.syncOperations.addHandler(handler)
            try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 6_379)).wait()
        }

        func send(_ name: String, timeout: TimeAmount = .milliseconds(20), then: @escaping () -> Void = {}) {
            handler.send(RedisCommand(["GET", RedisArgument(name)]), timeout: timeout) { result in
                switch result {
                case .success(.status(let text)): self.results.append("\(name): \(text)")
                case .success(let value): self.results.append("\(name): \(value)")
                case .failure(let error): self.results.append("\(name): \(error)")
                }
                then()
            }
        }

        func receive(_ text: String) throws { try channel.writeInbound(ByteBuffer(string: text)) }

        /// What left, write for write.
        func writes() throws -> [Int] {
            channel.embeddedEventLoop.run()
            var commands: [Int] = []
            while let buffer = try channel.readOutbound(as: ByteBuffer.self) {
                commands.append(
                    String(buffer: buffer).split(separator: "GET", omittingEmptySubsequences: false).count - 1)
            }
            return commands
        }
    }

    @Test("All commands of one turn of the loop leave in one write")
    func oneWrite() throws {
        let fixture = try Fixture()
        for index in 0..<100 { fixture.send("\(index)") }
        #expect(try fixture.channel.readOutbound(as: ByteBuffer.self) == nil)
        #expect(try fixture.writes() == [100])
        fixture.send("next")
        #expect(try fixture.writes() == [1])
    }

    @Test("Who is called before commands leave has his own leave with them")
    func beforeDeparture() throws {
        let fixture = try Fixture()
        fixture.handler.beforeDeparture {
            fixture.send("a")
            fixture.handler.beforeDeparture { fixture.send("b") }
        }
        fixture.send("c")
        #expect(try fixture.channel.readOutbound(as: ByteBuffer.self) == nil)
        #expect(try fixture.writes() == [3])
        #expect(try fixture.writes() == [])
    }

    @Test("He is called also where the connection has ended by then, and what he sends is refused")
    func beforeDepartureOfNothing() throws {
        let fixture = try Fixture()
        fixture.handler.beforeDeparture { fixture.send("a") }
        fixture.handler.close("test")
        #expect(try fixture.writes() == [])
        #expect(fixture.results.count == 1)
    }

    @Test("Nobody is called before send returns, also where nothing is sent")
    func neverAtOnce() throws {
        let fixture = try Fixture(limits: RedisLimits(commandsMax: 1))
        fixture.send("a")
        fixture.send("b")
        #expect(fixture.results.isEmpty)
        fixture.channel.embeddedEventLoop.run()
        #expect(fixture.results == ["b: overloaded"])
        fixture.handler.close("enough")
        fixture.send("c")
        #expect(fixture.results == ["b: overloaded", "a: closed(\"enough\")"])
        fixture.channel.embeddedEventLoop.run()
        #expect(fixture.results.last == "c: notConnected")
        fixture.handler.send(RedisCommand([]), timeout: .zero) { fixture.results.append("\($0)") }
        fixture.channel.embeddedEventLoop.run()
        #expect(fixture.results.count == 4)
    }

    @Test("Who is answered may send again")
    func sendsAgain() throws {
        let fixture = try Fixture()
        fixture.send("a") { fixture.send("c") { fixture.send("d") } }
        fixture.send("b")
        #expect(try fixture.writes() == [2])
        try fixture.receive("+1\r\n+2\r\n")
        #expect(try fixture.writes() == [1])
        try fixture.receive("+3\r\n")
        #expect(try fixture.writes() == [1])
        try fixture.receive("+4\r\n")
        #expect(fixture.results == ["a: 1", "b: 2", "c: 3", "d: 4"])
    }

    @Test("Who is answered may close: what came is delivered, and the others learn that it is closed")
    func closes() throws {
        let fixture = try Fixture()
        var reasons: [String] = []
        fixture.handler.onClose = { reasons.append($0) }
        fixture.send("a") { fixture.handler.close("had enough") }
        fixture.send("b")
        fixture.send("c") { fixture.send("d") }
        #expect(try fixture.writes() == [3])
        try fixture.receive("+1\r\n+2\r\n")
        fixture.channel.embeddedEventLoop.run()
        #expect(fixture.results.sorted() == ["a: 1", "b: 2", "c: closed(\"had enough\")", "d: notConnected"])
        #expect(reasons == ["had enough"])
        #expect(!fixture.channel.isActive)
        #expect(!fixture.handler.flags.isOpen)
    }

    @Test("Time runs by the loop's clock: time-outs, the mark of an overdue reply, and the end")
    func time() throws {
        let fixture = try Fixture()
        let loop = fixture.channel.embeddedEventLoop
        fixture.send("slow", timeout: .milliseconds(500))
        fixture.send("quick", timeout: .milliseconds(20))
        #expect(try fixture.writes() == [2])
        loop.advanceTime(by: .milliseconds(19))
        #expect(fixture.results.isEmpty)
        loop.advanceTime(by: .milliseconds(5))
        #expect(fixture.results == ["quick: timedOut"])
        #expect(fixture.handler.flags.isOverdue)
        try fixture.receive("+1\r\n+2\r\n")
        #expect(fixture.results == ["quick: timedOut", "slow: 1"])
        #expect(!fixture.handler.flags.isOverdue)
        #expect(fixture.channel.isActive)

        fixture.send("never", timeout: .milliseconds(20))
        loop.advanceTime(by: .milliseconds(1_000))
        #expect(fixture.channel.isActive)
        loop.advanceTime(by: .milliseconds(30))
        #expect(fixture.results.last == "never: timedOut")
        #expect(!fixture.channel.isActive)
        #expect(fixture.handler.closeReason != nil)
    }

    /// Fails where the timer's turn comes before that of the socket: after a long turn all that Redis has long answered
    /// would count as late.
    @Test("Before anybody is given up, what has come is read")
    func readsAgain() throws {
        let fixture = try Fixture()
        let loop = fixture.channel.embeddedEventLoop
        for round in 1...2 {
            fixture.send("\(round)", timeout: .milliseconds(20))
            #expect(try fixture.writes() == [1])
            loop.advanceTime(by: .milliseconds(21))
            #expect(fixture.results.count == round - 1)
            try fixture.receive("+here\r\n")
            #expect(fixture.results.last == "\(round): here")
            loop.advanceTime(by: .milliseconds(50))
        }
    }

    @Test("A command with no time at all is told so after a turn")
    func noTime() throws {
        let fixture = try Fixture()
        for index in 0..<3 { fixture.send("\(index)", timeout: .nanoseconds(Int64(index) - 1)) }
        #expect(fixture.results.isEmpty)
        fixture.channel.embeddedEventLoop.advanceTime(by: .milliseconds(4))
        #expect(fixture.results == ["0: timedOut", "1: timedOut", "2: timedOut"])
        fixture.send("long", timeout: .nanoseconds(.max))
        fixture.channel.embeddedEventLoop.run()
        #expect(fixture.results.count == 3)
    }

    @Test("A server that hangs up in the middle of a reply leaves nobody waiting")
    func hangsUp() throws {
        let fixture = try Fixture()
        fixture.send("a")
        fixture.send("b")
        #expect(try fixture.writes() == [2])
        try fixture.receive("+1\r\n$5\r\nhe")
        _ = try? fixture.channel.finish()
        #expect(fixture.results == ["a: 1", "b: closed(\"the server closed the connection\")"])
    }
}
