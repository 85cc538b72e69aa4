/// The identity of a product: 24 hexadecimal digits, the shape of a MongoDB ObjectId.
package struct ProductID: Hashable, Comparable, Sendable {
    /// 24 lower-case hexadecimal digits.
    package let text: String

    /// - Throws: ``InvalidValue`` when the text is anything else than 24 hexadecimal digits.
    package init(_ text: String) throws(InvalidValue) {
        guard text.utf8.count == 24, text.utf8.allSatisfy(Hex.isDigit) else {
            throw InvalidValue("must be 24 hexadecimal digits")
        }
        self.text = SKU.fold(text)
    }

    /// A new identity: seconds since 1970 and 64 random bits, so that ids grow roughly with time.
    package init(at time: Timestamp) {
        let seconds = UInt32(truncatingIfNeeded: time.milliseconds / 1_000)
        text = Hex.encode(seconds.bigEndianBytes + UInt64.random(in: 0...UInt64.max).bigEndianBytes)
    }

    /// The identity that belongs to a request with an idempotency key: the first 96 bits of the request's own.
    package init(of operation: OperationID) {
        var digits = operation.text.utf8.filter(Hex.isDigit).prefix(24)
        // Only an operation that is not made from a digest could be shorter; it is still the same id every time.
        while digits.count < 24 { digits.append(UInt8(ascii: "0")) }
        text = String(decoding: digits, as: UTF8.self)
    }

    package static func < (left: ProductID, right: ProductID) -> Bool { left.text < right.text }
}

/// How a request names a product: by its identity, or by the SKU it is sold under.
package enum ProductReference: Hashable, Sendable {
    case id(ProductID)
    case sku(SKU)

    /// Reads `<id>` or `sku:<sku>`.
    ///
    /// - Throws: ``InvalidValue`` when it is neither.
    package init(_ text: String) throws(InvalidValue) {
        if text.hasPrefix("sku:") {
            self = .sku(try SKU(String(text.dropFirst(4))))
        } else {
            self = .id(try ProductID(text))
        }
    }

    /// One spelling for all that name the same: what an idempotency key's scope is made of.
    package var canonical: String {
        switch self {
        case .id(let id): id.text
        case .sku(let sku): "sku:\(sku.key)"
        }
    }
}

/// The identity of one change, and of the movement it leaves in the ledger.
///
/// With an idempotency key it is a digest of the key and its scope (``Idempotency``), so the same request has the same
/// identity wherever and whenever it is sent. Without one it is a fresh UUID.
package struct OperationID: Hashable, Comparable, Sendable {
    /// 64 hexadecimal digits, or a UUID of 36 characters.
    package let text: String

    /// - Throws: ``InvalidValue`` when the text cannot be the identity of a change.
    package init(_ text: String) throws(InvalidValue) {
        let folded = SKU.fold(text)
        let groups = folded.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard [[64], [8, 4, 4, 4, 12]].contains(groups.map(\.count)), groups.allSatisfy({ $0.allSatisfy(Hex.isDigit) })
        else {
            throw InvalidValue("must be 64 hexadecimal digits or a UUID")
        }
        self.text = folded
    }

    package init(digest: some Sequence<UInt8>) {
        text = Hex.encode(digest)
    }

    /// A fresh identity that sorts by time: UUID version 7 (RFC 9562, section 5.7).
    package init(at time: Timestamp) {
        var bytes = Array(UInt64(bitPattern: time.milliseconds).bigEndianBytes.dropFirst(2))
        bytes += UInt16.random(in: 0...0x0FFF).bigEndianBytes
        bytes += UInt64.random(in: 0...UInt64.max).bigEndianBytes
        bytes[6] = bytes[6] & 0x0F | 0x70
        bytes[8] = bytes[8] & 0x3F | 0x80
        var text = Hex.encode(bytes)
        for offset in [8, 13, 18, 23] {
            text.insert("-", at: text.index(text.startIndex, offsetBy: offset))
        }
        self.text = text
    }

    package static func < (left: OperationID, right: OperationID) -> Bool { left.text < right.text }
}

/// Bytes as hexadecimal digits.
package enum Hex {
    package static func encode(_ bytes: some Sequence<UInt8>) -> String {
        var text: [UInt8] = []
        for byte in bytes {
            text.append(digit(byte >> 4))
            text.append(digit(byte & 0x0F))
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The bytes, or nothing when the text is no even number of hexadecimal digits.
    package static func decode(_ text: String) -> [UInt8]? {
        guard text.utf8.count.isMultiple(of: 2) else { return nil }
        var bytes: [UInt8] = []
        var high: UInt8?
        for character in text.utf8 {
            guard let value = value(character) else { return nil }
            if let first = high {
                bytes.append(first << 4 | value)
                high = nil
            } else {
                high = value
            }
        }
        return bytes
    }

    package static func isDigit(_ character: UInt8) -> Bool { value(character) != nil }

    package static func value(_ character: UInt8) -> UInt8? {
        switch character {
        case 0x30...0x39: character - 0x30
        case 0x61...0x66: character - 0x61 + 10
        case 0x41...0x46: character - 0x41 + 10
        default: nil
        }
    }

    private static func digit(_ nibble: UInt8) -> UInt8 {
        nibble < 10 ? 0x30 + nibble : 0x61 + nibble - 10
    }
}

extension FixedWidthInteger {
    fileprivate var bigEndianBytes: [UInt8] {
        stride(from: bitWidth - 8, through: 0, by: -8).map { UInt8(truncatingIfNeeded: self >> $0) }
    }
}
