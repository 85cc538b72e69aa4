import NIOCore
import Testing

@testable import RedisClient

@Suite("Parser of replies")
struct ReplyParserTests {
    /// All replies of pieces that come one after the other.
    private func parse(_ pieces: [[UInt8]]) throws(RedisProtocolError) -> [RedisValue] {
        var parser = RedisReplyParser()
        var values: [RedisValue] = []
        for piece in pieces {
            try parser.feed(ByteBuffer(bytes: piece))
            while let value = try parser.next() { values.append(value) }
        }
        return values
    }

    @Test("Replies of every kind come out the same, split at every byte")
    func everySplit() throws {
        let wire = Replies.wire(Replies.all)
        #expect(try parse([wire]) == Replies.all)
        #expect(try parse(wire.map { [$0] }) == Replies.all)
        for split in 0...wire.count {
            #expect(try parse([Array(wire[..<split]), Array(wire[split...])]) == Replies.all)
        }
    }

    @Test("Seven arrays in one another are read, and eight are not")
    func nesting() throws {
        let seven = Replies.nested(7, .status("deep"))
        #expect(try parse([Replies.wire(seven)]) == [seven])
        #expect(throws: RedisProtocolError.self) { try parse([Replies.wire(Replies.nested(8, .status("deep")))]) }
    }

    @Test(
        "What announces too much is refused before it comes",
        arguments: [
            "$67108865\r\n", "$9223372036854775807\r\n", "$99999999999", "$99999999999999999999999999\r\n",
            "*1048577\r\n", "*2147483647\r\n", "*4611686018427387905\r\n", "*2\r\n:1\r\n$67108865\r\n", "*-2\r\n",
            "$-2\r\n",
        ])
    func announcements(_ text: String) {
        #expect(throws: RedisProtocolError.self) { try parse([Array(text.utf8)]) }
    }

    @Test("A string of the size that is allowed is waited for")
    func allowedSize() throws {
        #expect(try parse([Array("$67108864\r\nabc".utf8)]).isEmpty)
        #expect(try parse([Array("*1048576\r\n:1\r\n".utf8)]).isEmpty)
    }

    @Test("An array of many strings may not be larger in sum than one string")
    func sum() {
        let megabyte = Replies.wire(.bytes(ByteBuffer(repeating: 1, count: 1 << 20)))
        let pieces = [Array("*1000\r\n".utf8)] + Array(repeating: megabyte, count: 70)
        #expect(throws: RedisProtocolError("a reply of more than 67108864 bytes")) { try parse(pieces) }
    }

    @Test("The sum begins anew with each reply")
    func sumOfEach() throws {
        let megabyte = RedisValue.bytes(ByteBuffer(repeating: 1, count: 1 << 20))
        let pieces = Array(repeating: Replies.wire(megabyte), count: 70)
        #expect(try parse(pieces).count == 70)
    }

    @Test("A line that does not end is refused")
    func endlessLine() {
        let piece = Array(repeating: UInt8(ascii: "a"), count: 10_000)
        #expect(throws: RedisProtocolError("a line that does not end")) {
            try parse([Array("+".utf8)] + Array(repeating: piece, count: 7))
        }
        #expect(throws: RedisProtocolError.self) { try parse([Array("$".utf8) + piece]) }
    }

    @Test("What has failed once fails for ever")
    func failsForEver() throws {
        var parser = RedisReplyParser()
        try parser.feed(ByteBuffer(string: "?"))
        #expect(throws: RedisProtocolError.self) { try parser.next() }
        #expect(throws: RedisProtocolError.self) { try parser.feed(ByteBuffer(string: "+OK\r\n")) }
        #expect(throws: RedisProtocolError.self) { try parser.next() }
    }

    @Test("A command is what its words are, whatever is in them")
    func command() {
        let words: [RedisArgument] = [
            "SET", .bytes([0, 13, 10]), RedisArgument(ByteBuffer(string: "")), 17, "a\("b")",
        ]
        let wire = "*5\r\n$3\r\nSET\r\n$3\r\n\0\r\n\r\n$0\r\n\r\n$2\r\n17\r\n$2\r\nab\r\n"
        #expect(RedisCommand(words).bytes == ByteBuffer(string: wire))
        #expect(RedisCommand([""]).bytes == ByteBuffer(string: "*1\r\n$0\r\n\r\n"))
        #expect(RedisCommand([]).bytes == nil)
        #expect(RedisCommand([.bytes(Array(repeating: 1, count: RedisCommand.bytesMax + 1))]).bytes == nil)
    }
}
