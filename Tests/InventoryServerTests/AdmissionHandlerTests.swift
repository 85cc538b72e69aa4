import InventoryKit
import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import InventoryServer

/// The fast way on a connection, with answers that come when the test says so. What is passed on is answered by the
/// test as well: `/far…` is asked for, `/near…` is answered at once, the body of `/gather…` is wanted, and all else takes
/// the ordinary way.
@Suite("What is answered ahead of the framework")
struct AdmissionHandlerTests {
    private final class Line {
        let channel = EmbeddedChannel()
        private(set) var asked: [AdmissionHandler.Tell] = []
        let reads = ReadCounter()

        /// Named by `/far…` on the way there, in the order in which they were asked.
        init() throws {
            let box = NIOLoopBound(self, eventLoop: channel.embeddedEventLoop)
            let pipeline = channel.pipeline.syncOperations
            try pipeline.addHandler(reads)
            try pipeline.addHandler(
                ConnectionGuard(limits: ConnectionGuard.Limits(), isStreamed: { _ in false }, lastWord: LastWord()) {
                    code, _, _, _ in
                    let head = HTTPResponseHead(version: .http1_1, status: .init(statusCode: code.rendering.status))
                    return AdmissionHandler.Answer(head: head, body: ByteBuffer(string: code.rawValue))
                }
            )
            try pipeline.addHandler(
                AdmissionHandler { head, _, _, tell in
                    if head.uri.hasPrefix("/gather") {
                        tell(
                            .gather(nil) { body in
                                let text = String(buffer: body)
                                tell(text == "no" ? .pass(nil) : AdmissionHandlerTests.answer(text))
                            })
                    } else if head.uri.hasPrefix("/far") {
                        box.value.asked.append(tell)
                    } else if head.uri.hasPrefix("/near") {
                        tell(AdmissionHandlerTests.answer(head.uri))
                    } else {
                        tell(.pass(nil))
                    }
                }
            )
            try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        }

        func request(_ uri: String) throws {
            try channel.writeInbound(
                HTTPServerRequestPart.head(
                    HTTPRequestHead(version: .http1_1, method: .GET, uri: uri, headers: ["Host": "x"])))
            try channel.writeInbound(HTTPServerRequestPart.end(nil))
        }

        /// A request with a body, of which the parts of each list come in one read.
        func post(_ uri: String, reads: [[String?]]) {
            let head = HTTPRequestHead(version: .http1_1, method: .POST, uri: uri, headers: ["Host": "x"])
            var parts = reads.map {
                $0.map { $0.map { HTTPServerRequestPart.body(ByteBuffer(string: $0)) } ?? .end(nil) }
            }
            parts[0].insert(.head(head), at: 0)
            for read in parts {
                for part in read { channel.pipeline.fireChannelRead(part) }
                channel.pipeline.fireChannelReadComplete()
            }
        }

        /// What was passed on since the last time.
        func passedOn() throws -> [String] {
            var parts: [String] = []
            while let part = try channel.readInbound(as: HTTPServerRequestPart.self) {
                switch part {
                case .head(let head): parts.append(head.uri)
                case .body: parts.append("body")
                case .end: parts.append("end")
                }
            }
            return parts
        }

        /// The bodies of what was answered since the last time.
        func answers() throws -> [String] {
            var bodies: [String] = []
            while let part = try channel.readOutbound(as: AnswerPart.self) {
                switch part {
                case .whole(_, let body), .part(.body(.byteBuffer(let body))): bodies.append(String(buffer: body))
                case .part: break
                }
            }
            return bodies
        }

        /// Answers what was passed on, as the framework would.
        func answerOrdinarily(_ body: String) throws {
            try channel.writeOutbound(HTTPServerResponsePart.head(HTTPResponseHead(version: .http1_1, status: .ok)))
            try channel.writeOutbound(HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(string: body))))
            try channel.writeOutbound(HTTPServerResponsePart.end(nil))
        }
    }

    /// Counts how often the connection is told to read.
    private final class ReadCounter: ChannelOutboundHandler {
        typealias OutboundIn = HTTPServerResponsePart
        private(set) var count = 0

        func read(context: ChannelHandlerContext) {
            count += 1
            context.read()
        }
    }

    /// Notes when an event passes.
    private final class Events: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        private(set) var log: [String] = []

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            if case .head(let head) = unwrapInboundIn(data) { log.append(head.uri) }
            context.fireChannelRead(data)
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if event as? ChannelEvent == .inputClosed { log.append("input closed") }
            context.fireUserInboundEventTriggered(event)
        }

        func channelReadComplete(context: ChannelHandlerContext) {
            log.append("complete")
            context.fireChannelReadComplete()
        }
    }

    private static func answer(_ uri: String) -> AdmissionHandler.Verdict {
        .answer(
            AdmissionHandler.Answer(
                head: HTTPResponseHead(version: .http1_1, status: .ok), body: ByteBuffer(string: "\(uri) cached")))
    }

    /// Fails where a request is answered as soon as its answer is there, whatever is owed before it.
    @Test("Answers go out in the order of the requests, however they arrive")
    func order() throws {
        let line = try Line()
        for uri in ["/far/1", "/near/2", "/far/3", "/ordinary/4", "/near/5"] { try line.request(uri) }
        #expect(try line.answers() == [])
        #expect(line.asked.count == 1, "the third is not looked at before the first is answered")
        line.asked[0](Self.answer("/far/1"))
        #expect(try line.answers() == ["/far/1 cached", "/near/2 cached"])
        line.asked[1](Self.answer("/far/3"))
        #expect(try line.answers() == ["/far/3 cached"])
        #expect(try line.passedOn() == ["/ordinary/4", "end"])
        #expect(try line.answers() == [], "the fifth waits for the fourth")
        try line.answerOrdinarily("4")
        line.channel.embeddedEventLoop.run()
        #expect(try line.answers() == ["4", "/near/5 cached"])
        try line.request("/near/6")
        #expect(try line.answers() == ["/near/6 cached"])
    }

    @Test("A request for which no answer comes is passed on, whole and once, and so is one whose asking fails")
    func passedOn() throws {
        let line = try Line()
        for uri in ["/far/1", "/near/2"] { try line.request(uri) }
        line.asked[0](.pass(nil))
        #expect(try line.passedOn() == ["/far/1", "end"])
        try line.answerOrdinarily("1")
        line.channel.embeddedEventLoop.run()
        #expect(try line.answers() == ["1", "/near/2 cached"])
        try line.request("/far/3")
        line.asked[1](.pass(nil))
        #expect(try line.passedOn() == ["/far/3", "end"])
    }

    @Test("An answer that is there already counts like one that comes")
    func immediate() throws {
        let channel = EmbeddedChannel(
            handler: AdmissionHandler { head, _, _, tell in
                tell(head.uri == "/no" ? .pass(nil) : Self.answer(head.uri))
            })
        for uri in ["/yes", "/no"] {
            try channel.writeInbound(
                HTTPServerRequestPart.head(HTTPRequestHead(version: .http1_1, method: .GET, uri: uri)))
            try channel.writeInbound(HTTPServerRequestPart.end(nil))
        }
        #expect(try channel.readOutbound(as: AnswerPart.self) != nil)
        guard case .head(let head) = try channel.readInbound(as: HTTPServerRequestPart.self) else {
            Issue.record("nothing was passed on")
            return
        }
        #expect(head.uri == "/no")
    }

    /// Fails where the end is told before the request: the framework would not take the request any more, and the
    /// connection would stay for ever.
    @Test("What was passed on late is followed by the end of a read, and the client's end comes after it")
    func halfClosed() throws {
        let line = try Line()
        let events = Events()
        try line.channel.pipeline.syncOperations.addHandler(events)
        try line.request("/far/1")
        line.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        #expect(!events.log.contains("input closed"))
        let before = events.log.count
        line.asked[0](.pass(nil))
        #expect(events.log.dropFirst(before) == ["/far/1", "input closed", "complete"])
    }

    @Test("A connection that goes while its answer is on the way is forgotten")
    func closed() throws {
        let line = try Line()
        try line.request("/far/1")
        try line.request("/near/2")
        line.channel.close(promise: nil)
        line.channel.embeddedEventLoop.run()
        #expect(!line.channel.isActive)
        line.asked[0](Self.answer("/far/1"))
        #expect(try line.answers() == [])
        let other = try Line()
        try other.request("/far/1")
        other.channel.close(promise: nil)
        other.channel.embeddedEventLoop.run()
        other.asked[0](.pass(nil))
        #expect(try other.passedOn() == [])
    }

    /// Fails where the server goes on reading from a client that sends without end.
    @Test("Nothing more is read while a request stands in line, and reading goes on after it")
    func backpressure() throws {
        let line = try Line()
        try line.request("/far/1")
        try line.request("/far/2")
        let before = line.reads.count
        for _ in 0..<3 { line.channel.read() }
        #expect(line.reads.count == before)
        line.asked[0](Self.answer("/far/1"))
        #expect(line.reads.count == before + 1, "nothing is kept any more")
        try line.request("/far/3")
        line.channel.read()
        #expect(line.reads.count == before + 1, "the third waits behind the second")
        line.asked[1](Self.answer("/far/2"))
        #expect(line.reads.count == before + 2)
    }

    @Test("A server that stops waits for an answer that is on its way, and then ends the connection")
    func stopping() throws {
        let line = try Line()
        try line.request("/far/1")
        line.channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        line.channel.embeddedEventLoop.advanceTime(by: .seconds(3))
        #expect(line.channel.isActive)
        line.asked[0](Self.answer("/far/1"))
        #expect(try line.answers() == ["/far/1 cached"])
        line.channel.embeddedEventLoop.advanceTime(by: .seconds(3))
        #expect(!line.channel.isActive)
    }

    @Test("A connection that waits for an answer is not idle; afterwards it is")
    func idleness() throws {
        let line = try Line()
        try line.request("/far/1")
        line.channel.embeddedEventLoop.advanceTime(by: .seconds(200))
        #expect(line.channel.isActive)
        line.asked[0](.pass(nil))
        try line.answerOrdinarily("1")
        line.channel.embeddedEventLoop.advanceTime(by: .seconds(130))
        #expect(!line.channel.isActive)
    }

    // MARK: Bodies

    @Test("A body that comes along with its head is gathered, and decides")
    func gathered() throws {
        let line = try Line()
        line.post("/gather/1", reads: [["a", "b", nil]])
        #expect(try line.answers() == ["ab cached"])
        line.post("/gather/2", reads: [["no", nil]])
        #expect(try line.answers() == [])
        #expect(try line.passedOn() == ["/gather/2", "body", "end"])
        try line.answerOrdinarily("2")
        line.post("/gather/3", reads: [[nil]])
        #expect(try line.answers() == ["2", " cached"])
    }

    /// Fails where a body is waited for here, which has no time limit, or where a part of it is lost.
    @Test("A body that does not come along is passed on, with all that had come")
    func pieces() throws {
        let line = try Line()
        line.post("/gather/1", reads: [["a"], ["b", nil]])
        #expect(try line.passedOn() == ["/gather/1", "body", "body", "end"])
        try line.answerOrdinarily("1")
        line.post("/gather/2", reads: [[], ["a", nil]])
        #expect(try line.passedOn() == ["/gather/2", "body", "end"])
        try line.answerOrdinarily("2")
        #expect(try line.answers() == ["1", "2"])
    }

    @Test("A body that has come by the time it is wanted is gathered, and one that has not is passed on")
    func late() throws {
        let line = try Line()
        func gather(_ index: Int) {
            let tell = line.asked[index]
            tell(.gather(nil) { body in tell(Self.answer(String(buffer: body))) })
        }
        line.post("/far/1", reads: [["a"], ["b", nil]])
        gather(0)
        #expect(try line.answers() == ["ab cached"])
        line.post("/far/2", reads: [["a"]])
        gather(1)
        #expect(try line.passedOn() == ["/far/2", "body"])
        try line.channel.writeInbound(HTTPServerRequestPart.end(nil))
        #expect(try line.passedOn() == ["end"])
    }

    @Test("Who answers learns whether the connection is still there")
    func isGoingOut() throws {
        let line = try Line()
        try line.request("/far/1")
        #expect(line.asked[0](Self.answer("/far/1")))
        try line.request("/far/2")
        line.channel.close(promise: nil)
        line.channel.embeddedEventLoop.run()
        #expect(!line.asked[1](Self.answer("/far/2")))
    }
}
