/// A parsed document, and what was wrong with it short of being no JSON at all.
package struct JSONDocument: Sendable {
    package let root: JSON

    /// Members that occur twice in one object, the first hundred of them. The last one wins in ``root``, but no request should rest on that.
    package let doubledMembers: [Fault]

    /// - Parameters:
    ///   - text: UTF-8, with or without a byte-order mark.
    ///   - valuesMax: what it may have of objects, arrays and everything in them. A tree costs far more than its text.
    /// - Throws: ``JSONSyntaxError`` when it is no JSON text, is nested more than 32 deep, or has more values.
    package init(parsing text: [UInt8], valuesMax: Int = .max) throws(JSONSyntaxError) {
        var parser = JSONParser(text: text, valuesMax: valuesMax)
        root = try parser.document()
        doubledMembers = parser.doubledMembers
    }

    package init(root: JSON) {
        self.root = root
        doubledMembers = []
    }
}

/// Why a text is no JSON, and where.
package struct JSONSyntaxError: Error, Hashable, Sendable {
    package let detail: String

    /// In bytes from the beginning of the text.
    package let offset: Int
}

/// A recursive-descent parser of RFC 8259. Strict: no comments, no trailing commas, no lone surrogates, no invalid
/// UTF-8; its recursion is bounded by the permitted nesting.
private struct JSONParser {
    let text: [UInt8]
    var doubledMembers: [Fault] = []
    private var index = 0
    private var path: [String] = []
    private let valuesMax: Int
    private var values = 0

    init(text: [UInt8], valuesMax: Int) {
        self.text = text
        self.valuesMax = valuesMax
        if text.starts(with: [0xEF, 0xBB, 0xBF]) { index = 3 }
    }

    mutating func document() throws(JSONSyntaxError) -> JSON {
        let root = try value(depth: 1)
        skipWhiteSpace()
        guard index == text.count else { throw failure("expected nothing more after the document") }
        return root
    }

    private mutating func value(depth: Int) throws(JSONSyntaxError) -> JSON {
        skipWhiteSpace()
        values += 1
        guard values <= valuesMax else { throw failure("there are more than \(valuesMax) values") }
        switch peek {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try literal("true", .bool(true))
        case UInt8(ascii: "f"): return try literal("false", .bool(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        case UInt8(ascii: "-"): return try number()
        case let byte? where (0x30...0x39).contains(byte): return try number()
        case nil: throw failure("the text ends where a value is expected")
        default: throw failure("expected a value")
        }
    }

    private mutating func object(depth: Int) throws(JSONSyntaxError) -> JSON {
        try open(depth: depth)
        var members: [String: JSON] = [:]
        if take(UInt8(ascii: "}")) { return .object(members) }
        repeat {
            skipWhiteSpace()
            guard peek == UInt8(ascii: "\"") else { throw failure("expected a member's name in quotes") }
            let name = try string()
            guard take(UInt8(ascii: ":")) else { throw failure("expected a colon after a member's name") }
            path.append(name)
            if members.updateValue(try value(depth: depth + 1), forKey: name) != nil, doubledMembers.count < 100 {
                doubledMembers.append(Fault(at: JSONPointer.text(path), "occurs more than once"))
            }
            path.removeLast()
        } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "}")) else { throw failure("expected a comma or the end of the object") }
        return .object(members)
    }

    private mutating func array(depth: Int) throws(JSONSyntaxError) -> JSON {
        try open(depth: depth)
        var items: [JSON] = []
        if take(UInt8(ascii: "]")) { return .array(items) }
        repeat {
            path.append(String(items.count))
            items.append(try value(depth: depth + 1))
            path.removeLast()
        } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "]")) else { throw failure("expected a comma or the end of the array") }
        return .array(items)
    }

    private mutating func open(depth: Int) throws(JSONSyntaxError) {
        guard depth <= Bounds.nesting else { throw failure("nested more than \(Bounds.nesting) deep") }
        index += 1
    }

    private mutating func literal(_ word: String, _ value: JSON) throws(JSONSyntaxError) -> JSON {
        guard text[index...].starts(with: word.utf8) else { throw failure("expected a value") }
        index += word.utf8.count
        return value
    }

    private mutating func number() throws(JSONSyntaxError) -> JSON {
        let start = index
        let isNegative = peek == UInt8(ascii: "-")
        if isNegative { index += 1 }
        let whole = digits()
        guard !whole.isEmpty, whole.count == 1 || text[whole.lowerBound] != UInt8(ascii: "0") else {
            throw failure("expected a number without leading zeros")
        }
        var fraction = index..<index
        if peek == UInt8(ascii: ".") {
            index += 1
            fraction = digits()
            guard !fraction.isEmpty else { throw failure("expected digits after the decimal point") }
        }
        var exponent = 0
        if peek == UInt8(ascii: "e") || peek == UInt8(ascii: "E") {
            index += 1
            let isShrinking = peek == UInt8(ascii: "-")
            if isShrinking || peek == UInt8(ascii: "+") { index += 1 }
            let power = digits()
            guard !power.isEmpty else { throw failure("expected digits in the exponent") }
            // What does not fit is as good as infinite.
            let size = min(Int(String(decoding: text[power], as: UTF8.self)) ?? 1_000_000_000, 1_000_000_000)
            exponent = isShrinking ? -size : size
        }
        if let integer = integer(text[whole] + text[fraction], scale: exponent - fraction.count, isNegative) {
            return .integer(integer)
        }
        return .number(String(decoding: text[start..<index], as: UTF8.self))
    }

    /// The integer that digits × 10^scale is, if it is one of 64 bits: 1.0 and 1e3 are integers too (JSON Schema,
    /// section 6.1.1), and none is read through floating point, which would round.
    private func integer(_ digits: ArraySlice<UInt8>, scale: Int, _ isNegative: Bool) -> Int64? {
        var digits = digits.drop { $0 == UInt8(ascii: "0") }
        var scale = scale
        while digits.last == UInt8(ascii: "0") {
            digits.removeLast()
            scale += 1
        }
        guard !digits.isEmpty else { return 0 }
        guard (0...18).contains(scale), digits.count + scale <= 19 else { return nil }
        let zeros = repeatElement(UInt8(ascii: "0"), count: scale)
        return Int64((isNegative ? "-" : "") + String(decoding: Array(digits) + zeros, as: UTF8.self))
    }

    private mutating func digits() -> Range<Int> {
        let start = index
        while let byte = peek, (0x30...0x39).contains(byte) { index += 1 }
        return start..<index
    }

    private mutating func string() throws(JSONSyntaxError) -> String {
        index += 1
        let start = index
        // Most strings have nothing to unescape, so their bytes are taken as they stand.
        while let byte = peek, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 { index += 1 }
        var bytes = Array(text[start..<index])
        while true {
            guard let byte = peek else { throw failure("the text ends within a string") }
            switch byte {
            case UInt8(ascii: "\""):
                index += 1
                guard let string = String(validating: bytes, as: UTF8.self) else { throw failure("expected UTF-8") }
                return string
            case UInt8(ascii: "\\"):
                index += 1
                try escape(into: &bytes)
            case 0..<0x20:
                throw failure("expected control characters in a string to be escaped")
            default:
                bytes.append(byte)
                index += 1
            }
        }
    }

    private mutating func escape(into bytes: inout [UInt8]) throws(JSONSyntaxError) {
        guard let byte = peek else { throw failure("the text ends within a string") }
        index += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): bytes.append(byte)
        case UInt8(ascii: "b"): bytes.append(0x08)
        case UInt8(ascii: "f"): bytes.append(0x0C)
        case UInt8(ascii: "n"): bytes.append(0x0A)
        case UInt8(ascii: "r"): bytes.append(0x0D)
        case UInt8(ascii: "t"): bytes.append(0x09)
        case UInt8(ascii: "u"):
            var value = try codeUnit()
            if (0xD800..<0xDC00).contains(value), take(exactly: "\\u") {
                let low = try codeUnit()
                guard (0xDC00..<0xE000).contains(low) else {
                    throw failure("expected the second half of a surrogate pair")
                }
                value = 0x10000 + (value - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(value) else { throw failure("expected a whole surrogate pair") }
            bytes.append(contentsOf: UTF8.encode(scalar)?.map { $0 } ?? [])
        default: throw failure("expected an escape sequence")
        }
    }

    private mutating func codeUnit() throws(JSONSyntaxError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = peek, let digit = Hex.value(byte) else {
                throw failure("expected four hexadecimal digits")
            }
            value = value << 4 | UInt32(digit)
            index += 1
        }
        return value
    }

    private var peek: UInt8? { index < text.count ? text[index] : nil }

    /// Skips white space and the byte, if it is there.
    private mutating func take(_ byte: UInt8) -> Bool {
        skipWhiteSpace()
        guard peek == byte else { return false }
        index += 1
        return true
    }

    private mutating func take(exactly word: String) -> Bool {
        guard text[index...].starts(with: word.utf8) else { return false }
        index += word.utf8.count
        return true
    }

    private mutating func skipWhiteSpace() {
        while let byte = peek, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { index += 1 }
    }

    private func failure(_ detail: String) -> JSONSyntaxError {
        JSONSyntaxError(detail: detail, offset: index)
    }
}

/// Places in a document (RFC 6901).
package enum JSONPointer {
    package static func text(_ path: [String]) -> String {
        path.map { "/" + escape($0) }.joined()
    }

    /// A name as part of a pointer, cut after 100 code points: a pointer is for people to find the place by, and an
    /// answer must not grow with what somebody sends.
    package static func escape(_ name: String) -> String {
        let name = name.utf8.count <= 100 ? name : String(String.UnicodeScalarView(name.unicodeScalars.prefix(100)))
        guard name.utf8.contains(where: { $0 == UInt8(ascii: "~") || $0 == UInt8(ascii: "/") }) else { return name }
        var escaped = ""
        for character in name.unicodeScalars {
            switch character {
            case "~": escaped += "~0"
            case "/": escaped += "~1"
            default: escaped.unicodeScalars.append(character)
            }
        }
        return escaped
    }
}
