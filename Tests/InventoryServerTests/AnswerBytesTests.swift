import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import InventoryServer

@Suite("Answers on the wire", .timeLimit(.minutes(1)))
struct AnswerBytesTests {
    private let channel = EmbeddedChannel()

    init() throws {
        try channel.pipeline.syncOperations.addHandlers([HTTPResponseEncoder(), AnswerBytes()])
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    /// What has left, buffer for buffer.
    private func buffers() throws -> [String] {
        var buffers: [String] = []
        while case .byteBuffer(let buffer)? = try channel.readOutbound(as: IOData.self) {
            buffers.append(String(buffer: buffer))
        }
        return buffers
    }

    private func write(_ parts: HTTPServerResponsePart...) {
        for part in parts { channel.write(AnswerPart.part(part), promise: nil) }
    }

    private func head(_ status: HTTPResponseStatus = .ok, _ headers: HTTPHeaders) -> HTTPServerResponsePart {
        .head(HTTPResponseHead(version: .http1_1, status: status, headers: headers))
    }

    private func body(_ text: String) -> HTTPServerResponsePart { .body(.byteBuffer(ByteBuffer(string: text))) }

    /// The encoder's own bytes are the measure.
    @Test(
        "An answer in one go is one buffer, of the very bytes that the encoder makes", arguments: [200, 404, 429],
        [true, false])
    func whole(status: Int, isInParts: Bool) throws {
        let fields: HTTPHeaders = ["Content-Length": "5", "X-Request-Id": "a b", "ETag": "\"1.2\""]
        let parts = [head(.init(statusCode: status), fields), body("hello"), .end(nil)]
        let encoder = EmbeddedChannel(handler: HTTPResponseEncoder())
        for part in parts { encoder.write(part, promise: nil) }
        if isInParts {
            for part in parts { write(part) }
        } else {
            let head = HTTPResponseHead(version: .http1_1, status: .init(statusCode: status), headers: fields)
            channel.write(AnswerPart.whole(head, ByteBuffer(string: "hello")), promise: nil)
        }
        channel.flush()
        encoder.flush()
        var expected = ByteBuffer()
        while case .byteBuffer(var buffer)? = try encoder.readOutbound(as: IOData.self) {
            expected.writeBuffer(&buffer)
        }
        #expect(try buffers() == [String(buffer: expected)])
    }

    @Test("Without a body, as for HEAD, too")
    func withoutBody() throws {
        write(head(.ok, ["Content-Length": "5"]), .end(nil))
        channel.flush()
        #expect(try buffers() == ["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"])
    }

    /// Fails where a part is kept back for good, comes twice, or after what follows it.
    @Test("What comes piece by piece leaves in its order, each piece when it is flushed")
    func pieces() throws {
        write(head(.ok, ["Content-Length": "10"]), body("hello"))
        channel.flush()
        #expect(try buffers().joined().hasSuffix("\r\n\r\nhello"))
        write(body("world"), .end(nil))
        channel.flush()
        #expect(try buffers().joined() == "world")

        write(head(.ok, ["Content-Length": "3"]), body("a"), body("b"), body("c"), .end(nil))
        channel.flush()
        #expect(try buffers().joined().hasSuffix("\r\n\r\nabc"))

        write(head(.continue, [:]), head(.ok, ["Content-Length": "2"]), body("ok"), .end(nil))
        channel.flush()
        #expect(try buffers().joined() == "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    }

    @Test("What has no length is left to the encoder, and nothing of it clings to the next answer")
    func chunked() throws {
        write(head(.ok, [:]), body("hello"), .end(nil))
        channel.flush()
        #expect(try buffers().joined().hasSuffix("transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"))
        write(head(.ok, ["Content-Length": "2"]), body("ok"), .end(nil))
        channel.flush()
        #expect(try buffers() == ["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"])
    }

    @Test("Who waits for any part is told when the answer has left, or that it cannot")
    func promises() throws {
        let promises = (0..<3).map { _ in channel.eventLoop.makePromise(of: Void.self) }
        channel.write(AnswerPart.part(head(.ok, ["Content-Length": "2"])), promise: promises[0])
        channel.write(AnswerPart.part(body("ok")), promise: promises[1])
        channel.write(AnswerPart.part(.end(nil)), promise: promises[2])
        channel.flush()
        for promise in promises { try promise.futureResult.wait() }

        let lost = channel.eventLoop.makePromise(of: Void.self)
        channel.write(AnswerPart.part(head(.ok, ["Content-Length": "2"])), promise: lost)
        try channel.close().wait()
        channel.embeddedEventLoop.run()
        #expect(throws: (any Error).self) { try lost.futureResult.wait() }
    }
}
