/// What a user presses.
enum Key: Equatable, Sendable {
    case character(Character)
    case enter
    case escape
    case backspace
    case up
    case down
    case left
    case right
}

/// Makes keys of the bytes a terminal sends. Sequences it does not know are swallowed whole, so that a mouse or a key
/// unheard of is not taken for letters.
struct KeyDecoder: Sendable {
    private enum State: Sendable {
        case start
        case escape
        case sequence(Int)
        case character([UInt8], Int)
    }

    /// No known sequence is longer.
    private static let sequenceLimit = 32

    private var state = State.start

    mutating func decode(_ bytes: some Sequence<UInt8>) -> [Key] {
        bytes.flatMap { decode($0) }
    }

    /// The escape key sends what a sequence begins with: when nothing follows for a moment, it was the key.
    mutating func pause() -> [Key] {
        defer { state = .start }
        if case .escape = state { return [.escape] }
        return []
    }

    /// There is a beginning that may go on.
    var isWaiting: Bool { if case .start = state { false } else { true } }

    private mutating func decode(_ byte: UInt8) -> [Key] {
        switch state {
        case .start: return first(byte)
        case .escape:
            if byte == UInt8(ascii: "[") || byte == UInt8(ascii: "O") {
                state = .sequence(0)
                return []
            }
            state = .start
            return [.escape] + first(byte)
        case .sequence(let length):
            guard (0x40...0x7E).contains(byte) || length >= Self.sequenceLimit else {
                state = .sequence(length + 1)
                return []
            }
            state = .start
            let arrows: [UInt8: Key] = [0x41: .up, 0x42: .down, 0x43: .right, 0x44: .left]
            return length == 0 ? arrows[byte].map { [$0] } ?? [] : []
        case .character(let bytes, let missing):
            state = .start
            guard (0x80..<0xC0).contains(byte) else { return first(byte) }
            guard missing == 1 else {
                state = .character(bytes + [byte], missing - 1)
                return []
            }
            return String(validating: bytes + [byte], as: UTF8.self)?.map { .character($0) } ?? []
        }
    }

    private mutating func first(_ byte: UInt8) -> [Key] {
        switch byte {
        case 0x1B: state = .escape
        case 0x0A, 0x0D: return [.enter]
        case 0x08, 0x7F: return [.backspace]
        case 0x20..<0x7F: return [.character(Character(Unicode.Scalar(byte)))]
        case 0xC2..<0xE0: state = .character([byte], 1)
        case 0xE0..<0xF0: state = .character([byte], 2)
        case 0xF0..<0xF5: state = .character([byte], 3)
        default: break
        }
        return []
    }
}
