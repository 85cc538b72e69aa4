/// A client's name for one request, under which it may be sent again without happening twice.
package struct IdempotencyKey: Hashable, Sendable {
    package let text: String

    /// Reads the header's value, a quoted string or bare: `"a-1"` and `a-1` are the same key.
    ///
    /// - Throws: ``InvalidValue`` when it is not 1 to 255 visible ASCII characters.
    package init(_ header: String) throws(InvalidValue) {
        let isQuoted = header.utf8.count >= 2 && header.hasPrefix("\"") && header.hasSuffix("\"")
        let text = isQuoted ? String(header.dropFirst().dropLast()) : header
        guard (1...Bounds.idempotencyKeyLength).contains(text.utf8.count),
            text.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "\"") })
        else {
            throw InvalidValue(
                "must be 1 to \(Bounds.idempotencyKeyLength) visible ASCII characters, quoted or bare, without quotes inside"
            )
        }
        self.text = text
    }
}
