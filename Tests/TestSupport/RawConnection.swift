package import NIOCore
import NIOPosix

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A TCP connection on which tests write bytes that no well-behaved client would, and read what comes back.
package struct RawConnection: Sendable {
    private let channel: NIOAsyncChannel<ByteBuffer, ByteBuffer>

    /// - Parameter resets: whether it ends with a reset, as that of a client that is killed with bytes unread, and not with
    ///   a word that nothing more will be sent.
    package static func open(
        port: Int, host: String = "127.0.0.1", resets: Bool = false
    ) async throws -> RawConnection {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: host, port: port) { channel in
                if resets, let socket = channel as? any SocketOptionProvider {
                    socket.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenFailure { _ in channel.close(promise: nil) }
                }
                return channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(
                        wrappingChannelSynchronously: channel,
                        configuration: .init(isOutboundHalfClosureEnabled: true)
                    )
                }
            }
        return RawConnection(channel: channel)
    }

    /// Writes each text in turn and returns everything that comes back until the server closes the connection, or
    /// until `isEnough` of what has come.
    package static func exchange(
        port: Int, host: String = "127.0.0.1", _ texts: String...,
        until isEnough: @Sendable (String) -> Bool = { _ in false }
    ) async throws -> String {
        try await exchange(port: port, host: host, texts.map { ByteBuffer(string: $0) }, until: isEnough)
    }

    /// The same with bytes that are no text.
    package static func exchange(port: Int, bytes: [UInt8]) async throws -> String {
        try await exchange(port: port, host: "127.0.0.1", [ByteBuffer(bytes: bytes)]) { _ in false }
    }

    private static func exchange(
        port: Int, host: String, _ parts: [ByteBuffer], until isEnough: @Sendable (String) -> Bool
    ) async throws -> String {
        let connection = try await open(port: port, host: host)
        return try await connection.channel.executeThenClose { inbound, outbound in
            var answer = ""
            do {
                for part in parts { try await outbound.write(part) }
                for try await part in inbound {
                    answer += String(buffer: part)
                    if isEnough(answer) { break }
                }
            } catch {
                // A connection that is reset ends an answer as well as one that is closed.
            }
            return answer
        }
    }

    /// Writes and reads by turns, for as long as `body` likes.
    package func converse<Value: Sendable>(
        _ body:
            @Sendable (
                _ inbound: inout NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator,
                _ outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
            ) async throws -> Value
    ) async throws -> Value {
        try await channel.executeThenClose { inbound, outbound in
            var iterator = inbound.makeAsyncIterator()
            return try await body(&iterator, outbound)
        }
    }
}
