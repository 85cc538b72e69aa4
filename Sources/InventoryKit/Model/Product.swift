/// A product with its stock, as it was at one moment.
package struct Product: Hashable, Sendable {
    package let id: ProductID
    package var catalogue: Catalogue
    package var stock: StockLevel

    /// Counts changes of the catalogue, from 1.
    package var version: Int64

    /// Counts movements: the `seq` of the last one, 0 where there was none yet.
    package var stockVersion: Int64
    package let createdAt: Timestamp

    /// When the catalogue last changed. Movements have times of their own.
    package var updatedAt: Timestamp

    /// When the product was taken out of lists and sale, for good.
    package var archivedAt: Timestamp?

    package var isArchived: Bool { archivedAt != nil }

    package var etag: ETag { ETag(version: version, stockVersion: stockVersion) }

    package init(
        id: ProductID, catalogue: Catalogue, stock: StockLevel, version: Int64, stockVersion: Int64,
        createdAt: Timestamp, updatedAt: Timestamp, archivedAt: Timestamp? = nil
    ) {
        self.id = id
        self.catalogue = catalogue
        self.stock = stock
        self.version = version
        self.stockVersion = stockVersion
        self.createdAt = createdAt
        self.updatedAt = updatedAt
        self.archivedAt = archivedAt
    }
}

/// Which state of a product somebody has seen: a strong validator of RFC 9110, `"c<version>-s<stock_version>"`.
package struct ETag: Hashable, Sendable {
    package let version: Int64
    package let stockVersion: Int64

    package init(version: Int64, stockVersion: Int64) {
        self.version = version
        self.stockVersion = stockVersion
    }

    /// Reads the quoted form; anything that this service cannot have handed out is nothing.
    package init?(quoted text: some StringProtocol) { self.init(quoted: Array(text.utf8)[...]) }

    /// The same of bytes. Each cached read needs it, so it goes through them once.
    package init?(quoted bytes: ArraySlice<UInt8>) {
        var rest = bytes
        guard Self.skip("\"c", in: &rest), let version = Self.number(in: &rest), version >= 1,
            Self.skip("-s", in: &rest), let stockVersion = Self.number(in: &rest), rest.elementsEqual("\"".utf8)
        else { return nil }
        self.init(version: version, stockVersion: stockVersion)
    }

    private static func skip(_ text: StaticString, in rest: inout ArraySlice<UInt8>) -> Bool {
        let isThere = text.withUTF8Buffer { unsafe rest.starts(with: $0) }
        if isThere { rest = rest.dropFirst(text.utf8CodeUnitCount) }
        return isThere
    }

    /// Digits as they are written, so without any zeros before them.
    private static func number(in rest: inout ArraySlice<UInt8>) -> Int64? {
        var number: Int64 = 0
        var digits = 0
        while let byte = rest.first, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) {
            guard digits == 0 || number > 0 else { return nil }
            let (product, isTooLarge) = number.multipliedReportingOverflow(by: 10)
            let (sum, isBeyond) = product.addingReportingOverflow(Int64(byte - UInt8(ascii: "0")))
            guard !isTooLarge, !isBeyond else { return nil }
            number = sum
            digits += 1
            rest = rest.dropFirst()
        }
        return digits > 0 ? number : nil
    }

    /// As it stands in a header, quotes included.
    package var quoted: String { "\"c\(version)-s\(stockVersion)\"" }
}

/// A request to change a product's catalogue, with everything that has to hold for it to happen.
///
/// The store decides it as a whole: no caller reads first and hopes that nothing has changed since.
package struct Revision: Sendable {
    package enum Change: Sendable {
        /// All fields at once (PUT).
        case replace(Catalogue)
        /// Some fields (PATCH).
        case merge(CatalogueChange)
    }

    package let id: ProductID
    package var change: Change

    /// The states on which the client bases its change (`If-Match`): the product must be in one of them.
    package var expectedETags: [ETag]?

    /// The catalogue version on which it is based (a body's `version`), whatever the stock does meanwhile.
    package var expectedVersion: Int64?

    /// The stock that the document claims: it must be what there is, for it cannot be changed this way.
    package var claimedStock: ClaimedStock?

    package init(
        id: ProductID, change: Change, expectedETags: [ETag]? = nil, expectedVersion: Int64? = nil,
        claimedStock: ClaimedStock? = nil
    ) {
        self.id = id
        self.change = change
        self.expectedETags = expectedETags
        self.expectedVersion = expectedVersion
        self.claimedStock = claimedStock
    }

    /// The stock members that a document carried; absent ones claim nothing.
    package struct ClaimedStock: Hashable, Sendable {
        package var onHand: Int64?
        package var reserved: Int64?
        package var available: Int64?

        package init(onHand: Int64? = nil, reserved: Int64? = nil, available: Int64? = nil) {
            self.onHand = onHand
            self.reserved = reserved
            self.available = available
        }

        package func agrees(with stock: StockLevel) -> Bool {
            (onHand ?? stock.onHand) == stock.onHand && (reserved ?? stock.reserved) == stock.reserved
                && (available ?? stock.available) == stock.available
        }
    }

    /// Decides the revision on a product: the catalogue that results.
    ///
    /// - Throws: ``InventoryError`` when the product is archived, a precondition fails, the claimed stock is another,
    ///   or what results is invalid. That a SKU is taken only the store can see.
    package func decide(on product: Product) throws(InventoryError) -> Catalogue {
        if let archivedAt = product.archivedAt { throw .archived(product.id, at: archivedAt) }
        if let expectedETags, !expectedETags.contains(product.etag) { throw .preconditionFailed(current: product.etag) }
        if let expectedVersion, expectedVersion != product.version { throw .preconditionFailed(current: product.etag) }
        if let claimedStock, !claimedStock.agrees(with: product.stock) {
            throw .refused(.useAdjust(current: product.stock), replayed: false)
        }
        return switch change {
        case .replace(let catalogue): catalogue
        case .merge(let change): try change.applied(to: product.catalogue)
        }
    }
}
