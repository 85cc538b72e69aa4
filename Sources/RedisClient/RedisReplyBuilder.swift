import CHiredis
import NIOCore

/// Makes a reply of the elements that hiredis finds, in the order in which they come.
///
/// hiredis wants a pointer for each; it gets the builder's, which says only that all is well.
final class RedisReplyBuilder {
    private struct Level {
        let count: Int
        var elements: [RedisValue] = []
    }

    /// hiredis keeps the address. Nobody writes what it leads to once it is made, and it is never freed, so it may be
    /// read from any thread.
    nonisolated(unsafe) static let functions: UnsafeMutablePointer<redisReplyObjectFunctions> = {
        let functions = UnsafeMutablePointer<redisReplyObjectFunctions>.allocate(capacity: 1)
        unsafe functions.initialize(
            to: redisReplyObjectFunctions(
                createString: { task, text, length in
                    unsafe RedisReplyBuilder.of(task)?.string(type: task?.pointee.type, text, length)
                },
                createArray: { task, count in unsafe RedisReplyBuilder.of(task)?.array(Int(count)) },
                createInteger: { task, number in unsafe RedisReplyBuilder.of(task)?.add(.integer(number), bytes: 0) },
                createNil: { task in unsafe RedisReplyBuilder.of(task)?.add(.null, bytes: 0) },
                freeObject: { _ in }))
        return unsafe functions
    }()

    private let bytesMax: Int
    private let elementsMax: Int
    /// Arrays that have begun, the outermost first.
    private var levels: [Level] = []
    private var size = 0
    private var finished: RedisValue?

    /// Why an element was not taken. hiredis says of it only that it has no memory.
    private(set) var refusal: String?

    init(bytesMax: Int, elementsMax: Int) {
        self.bytesMax = bytesMax
        self.elementsMax = elementsMax
    }

    /// The reply, once.
    func takeFinished() -> RedisValue? {
        defer {
            finished = nil
            size = 0
        }
        return finished
    }

    private static func of(_ task: UnsafePointer<redisReadTask>?) -> RedisReplyBuilder? {
        guard let builder = unsafe task?.pointee.privdata else { return nil }
        return unsafe Unmanaged<RedisReplyBuilder>.fromOpaque(builder).takeUnretainedValue()
    }

    private func string(
        type: Int32?, _ text: UnsafeMutablePointer<CChar>?, _ length: Int
    ) -> UnsafeMutableRawPointer? {
        guard room(for: length) else { return nil }
        let bytes = unsafe UnsafeRawBufferPointer(start: text, count: length)
        switch type {
        case REDIS_REPLY_STATUS: return unsafe add(.status(String(decoding: bytes, as: UTF8.self)), bytes: length)
        case REDIS_REPLY_ERROR: return unsafe add(.error(String(decoding: bytes, as: UTF8.self)), bytes: length)
        default: return unsafe add(.bytes(ByteBuffer(bytes: bytes)), bytes: length)
        }
    }

    private func array(_ count: Int) -> UnsafeMutableRawPointer? {
        guard count > 0 else { return unsafe add(.array([]), bytes: 0) }
        guard count <= elementsMax else {
            refusal = "an array of more than \(elementsMax) elements is announced"
            return nil
        }
        guard levels.count < RedisReplyParser.nestingMax else {
            refusal = "more than \(RedisReplyParser.nestingMax) arrays in one another"
            return nil
        }
        levels.append(Level(count: count))
        return unsafe Unmanaged.passUnretained(self).toOpaque()
    }

    private func room(for bytes: Int) -> Bool {
        guard size + bytes <= bytesMax else {
            refusal = "a reply of more than \(bytesMax) bytes"
            return false
        }
        return true
    }

    private func add(_ value: RedisValue, bytes: Int) -> UnsafeMutableRawPointer? {
        guard room(for: bytes + RedisReplyParser.elementCost) else { return nil }
        size += bytes + RedisReplyParser.elementCost
        var value = value
        while true {
            guard var level = levels.popLast() else {
                finished = value
                break
            }
            level.elements.append(value)
            guard level.elements.count == level.count else {
                levels.append(level)
                break
            }
            value = .array(level.elements)
        }
        return unsafe Unmanaged.passUnretained(self).toOpaque()
    }
}
