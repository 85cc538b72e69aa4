import CHiredis
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

    fileprivate func append(to bytes: inout [UInt8]) {
        switch self {
        case .text(let text): bytes.append(contentsOf: text.utf8)
        case .bytes(let more): bytes.append(contentsOf: more)
        case .buffer(let buffer): bytes.append(contentsOf: buffer.readableBytesView)
        case .number(let number): bytes.append(contentsOf: String(number).utf8)
        }
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
    /// More than any command of a cache has, and far below what hiredis can count.
    static let bytesMax = 16 << 20

    /// `nil` where there is nothing to send: no words, or too many bytes of them. Such a command is refused.
    let bytes: ByteBuffer?

    package init(_ arguments: [RedisArgument]) {
        var words: [UInt8] = []
        // Enough for reads, of which there are most.
        words.reserveCapacity(min(arguments.count, 64) * 64)
        var lengths: [Int] = []
        lengths.reserveCapacity(arguments.count)
        for argument in arguments {
            let start = words.count
            argument.append(to: &words)
            lengths.append(words.count - start)
            guard words.count <= Self.bytesMax else { break }
        }
        guard !arguments.isEmpty, arguments.count <= Self.bytesMax / 16, words.count <= Self.bytesMax else {
            bytes = nil
            return
        }
        // One byte more, so that there is an address even where all words are empty.
        words.append(0)
        bytes = Self.format(words: words, lengths: lengths)
    }

    private static func format(words: [UInt8], lengths: [Int]) -> ByteBuffer? {
        unsafe words.withUnsafeBytes { words in
            unsafe withUnsafeTemporaryAllocation(of: UnsafePointer<CChar>?.self, capacity: lengths.count) { starts in
                var offset = 0
                for (place, length) in lengths.enumerated() {
                    unsafe starts.initializeElement(
                        at: place,
                        to: words.baseAddress.map { unsafe ($0 + offset).assumingMemoryBound(to: CChar.self) })
                    offset += length
                }
                var formatted: UnsafeMutablePointer<CChar>?
                let size = unsafe redisFormatCommandArgv(
                    &formatted, Int32(lengths.count), starts.baseAddress, lengths)
                guard size > 0, let start = unsafe formatted else { return nil }
                defer { unsafe redisFreeCommand(start) }
                return unsafe ByteBuffer(bytes: UnsafeRawBufferPointer(start: start, count: Int(size)))
            }
        }
    }
}
