/// A stock keeping unit: the name by which people, labels and spreadsheets know a product.
///
/// 1 to 64 printable ASCII characters with no blank at either end. Two SKUs that differ in case alone name the same
/// product: ``key`` is what uniqueness and look-ups go by, ``text`` is how it was written.
package struct SKU: Hashable, Sendable {
    package let text: String

    /// The form without case (ASCII lower case) under which a SKU is unique.
    package let key: String

    /// - Throws: ``InvalidValue`` when the text is empty, too long, not printable ASCII, or begins or ends with a blank.
    package init(_ text: String) throws(InvalidValue) {
        let bytes = text.utf8
        guard (1...Bounds.skuLength).contains(bytes.count), bytes.allSatisfy({ (0x20...0x7E).contains($0) }) else {
            throw InvalidValue("must be 1 to \(Bounds.skuLength) printable ASCII characters")
        }
        guard bytes.first != 0x20, bytes.last != 0x20 else {
            throw InvalidValue("must not begin or end with a blank")
        }
        self.text = text
        self.key = Self.fold(text)
    }

    /// ASCII lower case, byte by byte: the same in every store and every locale.
    package static func fold(_ text: String) -> String {
        // Most have nothing to fold, and each read of a product asks.
        guard text.utf8.contains(where: { (0x41...0x5A).contains($0) }) else { return text }
        return String(decoding: text.utf8.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }, as: UTF8.self)
    }

    package static func == (left: SKU, right: SKU) -> Bool { left.text == right.text }

    package func hash(into hasher: inout Hasher) { hasher.combine(text) }
}
