package import NIOCore

/// One word of a command.
package enum RedisArgument: Sendable, Equatable {
    case text(String)
    case bytes([UInt8])
    case buffer(ByteBuffer)
    case number(Int)

    package init(_ text: String) { self = .text(text) }
    package init(_ bytes: [UInt8]) { self = .bytes(bytes) }
    package init(_ buffer: ByteBuffer) { self = .buffer(buffer) }
    package init(_ number: Int) { self = .number(number) }

    /// In the protocol's form: its length, and its bytes.
    fileprivate func append(to command: inout [UInt8]) {
        switch self {
        case .text(let text): Self.append(text.utf8, to: &command)
        case .bytes(let bytes): Self.append(bytes, to: &command)
        case .buffer(let buffer): Self.append(buffer.readableBytesView, to: &command)
        case .number(let number): Self.append(String(number).utf8, to: &command)
        }
    }

    private static func append(_ word: some Collection<UInt8>, to command: inout [UInt8]) {
        command += "$\(word.count)\r\n".utf8
        command += word
        command += "\r\n".utf8
    }
}

extension RedisArgument: ExpressibleByStringInterpolation, ExpressibleByIntegerLiteral {
    package init(stringLiteral text: String) { self = .text(text) }
    package init(integerLiteral number: Int) { self = .number(number) }
}

/// A command as it goes over the wire. It is formatted once, so one that is sent again and again costs that once.
///
/// Not for commands that have other than one reply: `SUBSCRIBE`, `MONITOR`, `CLIENT REPLY` and the like.
package struct RedisCommand: Sendable, Equatable {
    /// More than any command of a cache has.
    static let bytesMax = 16 << 20

    /// `nil` where there is nothing to send: no words, or too many bytes of them. Such a command is refused.
    let bytes: ByteBuffer?

    package init(_ arguments: [RedisArgument]) {
        guard !arguments.isEmpty, arguments.count <= Self.bytesMax / 16 else {
            bytes = nil
            return
        }
        var command: [UInt8] = []
        // Enough for a read, of which there are most.
        command.reserveCapacity(128)
        command += "*\(arguments.count)\r\n".utf8
        for argument in arguments {
            argument.append(to: &command)
            guard command.count <= Self.bytesMax else {
                bytes = nil
                return
            }
        }
        bytes = ByteBuffer(bytes: command)
    }
}
