import Crypto

/// What a client shows to be let in: `inv_`, 12 digits by which it is found, and 64 random ones, all hexadecimal. It is
/// told once, when it is made.
package struct KeySecret: Sendable {
    /// The part that is no secret.
    package struct ID: Hashable, Sendable {
        package let text: String

        /// - Throws: ``InvalidValue`` when it is not 12 lower-case hexadecimal digits.
        package init(_ text: String) throws(InvalidValue) {
            guard text.utf8.count == KeySecret.idLength, text.utf8.allSatisfy(KeySecret.isDigit) else {
                throw InvalidValue("must be \(KeySecret.idLength) hexadecimal digits")
            }
            self.text = text
        }

        fileprivate init(unchecked text: String) { self.text = text }
    }

    /// So that scanners for leaked secrets, and people, know it for what it is.
    package static let prefix = "inv_"
    private static let idLength = 12
    private static let randomLength = 64

    package let id: ID
    package let text: String

    /// A new one. The random numbers are the system's, which are fit for secrets.
    package init() {
        var generator = SystemRandomNumberGenerator()
        func digits(_ count: Int) -> String {
            Hex.encode((0..<count / 2).map { _ in UInt8.random(in: 0...255, using: &generator) })
        }
        id = ID(unchecked: digits(Self.idLength))
        text = "\(Self.prefix)\(id.text)_\(digits(Self.randomLength))"
    }

    /// Reads what a client shows; nothing where it has not the form of one.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        let idEnd = Self.prefix.utf8.count + Self.idLength
        guard bytes.count == idEnd + 1 + Self.randomLength, text.hasPrefix(Self.prefix), bytes[idEnd] == 0x5F,
            bytes[Self.prefix.utf8.count..<idEnd].allSatisfy(Self.isDigit),
            bytes[(idEnd + 1)...].allSatisfy(Self.isDigit)
        else { return nil }
        id = ID(unchecked: String(decoding: bytes[Self.prefix.utf8.count..<idEnd], as: UTF8.self))
        self.text = text
    }

    package var digest: [UInt8] { Array(SHA256.hash(data: Array(text.utf8))) }

    private static func isDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x61...0x66: true
        default: false
        }
    }
}
