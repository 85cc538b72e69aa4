package import NIOCore

/// A reply of Redis, in the second version of its protocol.
package enum RedisValue: Sendable, Equatable {
    case null
    case integer(Int64)
    case bytes(ByteBuffer)
    /// A one-line answer such as `OK`.
    case status(String)
    /// A refusal, beginning with its code in capitals: `NOSCRIPT …`.
    case error(String)
    case array([RedisValue])
}
