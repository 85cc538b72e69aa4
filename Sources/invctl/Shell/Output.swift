import Glibc

/// Where the shell writes, past all buffers, so that its lines and those of Readline keep their order.
enum Output: Int32, Sendable {
    case standard = 1
    case error = 2

    func write(_ text: String) {
        _ = Self.writeAll(text, to: rawValue)
    }

    /// - Returns: whether all of it has been written.
    static func writeAll(_ text: String, to descriptor: Int32) -> Bool {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let written = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if written < 0 {
                guard errno == EINTR else { return false }
                continue
            }
            rest = rest.dropFirst(written)
        }
        return true
    }
}
