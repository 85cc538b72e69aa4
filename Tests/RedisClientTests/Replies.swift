import Foundation
import NIOCore

@testable import RedisClient

/// Replies as Redis writes them.
enum Replies {
    /// One of each kind, nested ones and such with line ends in them.
    static let all: [RedisValue] = [
        .status("OK"), .integer(42), .integer(.min), .integer(.max), .null, .bytes(ByteBuffer()),
        .bytes(ByteBuffer(string: "a\r\nb")), .bytes(ByteBuffer(bytes: Array(0...255))), .array([]),
        .array([.integer(1), .null, .array([.bytes(ByteBuffer(string: "x")), .error("ERR inside")]), .status("s")]),
        .error("NOSCRIPT No matching script."), nested(7, .integer(1)), .status(""),
    ]

    static func nested(_ levels: Int, _ value: RedisValue) -> RedisValue {
        (0..<levels).reduce(value) { value, _ in .array([value]) }
    }

    static func wire(_ values: [RedisValue]) -> [UInt8] { values.flatMap(wire) }

    static func wire(_ value: RedisValue) -> [UInt8] {
        switch value {
        case .null: Array("$-1\r\n".utf8)
        case .integer(let number): Array(":\(number)\r\n".utf8)
        case .bytes(let buffer): Array("$\(buffer.readableBytes)\r\n".utf8) + buffer.readableBytesView + [13, 10]
        case .status(let text): Array("+\(text)\r\n".utf8)
        case .error(let text): Array("-\(text)\r\n".utf8)
        case .array(let values): Array("*\(values.count)\r\n".utf8) + wire(values)
        }
    }

    /// What the one who asked is told of a reply.
    static func result(_ value: RedisValue) -> Result<RedisValue, RedisError> {
        if case .error(let text) = value { .failure(.server(text)) } else { .success(value) }
    }

    /// Streams that are valid, and known nasties: files beside this one.
    static func corpus() throws -> [(name: String, bytes: [UInt8])] {
        let directory = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Corpus")
        let names = try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted()
        return try names.map { ($0, Array(try Data(contentsOf: directory.appending(path: $0)))) }
    }
}

/// The state with numbers for those who wait. A class, since `#expect` takes no values that cannot be copied.
final class NumberedState {
    typealias Actions = RedisProtocolState<Int>.Actions

    private var state: RedisProtocolState<Int>

    init(limits: RedisLimits = RedisLimits()) {
        state = RedisProtocolState(limits: limits)
    }

    var isOpen: Bool { state.isOpen }
    var isOverdue: Bool { state.isOverdue }
    var nextDeadline: NIODeadline? { state.nextDeadline }
    var outstanding: Int { state.outstanding }
    var unreadBytes: Int { state.unreadBytes }

    func enqueue(_ waiter: Int, bytes: Int, deadline: NIODeadline) -> RedisError? {
        state.enqueue(waiter, bytes: bytes, deadline: deadline)
    }

    func turnEnded(after time: TimeAmount) { state.turnEnded(after: time) }
    func sent(_ bytes: Int) { state.sent(bytes) }
    func received(_ buffer: ByteBuffer) -> Actions { state.received(buffer) }
    func timePassed(now: NIODeadline) -> Actions { state.timePassed(now: now) }
    func close(_ why: String) -> Actions { state.close(why) }
}

extension NIODeadline {
    static func at(_ milliseconds: Int64) -> NIODeadline { .uptimeNanoseconds(0) + .milliseconds(milliseconds) }
}
