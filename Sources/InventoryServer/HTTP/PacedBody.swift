import HTTPTypes
import HummingbirdCore
import NIOCore

/// The body of a long answer, written no faster than its client takes it.
///
/// NIO's writer waits where the connection is not writable, but takes it for writable until the event loop has seen what was
/// written before, and has waited for nothing if all of it was written by then: an answer of eight megabytes would count as
/// sent with its first byte. So this one goes by pieces, and lets the loop see each.
struct PacedBody<Base: ResponseBodyWriter>: ResponseBodyWriter {
    /// What a connection that is not read has in memory at most, beside what its system holds: two of them.
    private static var pieceBytes: Int { 64 * 1_024 }

    private var base: Base
    private let loop: any EventLoop

    init(_ base: Base, on loop: any EventLoop) {
        self.base = base
        self.loop = loop
    }

    mutating func write(_ buffer: ByteBuffer) async throws {
        var rest = buffer
        while let piece = rest.readSlice(length: min(Self.pieceBytes, rest.readableBytes)), piece.readableBytes > 0 {
            try await base.write(piece)
            try await loop.submit {}.get()
        }
    }

    consuming func finish(_ trailingHeaders: HTTPFields?) async throws {
        try await base.finish(trailingHeaders)
    }
}

extension ResponseWriter {
    /// Writes an answer that may be long.
    consuming func writePaced(_ head: HTTPResponse, _ body: ResponseBody, on loop: any EventLoop) async throws {
        try await body.write(PacedBody(try await writeHead(head), on: loop))
    }
}
