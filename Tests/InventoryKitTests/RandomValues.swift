import InventoryKit
import TestSupport

/// What properties are tried with.
let seeds: [UInt64] = [1, 2, 3, 5, 8, 13, 21, 34]

// MARK: Numbers

extension SeededRandom {
    mutating func int(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }

    mutating func int64(_ range: ClosedRange<Int64>) -> Int64 { Int64.random(in: range, using: &self) }

    mutating func bool() -> Bool { Bool.random(using: &self) }

    /// 0 to 2⁵³ − 1, small ones as often as large ones.
    mutating func amount() -> Int64 {
        let unusedBits = UInt64(int(11...63))
        return Int64(next() >> unusedBits)
    }

    mutating func pick<Element>(_ items: [Element]) -> Element { items[int(0...items.count - 1)] }
}

// MARK: Texts

extension SeededRandom {
    /// Any code point, those that a parser or a writer has to treat specially often among them.
    mutating func scalar() -> Unicode.Scalar {
        switch int(0...7) {
        case 0: return Unicode.Scalar(UInt8(int(0x00...0x1F)))
        case 1: return pick(["\"", "\\", "/", "\u{7F}", "\u{FEFF}", "\u{2028}", "\u{301}", "\u{FFFD}", "~"])
        case 2: return Unicode.Scalar(UInt32(int(0x80...0xD7FF))) ?? "?"
        case 3: return Unicode.Scalar(UInt32(int(0xE000...0xFFFF))) ?? "?"
        case 4: return Unicode.Scalar(UInt32(int(0x1_0000...0x10_FFFF))) ?? "?"
        default: return Unicode.Scalar(UInt8(int(0x20...0x7E)))
        }
    }

    /// - Parameter length: in code points.
    mutating func text(_ length: ClosedRange<Int>) -> String {
        var text = String.UnicodeScalarView()
        for _ in 0..<int(length) { text.append(scalar()) }
        return String(text)
    }

    /// A text of one line that is not blank, as names and references have to be.
    mutating func line(_ length: ClosedRange<Int>) -> String {
        var line = String.UnicodeScalarView("x".unicodeScalars)
        for _ in 1..<max(2, int(length)) {
            let next = scalar()
            line.append(next.properties.generalCategory == .control ? "-" : next)
        }
        return String(line)
    }

    mutating func bytes(_ length: ClosedRange<Int>) -> [UInt8] {
        (0..<int(length)).map { _ in UInt8(truncatingIfNeeded: next()) }
    }
}

// MARK: Documents

extension SeededRandom {
    /// Any JSON document.
    ///
    /// - Parameter depth: how many more levels it may have.
    mutating func json(depth: Int) -> JSON {
        switch int(0...(depth > 0 ? 9 : 5)) {
        case 0: return .null
        case 1: return .bool(bool())
        case 2: return .integer(int64(.min ... .max))
        case 3: return .integer(amount())
        case 4: return .number(pick(["1.5", "-0.25E-7", "1e400", "18446744073709551616", "0.1", "123456.000001"]))
        case 5: return .string(text(0...12))
        case 6, 7:
            var items: [JSON] = []
            for _ in 0..<int(0...5) { items.append(json(depth: depth - 1)) }
            return .array(items)
        default:
            var members: [String: JSON] = [:]
            for _ in 0..<int(0...5) { members[text(0...6)] = json(depth: depth - 1) }
            return .object(members)
        }
    }
}
