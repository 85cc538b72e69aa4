import Crypto
import InventoryKit

/// Idempotency keys of rows. They are made from content and place, so that a file that is sent again does nothing
/// twice, and nothing of them depends on the file's name or the time.
enum RowKey {
    /// `seed-` and 64 hexadecimal digits.
    ///
    /// - Parameters:
    ///   - use: what the key is for, so that the same row bought is not taken for the same row loaded.
    ///   - line: of the row, or of the first one of several that are sent together.
    ///   - content: the row or rows, in a form that is the same each time.
    static func text(_ use: String, line: Int, content: some Sequence<UInt8>) -> String {
        let digest = SHA256.hash(data: Array("\(line)\n".utf8) + content)
        return "\(use)-\(Hex.encode(digest))"
    }
}

extension RowKey {
    /// For something that is typed once: 128 random bits.
    static func fresh() -> String {
        Hex.encode((0..<16).map { _ in UInt8.random(in: 0...255) })
    }
}
