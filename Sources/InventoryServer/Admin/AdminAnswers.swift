import HTTPTypes
import Hummingbird
import InventoryKit
import NIOCore

extension Response {
    /// A message of the admin channel.
    static func admin(_ message: some Encodable) throws -> Response {
        .json(text: ByteBuffer(bytes: try AdminProtocol.encode(message)), headers: [.cacheControl: "no-store"])
    }

    /// Messages one after another, a line each, as they come (NDJSON). Trouble with the store is the last of them.
    static func lines(
        of exchange: Exchange, _ write: @escaping @Sendable (inout LineWriter) async throws -> Void
    ) -> Response {
        let (path, call) = (exchange.request.uri.path, exchange.call)
        return Response(
            status: .ok, headers: [.contentType: "application/x-ndjson", .cacheControl: "no-store"],
            body: ResponseBody { writer in
                var lines = LineWriter(writer: writer, path: path, call: call)
                do { try await write(&lines) } catch let error as InventoryError {
                    try await lines.write(Problem(error))
                }
                try await lines.writer.finish(nil)
            })
    }
}

/// Writes messages as lines.
struct LineWriter {
    fileprivate var writer: any ResponseBodyWriter
    fileprivate let path: String
    fileprivate let call: Call

    mutating func write(_ message: some Encodable) async throws {
        try await write(bytes: try AdminProtocol.encode(message))
    }

    /// - Parameter bytes: a message, encoded.
    mutating func write(bytes: [UInt8]) async throws {
        var line = ByteBuffer(bytes: bytes)
        line.writeInteger(UInt8(ascii: "\n"))
        try await writer.write(line)
    }

    /// What came of it all, where that is trouble: `{"error": …}`.
    mutating func write(_ problem: Problem) async throws {
        call.notes.trouble = problem.code
        var json = JSONWriter()
        json.object { json in
            json.name("error")
            problem.write(to: &json, path: path, requestID: call.requestID)
        }
        try await write(bytes: json.bytes)
    }

    /// An empty line, which says nothing but that the connection is alive.
    mutating func keepAlive() async throws { try await writer.write(ByteBuffer(string: "\n")) }
}
