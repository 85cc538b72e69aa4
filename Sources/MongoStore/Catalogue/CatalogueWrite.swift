import InventoryKit

/// A change of a product's catalogue fields, as one atomic write that happens only to the state it was decided on.
struct CatalogueWrite {
    /// The product as it was read.
    let stored: StoredProduct
    let catalogue: Catalogue

    /// The product's version afterwards; the same where only an answer is to be left.
    let version: Int64
    let updatedAt: Timestamp

    /// Whether the stock, too, has to be as it was.
    var pinsStock = false

    /// Tells this write from others: it stands in the document until the next one.
    let token: Int64

    /// An answer that the write leaves for repetitions, and which is only true under the fence that was read.
    var mark: BSON?

    init(_ stored: StoredProduct, to catalogue: Catalogue, at now: Timestamp, token: Int64) {
        self.stored = stored
        self.catalogue = catalogue
        self.token = token
        let isChanged = catalogue != stored.product.catalogue
        version = stored.product.version + (isChanged ? 1 : 0)
        updatedAt = isChanged ? max(now, stored.product.updatedAt) : stored.product.updatedAt
    }

    var changesSKU: Bool { catalogue.sku.key != stored.product.catalogue.sku.key }

    var query: BSON {
        .members([
            ("_id", .productID(stored.product.id)), ("version", .integer(stored.product.version)), ("live", true),
            ("stock_version", pinsStock ? .integer(stored.product.stockVersion) : nil),
            ("gen", mark == nil ? nil : .integer(stored.fence)),
        ])
    }

    var pipeline: BSON {
        var members: [(String, BSON)] = catalogue.members.map { name, value in
            (name, value.map { ["$literal": $0] } ?? "$$REMOVE")
        }
        members += [
            ("version", .integer(version)), ("updated_at", .date(updatedAt)), ("edit", .integer(token)),
            ("low", ["$lte": ["$available", .integer(catalogue.lowStockThreshold?.units ?? -1)]]),
        ]
        if let mark { members.append(("ops", ["$concatArrays": ["$ops", [["$literal": mark]]]])) }
        if mark != nil || changesSKU { members.append(("unfiled_since", ["$ifNull": ["$unfiled_since", "$$NOW"]])) }
        if changesSKU {
            // The old SKU stays held until what came by it has been filed (``StockPipeline``). The fence is new because
            // somebody may be told that nothing is sold under it, and a late copy of that request must not sell.
            members += [
                ("held_skus", ["$setUnion": ["$held_skus", [["$literal": .string(catalogue.sku.key)]]]]),
                ("gen", .integer(Int64.random(in: .min ... .max))),
            ]
        }
        return [["$set": .document(members)]]
    }
}
