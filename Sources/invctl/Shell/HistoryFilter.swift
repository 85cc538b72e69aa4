/// Which lines the history may keep.
enum HistoryFilter {
    /// Bytes; a longer line was pasted and nobody looks for it.
    static let lineBytesMax = 4_096

    /// - Parameter last: the line kept before.
    static func keeps(_ line: String, after last: String?) -> Bool {
        guard let first = line.utf8.first, first != 0x20, first != 0x09, line.utf8.count <= lineBytesMax else {
            return false
        }
        return line != last && line.utf8.contains { !(0x09...0x0D).contains($0) && $0 != 0x20 }
            && !line.unicodeScalars.contains { $0 == "\n" || $0 == "\r" || $0 == "\0" } && !holdsSecret(line)
    }

    /// Whether a line holds an API key, or a URL with a user's name or password in it.
    private static func holdsSecret(_ line: String) -> Bool {
        let bytes = Array(line.utf8)
        let key = Array("inv_".utf8)
        let separator = Array("://".utf8)
        for offset in bytes.indices {
            let rest = bytes[offset...]
            if rest.starts(with: key) { return true }
            if rest.starts(with: separator), rest.prefix(while: { $0 > 0x20 }).contains(UInt8(ascii: "@")) {
                return true
            }
        }
        return false
    }
}
