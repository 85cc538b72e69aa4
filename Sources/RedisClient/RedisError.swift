/// Why a command has no reply. The first two mean that it never left; after the next two, it may have been carried out.
package enum RedisError: Error, Sendable, Equatable {
    /// Never sent: the connection was closed before.
    case notConnected
    /// Never sent: too much is waiting already, or the command is too large.
    case overloaded
    /// Sent, perhaps done; no reply in time.
    case timedOut
    /// Sent, perhaps done; the connection went before the reply. With the reason.
    case closed(String)
    /// Redis's own refusal, beginning with its code: `NOSCRIPT …`, `OOM …`.
    case server(String)
}

/// What the other side sent is not Redis's protocol, or more than anybody asked for.
struct RedisProtocolError: Error, Equatable {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}
