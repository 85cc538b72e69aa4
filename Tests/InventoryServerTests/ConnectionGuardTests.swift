import InventoryKit
import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import InventoryServer

/// Slow and broken clients, in virtual time.
@Suite("Connection guard")
struct ConnectionGuardTests {
    /// - Parameter network: what is between the guard and the client.
    private func channel(behind network: [any ChannelHandler] = []) throws -> EmbeddedChannel {
        let connectionGuard = ConnectionGuard(
            limits: ConnectionGuard.Limits(), isStreamed: { $0.hasPrefix("/stream") }, lastWord: LastWord(),
            reject: { code, detail, request, _ in
                let head = HTTPResponseHead(
                    version: .http1_1, status: .init(statusCode: code.rendering.status),
                    headers: ["x-of": request?.uri ?? "-"])
                return AdmissionHandler.Answer(head: head, body: ByteBuffer(string: "\(code.rawValue): \(detail)"))
            })
        let channel = EmbeddedChannel(handlers: network + [connectionGuard])
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        return channel
    }

    private func request(_ uri: String) -> HTTPServerRequestPart {
        .head(
            HTTPRequestHead(
                version: .http1_1, method: .POST, uri: uri, headers: ["Host": "x", "Transfer-Encoding": "chunked"]))
    }

    private func statuses(_ channel: EmbeddedChannel) throws -> [UInt] {
        var statuses: [UInt] = []
        while let part = try channel.readOutbound(as: AnswerPart.self) {
            switch part {
            case .whole(let head, _), .part(.head(let head)): statuses.append(head.status.code)
            case .part: break
            }
        }
        return statuses
    }

    private func answer(_ channel: EmbeddedChannel) throws {
        try channel.writeOutbound(AnswerPart.part(.head(HTTPResponseHead(version: .http1_1, status: .ok))))
        try channel.writeOutbound(AnswerPart.part(.end(nil)))
    }

    /// Fails in a server that starts the clock anew with every byte.
    @Test("A body that drips is cut off with 408, however steadily it drips")
    func dribble() throws {
        let channel = try channel()
        try channel.writeInbound(request("/v1/products"))
        for _ in 0..<4 {
            channel.embeddedEventLoop.advanceTime(by: .seconds(7))
            try channel.writeInbound(HTTPServerRequestPart.body(ByteBuffer(string: "x")))
        }
        #expect(try statuses(channel) == [])
        channel.embeddedEventLoop.advanceTime(by: .seconds(3))
        #expect(try statuses(channel) == [408])
        channel.embeddedEventLoop.advanceTime(by: .seconds(3))
        #expect(!channel.isActive)
    }

    /// Fails where whoever words the answer does not learn to which request it is: its id and its origin are in its head.
    @Test("A problem knows the request that it is told to, and none where there was none")
    func requestOfProblem() throws {
        func told(_ prepare: (EmbeddedChannel) throws -> Void) throws -> String? {
            let channel = try channel()
            try prepare(channel)
            guard case .whole(let head, _)? = try channel.readOutbound(as: AnswerPart.self) else { return nil }
            return head.headers.first(name: "x-of")
        }
        #expect(
            try told { channel in
                try channel.writeInbound(request("/v1/products"))
                channel.embeddedEventLoop.advanceTime(by: .seconds(31))
            } == "/v1/products")
        #expect(
            try told { channel in
                let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: "/no-host")
                try channel.writeInbound(HTTPServerRequestPart.head(head))
            } == "/no-host")
        #expect(
            try told { channel in
                try channel.writeInbound(request("/v1/products"))
                try channel.writeInbound(HTTPServerRequestPart.end(nil))
                try answer(channel)
                while try channel.readOutbound(as: AnswerPart.self) != nil {}
                channel.pipeline.fireErrorCaught(HTTPParserError.invalidMethod)
            } == "-")
    }

    @Test("A stream lives as long as it moves, and no longer")
    func stream() throws {
        let channel = try channel()
        try channel.writeInbound(request("/stream"))
        for _ in 0..<20 {
            channel.embeddedEventLoop.advanceTime(by: .seconds(20))
            try channel.writeInbound(HTTPServerRequestPart.body(ByteBuffer(string: "x")))
        }
        #expect(try statuses(channel) == [])
        channel.embeddedEventLoop.advanceTime(by: .seconds(31))
        #expect(try statuses(channel) == [408])
    }

    @Test("A request that has arrived in whole has no deadline of the client's")
    func complete() throws {
        let channel = try channel()
        try channel.writeInbound(request("/v1/products"))
        try channel.writeInbound(HTTPServerRequestPart.end(nil))
        channel.embeddedEventLoop.advanceTime(by: .seconds(300))
        #expect(try statuses(channel) == [])
        try answer(channel)
        #expect(try statuses(channel) == [200])
        #expect(channel.isActive)
    }

    @Test("A connection on which nothing is under way is closed after a while, and not before")
    func idleness() throws {
        let channel = try channel()
        channel.embeddedEventLoop.advanceTime(by: .seconds(50))
        try channel.writeInbound(request("/a"))
        try channel.writeInbound(HTTPServerRequestPart.end(nil))
        channel.embeddedEventLoop.advanceTime(by: .seconds(100))
        #expect(channel.isActive, "an answer is owed")
        try answer(channel)
        channel.embeddedEventLoop.advanceTime(by: .seconds(50))
        #expect(channel.isActive)
        channel.embeddedEventLoop.advanceTime(by: .seconds(70))
        #expect(!channel.isActive)
    }

    /// Fails where each byte of a header starts the clock anew, or where it ends without a word.
    @Test("A header that drips is told 408 after a while, however steadily it drips")
    func drippingHeader() throws {
        let channel = try channel()
        for _ in 0..<6 {
            // Bytes have come in, and the parser has made nothing of them yet.
            channel.pipeline.fireChannelReadComplete()
            channel.embeddedEventLoop.advanceTime(by: .seconds(9))
        }
        #expect(try statuses(channel) == [])
        channel.embeddedEventLoop.advanceTime(by: .seconds(6))
        #expect(try statuses(channel) == [408])
        channel.embeddedEventLoop.advanceTime(by: .seconds(3))
        #expect(!channel.isActive)
    }

    @Test("A connection that only rests is closed without a word")
    func restingConnection() throws {
        let channel = try channel()
        try channel.writeInbound(request("/a"))
        try channel.writeInbound(HTTPServerRequestPart.end(nil))
        channel.pipeline.fireChannelReadComplete()
        try answer(channel)
        #expect(try statuses(channel) == [200])
        channel.embeddedEventLoop.advanceTime(by: .seconds(130))
        #expect(try statuses(channel) == [])
        #expect(!channel.isActive)
    }

    @Test("A Host that is none", arguments: ["", "a b", "a,b", "a/b", "a@b", "\u{FF}", "a?b", "a#b", "a\\b"])
    func badHost(_ host: String) throws {
        let channel = try channel()
        let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: "/", headers: ["Host": host])
        try channel.writeInbound(HTTPServerRequestPart.head(head))
        #expect(try statuses(channel) == [400])
    }

    @Test(
        "A Host that is one", arguments: ["a.example", "A-b_c.example:8080", "[2001:db8::1]:80", "127.0.0.1:1", "x%41"])
    func goodHost(_ host: String) throws {
        let channel = try channel()
        let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: "/", headers: ["Host": host])
        try channel.writeInbound(HTTPServerRequestPart.head(head))
        #expect(try statuses(channel) == [])
    }

    @Test("When the server stops, an idle connection ends at once and a busy one after its answer")
    func quiescing() throws {
        let idle = try channel()
        idle.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        #expect(!idle.isActive)
        let busy = try channel()
        try busy.writeInbound(request("/a"))
        try busy.writeInbound(HTTPServerRequestPart.end(nil))
        busy.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        #expect(busy.isActive)
        try answer(busy)
        busy.embeddedEventLoop.advanceTime(by: .seconds(3))
        #expect(try statuses(busy) == [200])
        #expect(!busy.isActive)
    }

    /// Fails where the connection stays open: what comes next would be taken for the body, or the body for a request.
    @Test("An answer that does not wait for the body ends the connection")
    func refusedBeforeBody() throws {
        let channel = try channel()
        try channel.writeInbound(request("/a"))
        try answer(channel)
        #expect(try statuses(channel) == [200])
        channel.embeddedEventLoop.advanceTime(by: .seconds(3))
        #expect(!channel.isActive)
    }

    /// Fails where a slow client can hold up the stop beyond the time there is for it.
    @Test("When the server stops, a body that does not arrive is waited for, but not for ever")
    func stoppingWithoutBody() throws {
        let channel = try channel()
        try channel.writeInbound(request("/a"))
        channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        channel.embeddedEventLoop.advanceTime(by: .seconds(10))
        #expect(try statuses(channel) == [])
        channel.embeddedEventLoop.advanceTime(by: .seconds(10))
        #expect(try statuses(channel) == [503])
        #expect(!channel.isActive)
    }

    @Test("A problem waits for the answers that are owed before it")
    func order() throws {
        let channel = try channel()
        try channel.writeInbound(request("/a"))
        try channel.writeInbound(HTTPServerRequestPart.end(nil))
        channel.pipeline.fireErrorCaught(HTTPParserError.invalidMethod)
        #expect(try statuses(channel) == [])
        try answer(channel)
        #expect(try statuses(channel) == [200, 400])
    }

    /// Fails where the failed request still counts as one that will be answered: the connection would stay for ever.
    @Test("A request that fails behind one under way is told after it, and the connection ends")
    func failsBehindAnother() throws {
        let noHost = HTTPServerRequestPart.head(HTTPRequestHead(version: .http1_1, method: .GET, uri: "/b"))
        let failures: [(EmbeddedChannel) throws -> Void] = [
            { try $0.writeInbound(noHost) },
            { channel in
                try channel.writeInbound(self.request("/b"))
                channel.pipeline.fireErrorCaught(HTTPParserError.invalidChunkSize)
            },
            { channel in
                try channel.writeInbound(self.request("/b"))
                channel.embeddedEventLoop.advanceTime(by: .seconds(31))
            },
        ]
        for fail in failures {
            let channel = try channel()
            try channel.writeInbound(request("/a"))
            try channel.writeInbound(HTTPServerRequestPart.end(nil))
            try fail(channel)
            #expect(try statuses(channel) == [])
            try answer(channel)
            #expect(try statuses(channel).count == 2)
            channel.embeddedEventLoop.advanceTime(by: .seconds(3))
            #expect(!channel.isActive)
        }
    }

    @Test("An answer that is half out is not mixed with a problem")
    func halfAnswered() throws {
        let channel = try channel()
        try channel.writeInbound(request("/stream"))
        try channel.writeOutbound(AnswerPart.part(.head(HTTPResponseHead(version: .http1_1, status: .ok))))
        channel.pipeline.fireErrorCaught(HTTPParserError.invalidChunkSize)
        #expect(try statuses(channel) == [200])
        #expect(!channel.isActive)
    }

    @Test("After the last word nothing more is written")
    func lastWord() throws {
        let channel = try channel()
        try channel.writeInbound(request("/a"))
        channel.pipeline.fireErrorCaught(HTTPParserError.invalidChunkSize)
        #expect(try statuses(channel) == [400])
        #expect(throws: (any Error).self) { try answer(channel) }
        #expect(try statuses(channel) == [])
    }

    /// A connection whose client reads nothing: that nothing more follows can never be said.
    private final class NothingGoesOut: ChannelOutboundHandler {
        typealias OutboundIn = AnswerPart

        private var held: EventLoopPromise<Void>?

        func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
            guard mode == .output else {
                held?.fail(ChannelError.ioOnClosedChannel)
                return context.close(mode: mode, promise: promise)
            }
            held = promise
        }
    }

    /// Fails where a client is waited for that need only say now and then that it is still there.
    @Test(
        "Who does not even read the last word is cut off, and sooner when the server stops", arguments: [false, true])
    func unreadLastWord(isStopping: Bool) throws {
        let channel = try channel(behind: [NothingGoesOut()])
        channel.pipeline.fireErrorCaught(HTTPParserError.invalidMethod)
        #expect(try statuses(channel) == [400])
        // Neither what it sends on nor that it sends nothing changes that.
        channel.pipeline.fireChannelReadComplete()
        if isStopping { channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent()) }
        channel.embeddedEventLoop.advanceTime(by: isStopping ? .seconds(14) : .seconds(29))
        #expect(channel.isActive)
        channel.embeddedEventLoop.advanceTime(by: .seconds(2))
        #expect(!channel.isActive)
    }

    /// Fails where the framework is told, for it closes at once, and the client's system throws away what it was to read.
    @Test("What the parser says of bytes behind its first error goes no further")
    func errorsBehindTheFirst() throws {
        let channel = try channel()
        channel.pipeline.fireErrorCaught(HTTPParserError.headerOverflow)
        #expect(try statuses(channel) == [431])
        channel.pipeline.fireErrorCaught(
            ByteToMessageDecoderError.dataReceivedInErrorState(HTTPParserError.headerOverflow, ByteBuffer(string: "x")))
        try channel.throwIfErrorCaught()
        #expect(try statuses(channel) == [])
    }

    /// Fails where requests are kept for whoever sends ahead without an end.
    @Test("Of requests that are sent ahead so many are answered, and then the connection ends")
    func sentAhead() throws {
        let channel = try channel()
        let most = ConnectionGuard.Limits().requestsAtOnce
        for _ in 0..<most + 10 {
            try channel.writeInbound(request("/v1/products"))
            try channel.writeInbound(HTTPServerRequestPart.end(nil))
        }
        var passedOn = 0
        while let part = try channel.readInbound(as: HTTPServerRequestPart.self) {
            if case .head = part { passedOn += 1 }
        }
        #expect(passedOn == most)
        #expect(try statuses(channel) == [])
        for _ in 0..<most { try answer(channel) }
        #expect(try statuses(channel) == Array(repeating: 200, count: most) + [503])
        channel.embeddedEventLoop.advanceTime(by: .seconds(3))
        #expect(!channel.isActive)
    }
}
