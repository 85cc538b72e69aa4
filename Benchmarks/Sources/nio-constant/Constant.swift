import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix

/// What SwiftNIO can do: one answer to every request, nothing looked at, nothing logged. The yardstick for a cached read.
///
///     nio-constant PORT FILE
///
/// The file is an answer as it came from the daemon (status line, headers, an empty line, body), so that both put the
/// same bytes on the wire.
@main
struct Constant {
    static func main() async throws {
        guard CommandLine.arguments.count == 3, let port = Int(CommandLine.arguments[1]),
            let answer = Answer(try String(contentsOfFile: CommandLine.arguments[2], encoding: .utf8))
        else {
            FileHandle.standardError.write(Data("usage: nio-constant PORT FILE\n".utf8))
            exit(EXIT_FAILURE)
        }
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup(numberOfThreads: System.coreCount))
            .serverChannelOption(.backlog, value: 1_024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(ConstantHandler(answer))
                }
            }
            .bind(host: "127.0.0.1", port: port).get()
        try await channel.closeFuture.get()
    }
}

struct Answer: Sendable {
    let head: HTTPResponseHead
    let body: ByteBuffer

    init?(_ text: String) {
        guard let end = text.range(of: "\r\n\r\n") else { return nil }
        var headers = HTTPHeaders()
        for line in text[..<end.lowerBound].components(separatedBy: "\r\n").dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { return nil }
            headers.add(
                name: String(line[..<colon]),
                value: line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces))
        }
        head = HTTPResponseHead(version: .http1_1, status: .ok, headers: headers)
        body = ByteBuffer(string: String(text[end.upperBound...]))
    }
}

final class ConstantHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let answer: Answer

    init(_ answer: Answer) { self.answer = answer }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .end = unwrapInboundIn(data) else { return }
        context.write(wrapOutboundOut(.head(answer.head)), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(answer.body))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
