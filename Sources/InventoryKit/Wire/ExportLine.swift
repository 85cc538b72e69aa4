/// A line of a full export, which is NDJSON: a header, every entry, and an end by which a file that was cut short is told
/// from a whole one.
package enum ExportLine: Hashable, Sendable {
    case header(exportedAt: Timestamp)
    case entry(InventoryEntry)
    case end(InventoryTotals)

    package static let format = "inventoryd-export"

    /// Raised with every change that an older version could not read.
    package static let version: Int64 = 1

    /// The longest line, in bytes. A product's texts take 170 kB at most, and no spelling makes six times of it more.
    package static let limit = 2_000_000

    /// The line, with its end. Equal entries are equal bytes.
    package var encoded: [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            switch self {
            case .header(let time):
                writer.member("type", "header")
                writer.member("format", Self.format)
                writer.member("version", Self.version)
                writer.member("exported_at", time)
            case .entry(.product(let entry)): writer.entry(entry)
            case .entry(.movement(let entry)): writer.entry(entry)
            case .entry(.outcome(let entry)): writer.entry(entry)
            case .entry(.key(let key)): writer.entry(key)
            case .end(let totals):
                writer.member("type", "end")
                writer.member("products", totals.products)
                writer.member("movements", totals.movements)
                writer.member("outcomes", totals.outcomes)
                writer.member("keys", totals.keys)
                writer.name("on_hand")
                writer.value(JSON(totals.onHand))
                writer.name("reserved")
                writer.value(JSON(totals.reserved))
                writer.name("moved")
                writer.value(JSON(totals.moved))
                writer.member("sha256", totals.digest)
            }
        }
        return writer.bytes + [UInt8(ascii: "\n")]
    }
}

extension JSON {
    /// A sum over all products, which 64 bits need not hold.
    fileprivate init(_ sum: Int128) {
        self = Int64(exactly: sum).map(JSON.integer) ?? .number(String(sum))
    }
}

extension JSONWriter {
    /// Not as clients see it: a file must stay readable whatever becomes of the API.
    fileprivate mutating func entry(_ entry: ProductEntry) {
        let product = entry.product
        let catalogue = product.catalogue
        member("type", "product")
        member("id", product.id.text)
        member("sku", catalogue.sku.text)
        member("name", catalogue.name.text)
        member("description", catalogue.description.text)
        name("price")
        money(catalogue.price)
        member("on_hand", product.stock.onHand)
        member("reserved", product.stock.reserved)
        member("low_stock_threshold", catalogue.lowStockThreshold?.units)
        member("max_per_order", catalogue.maxPerOrder?.units)
        name("attributes")
        value(.object(catalogue.attributes.values.mapValues(JSON.string)))
        member("version", product.version)
        member("stock_version", product.stockVersion)
        member("created_at", product.createdAt)
        member("updated_at", product.updatedAt)
        member("archived_at", product.archivedAt)
        member("moved_at", entry.movedAt)
        member("fingerprint", entry.fingerprint)
    }

    fileprivate mutating func entry(_ entry: MovementEntry) {
        let movement = entry.movement
        member("type", "movement")
        member("id", movement.id.text)
        member("product_id", movement.productID.text)
        member("sku", movement.sku.text)
        member("seq", movement.seq)
        member("kind", movement.kind.rawValue)
        member("delta", movement.delta)
        member("reserved_delta", movement.reservedDelta)
        member("on_hand", movement.stock.onHand)
        member("reserved", movement.stock.reserved)
        name("unit_price")
        if let price = movement.unitPrice { money(price) } else { null() }
        member("reason", movement.reason?.rawValue)
        member("reference", movement.reference?.text)
        member("actor", movement.actor)
        member("request_id", movement.requestID)
        member("at", movement.at)
        member("fingerprint", entry.fingerprint)
    }

    fileprivate mutating func entry(_ entry: OutcomeEntry) {
        member("type", "outcome")
        member("id", entry.id.text)
        member("fingerprint", entry.fingerprint)
        name("record")
        value(entry.record)
        member("expires_at", entry.expiresAt)
    }

    fileprivate mutating func entry(_ key: APIKey) {
        member("type", "key")
        name("record")
        value(key.record)
        member("last_used_at", key.lastUsedAt)
    }
}
