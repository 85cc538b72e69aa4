import InventoryKit

/// A document of `products`: a product with what only the store knows of it.
struct StoredProduct: Sendable {
    var product: Product

    /// A fence: whoever writes says which one it knew, and a write that knew another does nothing. Random, and new
    /// whenever something has left ``operations``, so that a delayed copy of an old write can never fit again.
    let fence: Int64

    /// What has been decided and not been filed yet, the oldest first, as it stands in the document.
    let operations: [BSONDocument]

    /// Since when the oldest of them has been there.
    let unfiledSince: Timestamp?

    /// What was asked for when a request that can be repeated created it.
    let fingerprint: String?

    /// When the stock last moved.
    let movedAt: Timestamp?

    /// The SKUs, in key form, that nobody else may have: its own, and those it gave up since its operations were last
    /// filed.
    let heldSKUs: [String]

    init(_ document: BSONDocument) throws(DamagedDocument) {
        product = try Product(document)
        fence = try document.integer("gen")
        operations = document.documents("ops")
        unfiledSince = try document.optionalTime("unfiled_since")
        fingerprint = try document.optionalText("fp")
        movedAt = try document.optionalTime("moved_at")
        heldSKUs = document.texts("held_skus")
    }

    /// The product of a document; `nil` where the document only marks a refused creation (``Tombstone``).
    init?(ifAny document: BSONDocument) throws(DamagedDocument) {
        guard document["live"] != nil else { return nil }
        try self.init(document)
    }
}

extension Product {
    /// What a list or a cache needs: everything but what is the store's own.
    static let projection: BSON = ["ops": 0, "terms": 0]

    init(_ document: BSONDocument) throws(DamagedDocument) {
        let id = try document.productID("_id")
        do {
            let low = try document.optionalInteger("low_stock_threshold")
            let most = try document.optionalInteger("max_per_order")
            var attributes: [String: String] = [:]
            for attribute in document.documents("attributes") {
                attributes[try attribute.text("name")] = try attribute.text("value")
            }
            self.init(
                id: id,
                catalogue: Catalogue(
                    sku: try SKU(document.text("sku")), name: try ProductName(document.text("name")),
                    description: try ProductDescription(document.text("description")),
                    price: try Money(document.document("price")),
                    lowStockThreshold: try low.map { units throws(InvalidValue) in try Balance(units) },
                    maxPerOrder: try most.map { units throws(InvalidValue) in try Quantity(units) },
                    attributes: try Attributes(attributes)
                ),
                stock: try StockLevel(onHand: document.integer("on_hand"), reserved: document.integer("reserved")),
                version: try document.integer("version"), stockVersion: try document.integer("stock_version"),
                createdAt: try document.time("created_at"), updatedAt: try document.time("updated_at"),
                archivedAt: try document.optionalTime("archived_at")
            )
        } catch let error as InvalidValue {
            throw DamagedDocument(detail: "product \(id.text): \(error.detail)")
        } catch let error as DamagedDocument {
            throw DamagedDocument(detail: "product \(id.text): \(error.detail)")
        } catch { throw DamagedDocument(detail: "product \(id.text): \(error)") }
    }
}

extension Money {
    init(_ document: BSONDocument) throws {
        try self.init(amount: document.integer("amount"), currency: Currency(document.text("currency")))
    }

    var bson: BSON { ["amount": .integer(amount), "currency": .string(currency.code)] }
}

extension Catalogue {
    /// The fields of the catalogue, with what is made from them for sorting and searching. A member that has no value is
    /// to be removed.
    var members: [(String, BSON?)] {
        [
            ("sku", .string(sku.text)), ("sku_key", .string(sku.key)), ("name", .string(name.text)),
            ("name_key", .string(SearchTerms.fold(name.text))), ("description", .string(description.text)),
            ("price", price.bson), ("low_stock_threshold", (lowStockThreshold?.units).map(BSON.integer)),
            ("max_per_order", (maxPerOrder?.units).map(BSON.integer)),
            (
                "attributes",
                .array(
                    attributes.values.sorted { $0.key < $1.key }.map {
                        ["name": .string($0.key), "value": .string($0.value)]
                    })
            ), ("terms", .array(Terms.stored(for: searchWords).map(BSON.string))),
        ]
    }

    func isLow(_ stock: StockLevel) -> Bool {
        lowStockThreshold.map { stock.available <= $0.units } ?? false
    }
}

extension BSONDocument {
    /// The document of a product that is created, with its opening movement among its operations.
    init(creating product: Product, opening: Movement?, origin: Origin, fence: Int64) {
        let stock = product.stock
        let members: [(String, BSON?)] =
            [("_id", .productID(product.id))] + product.catalogue.members + [
                ("on_hand", .integer(stock.onHand)), ("reserved", .integer(stock.reserved)),
                ("available", .integer(stock.available)), ("low", .bool(product.catalogue.isLow(stock))),
                ("version", .integer(product.version)), ("stock_version", .integer(product.stockVersion)),
                ("created_at", .date(product.createdAt)), ("updated_at", .date(product.updatedAt)),
                ("moved_at", (opening?.at).map(BSON.date)), ("live", true),
                ("held_skus", [.string(product.catalogue.sku.key)]), ("gen", .integer(fence)),
                ("ops", .array(opening.map { [$0.operation(fingerprint: origin.fingerprint)] } ?? [])),
                ("unfiled_since", (opening?.at).map(BSON.date)), ("fp", origin.fingerprint.map(BSON.string)),
            ]
        self.init(members.compactMap { name, value in value.map { (name, $0) } })
    }
}

/// What stands in `products` in place of a product whose creation was refused for good. A delayed copy of the creation
/// finds its `_id` taken; were the refusal written elsewhere, that copy could still create what the client was told is
/// not to be. It goes by itself with the other remembered answers (``Schema``).
enum Tombstone {
    static func document(_ id: ProductID, origin: Origin, refusal: Refusal, at time: Timestamp) -> BSONDocument {
        BSONDocument([
            ("_id", .productID(id)), ("op", .string(origin.id.text)), ("refused_at", .date(time)),
            ("fp", .string(origin.fingerprint ?? "")),
            ("record", BSON(refusal.record)),
        ])
    }
}

/// The terms by which words are found: every beginning of a word up to some length, and the word itself. A search for a
/// beginning is then a look-up of one key, whose products an index has in the order of their creation; as a range of
/// words it would have to be sorted, all of it for every page.
enum Terms {
    private static let longestPrefix = 12

    static func stored(for words: [String]) -> [String] {
        var terms: Set<String> = []
        for word in words {
            let scalars = Array(word.unicodeScalars)
            for length in 1...max(1, min(longestPrefix, scalars.count)) {
                terms.insert(String(String.UnicodeScalarView(scalars.prefix(length))))
            }
            terms.insert(word)
        }
        return terms.sorted()
    }

    /// What the terms of a product have to match for one of its words to begin with this one.
    static func conditions(for word: String) -> [BSON] {
        let scalars = word.unicodeScalars
        guard scalars.count > longestPrefix else { return [.string(word)] }
        // The beginning of it is a term, and few words differ only behind it. Words have letters and digits only, so
        // nothing that begins so comes after the end of the range; one and the same term has to lie in that.
        return [
            .string(String(String.UnicodeScalarView(scalars.prefix(longestPrefix)))),
            ["$elemMatch": ["$gte": .string(word), "$lt": .string(word + "\u{10FFFF}")]],
        ]
    }
}
