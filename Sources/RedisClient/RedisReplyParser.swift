import CHiredis
import NIOCore

/// Bytes in, replies out: hiredis's reader, with the bounds that it lacks.
///
/// hiredis itself takes an announced array of two thousand million elements for a reason to allocate them, and waits for
/// a string of any length. So replies are built here, by functions that hiredis calls for each element, and what is
/// announced is looked at before it arrives.
@safe
struct RedisReplyParser: ~Copyable {
    /// What one reply may take, as bytes of its strings and `elementCost` for each element.
    static let replyBytesMax = 64 << 20
    static let elementCost = 64
    /// Arrays in one another. hiredis itself has room for one more.
    static let nestingMax = 7
    /// What an array may announce.
    static let elementsMax = 1 << 20
    /// A status, an error, a number or a length: how long it may be while its end has not come.
    static let lineBytesMax = 64 << 10
    /// Memory for bytes on the way in, kept when they are all read.
    private static let idleBytesMax = 256 << 10

    private let reader: UnsafeMutablePointer<redisReader>?
    private let builder = RedisReplyBuilder(bytesMax: replyBytesMax, elementsMax: elementsMax)

    init() {
        unsafe reader = redisReaderCreateWithFunctions(RedisReplyBuilder.functions)
        if let reader = unsafe reader {
            unsafe reader.pointee.privdata = Unmanaged.passUnretained(builder).toOpaque()
            unsafe reader.pointee.maxbuf = Self.idleBytesMax
        }
    }

    deinit {
        if let reader = unsafe reader { unsafe redisReaderFree(reader) }
    }

    /// Takes bytes as they came. Once it has failed, it fails for ever.
    mutating func feed(_ buffer: ByteBuffer) throws(RedisProtocolError) {
        guard let reader = unsafe reader else { throw RedisProtocolError("no memory for replies") }
        let status = unsafe buffer.withUnsafeReadableBytes { bytes in
            guard unsafe !bytes.isEmpty else { return REDIS_OK }
            return unsafe redisReaderFeed(
                reader, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count)
        }
        guard status == REDIS_OK else { throw unsafe failure(of: reader) }
    }

    /// The next reply that is there as a whole.
    mutating func next() throws(RedisProtocolError) -> RedisValue? {
        guard let reader = unsafe reader else { throw RedisProtocolError("no memory for replies") }
        var reply: UnsafeMutableRawPointer?
        guard unsafe redisReaderGetReply(reader, &reply) == REDIS_OK else { throw unsafe failure(of: reader) }
        guard unsafe reply != nil else {
            try unsafe checkAnnounced(by: reader)
            return nil
        }
        guard let value = builder.takeFinished() else { throw RedisProtocolError("a reply without a value") }
        return value
    }

    /// Bytes of which nothing has been made yet.
    var unreadBytes: Int {
        guard let reader = unsafe reader else { return 0 }
        return unsafe Int(reader.pointee.len) - Int(reader.pointee.pos)
    }

    private func failure(of reader: UnsafeMutablePointer<redisReader>) -> RedisProtocolError {
        if let refusal = builder.refusal { return RedisProtocolError(refusal) }
        let text = unsafe withUnsafeBytes(of: &reader.pointee.errstr) { bytes in
            unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        return RedisProtocolError(text.isEmpty ? "what came is not Redis's protocol" : text)
    }

    /// Looks at the element whose end is not there yet.
    private func checkAnnounced(by reader: UnsafeMutablePointer<redisReader>) throws(RedisProtocolError) {
        let unread = unreadBytes
        let level = unsafe Int(reader.pointee.ridx)
        guard unread > 0, level >= 0, let text = unsafe reader.pointee.buf else { return }
        let type = unsafe withUnsafeBytes(of: &reader.pointee.rstack) { stack in
            unsafe stack.assumingMemoryBound(to: redisReadTask.self)[level].type
        }
        guard type == REDIS_REPLY_STRING else {
            guard unread <= Self.lineBytesMax else { throw RedisProtocolError("a line that does not end") }
            return
        }
        let bytes = unsafe UnsafeRawBufferPointer(start: text + Int(reader.pointee.pos), count: unread)
        var length = 0
        // hiredis looks at the sign and at what else is wrong with it when the line is there.
        for offset in 0..<min(32, unread) {
            let byte = unsafe bytes[offset]
            if byte == UInt8(ascii: "\r") { return }
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { continue }
            length = length * 10 + Int(byte - UInt8(ascii: "0"))
            guard length <= Self.replyBytesMax else {
                throw RedisProtocolError("a string of more than \(Self.replyBytesMax) bytes is announced")
            }
        }
        guard unread < 32 else { throw RedisProtocolError("a length that does not end") }
    }
}
