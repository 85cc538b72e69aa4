/// What operators ask of a cache. None of it can make a read stale: taking out what is cached is always permitted.
///
/// All calls throw ``CacheTrouble`` when the cache cannot be asked now.
package protocol CacheAdministration: Sendable {
    /// What is cached now, whole or in part, in no order.
    ///
    /// - Parameters:
    ///   - pattern: which SKUs; nothing for all, absences included.
    ///   - limit: how many to tell at most.
    func entries(matching pattern: SKUPattern?, limit: Int) async throws(CacheTrouble) -> CacheListing

    /// The entry of one product, and its document as JSON text.
    func entry(of id: ProductID) async throws(CacheTrouble) -> (entry: CacheEntry, document: String?)?

    /// Takes out the entries of the products.
    ///
    /// - Parameter dryRun: only tells.
    func flush(_ ids: [ProductID], dryRun: Bool) async throws(CacheTrouble) -> Flushed

    /// Takes out all entries whose SKU is like that; without a pattern everything.
    ///
    /// - Parameter dryRun: only tells.
    func flush(matching pattern: SKUPattern?, dryRun: Bool) async throws(CacheTrouble) -> Flushed
}

/// What was taken out of a cache, or would be.
package struct Flushed: Sendable, Equatable {
    package var entries: Int
    package var bytes: Int

    package init(entries: Int = 0, bytes: Int = 0) {
        self.entries = entries
        self.bytes = bytes
    }
}

/// Why a cache cannot be asked now, in words.
package struct CacheTrouble: Error, Sendable, Equatable {
    package let detail: String

    package init(_ detail: String) { self.detail = detail }
}

/// SKUs by a pattern: `*` is any text, `?` any character, and case does not count.
package struct SKUPattern: Hashable, Sendable {
    private let key: [UInt8]

    /// - Throws: ``InvalidValue`` when no SKU could be like it.
    package init(_ text: String) throws(InvalidValue) {
        guard (1...Bounds.skuLength).contains(text.utf8.count), text.utf8.allSatisfy({ (0x20...0x7E).contains($0) })
        else { throw InvalidValue("must be 1 to \(Bounds.skuLength) printable ASCII characters") }
        key = Array(SKU.fold(text).utf8)
    }

    /// Whether a SKU in key form is like it. It goes back to the last star only, so it takes no more steps than the
    /// product of the two lengths.
    package func matches(_ sku: String) -> Bool {
        let (text, any, one) = (Array(sku.utf8), UInt8(ascii: "*"), UInt8(ascii: "?"))
        var (position, index) = (0, 0)
        var star: (position: Int, index: Int)?
        while index < text.count {
            if position < key.count, key[position] == any {
                star = (position, index)
                position += 1
            } else if position < key.count, key[position] == one || key[position] == text[index] {
                position += 1
                index += 1
            } else if let last = star {
                star = (last.position, last.index + 1)
                position = last.position + 1
                index = last.index + 1
            } else {
                return false
            }
        }
        return key[position...].allSatisfy { $0 == any }
    }
}
