import HTTPTypes
import Hummingbird
import InventoryKit
import NIOCore

extension Response {
    /// A message of the admin channel.
    static func admin(_ message: some Encodable) throws -> Response {
        .json(text: ByteBuffer(bytes: try AdminProtocol.encode(message)), headers: [.cacheControl: "no-store"])
    }

    /// Messages one after another, a line each, as they come (NDJSON).
    static func lines(_ write: @escaping @Sendable (inout LineWriter) async throws -> Void) -> Response {
        Response(
            status: .ok, headers: [.contentType: "application/x-ndjson", .cacheControl: "no-store"],
            body: ResponseBody { writer in
                var lines = LineWriter(writer: writer)
                try await write(&lines)
                try await lines.writer.finish(nil)
            })
    }
}

/// Writes messages as lines.
struct LineWriter {
    fileprivate var writer: any ResponseBodyWriter

    mutating func write(_ message: some Encodable) async throws {
        try await write(bytes: try AdminProtocol.encode(message))
    }

    /// - Parameter bytes: a message, encoded.
    mutating func write(bytes: [UInt8]) async throws {
        var line = ByteBuffer(bytes: bytes)
        line.writeInteger(UInt8(ascii: "\n"))
        try await writer.write(line)
    }

    /// An empty line, which says nothing but that the connection is alive.
    mutating func keepAlive() async throws { try await writer.write(ByteBuffer(string: "\n")) }
}
