import GRDB
import InventoryKit

/// The products that one transaction has to do with.
///
/// A product that sells to many buyers at once is read from its table once in a transaction, and its stock written once
/// at the end: what lies between happens in memory. Its movements are written one by one, and all of it commits at once.
final class StoredProducts {
    private let db: Database
    private var known: [ProductID: Stored] = [:]
    private var moved: Set<ProductID> = []

    /// What SKUs name, as far as asked; forgotten whenever a catalogue changes.
    private var idsBySKU: [String: ProductID] = [:]

    init(db: Database) {
        self.db = db
    }

    func find(_ reference: ProductReference) throws -> Stored? {
        switch reference {
        case .id(let id): try self.id(id)
        case .sku(let sku): try live(sku)
        }
    }

    func id(_ id: ProductID) throws -> Stored? {
        try known[id] ?? keep(try Stored.id(id, in: db))
    }

    func live(_ sku: SKU) throws -> Stored? {
        if let id = idsBySKU[sku.key] { return try self.id(id) }
        let stored = try keep(try Stored.live(sku, in: db))
        idsBySKU[sku.key] = stored?.product.id
        return stored
    }

    /// The product after a movement. Its row follows in ``writeStock()``.
    func move(_ stored: Stored, by movement: Movement) -> Product {
        var stored = stored
        stored.product.stock = movement.stock
        stored.product.stockVersion = movement.seq
        stored.movedAt = movement.at
        known[stored.product.id] = stored
        moved.insert(stored.product.id)
        return stored.product
    }

    /// Notes a change of the catalogue, which is in the table already.
    func replace(_ stored: Stored, by product: Product) {
        var stored = stored
        stored.product = product
        known[product.id] = stored
        idsBySKU = [:]
    }

    func writeStock() throws {
        for id in moved {
            guard let stored = known[id] else { continue }
            try db.cachedStatement(
                sql: "UPDATE product SET on_hand = ?, reserved = ?, stock_version = ?, moved_at = ? WHERE key = ?"
            ).execute(arguments: [
                stored.product.stock.onHand, stored.product.stock.reserved, stored.product.stockVersion,
                stored.movedAt?.milliseconds, stored.key,
            ])
        }
        moved = []
    }

    /// What has been kept is ahead of the table, so it has precedence over what was read.
    private func keep(_ stored: Stored?) throws -> Stored? {
        guard let stored else { return nil }
        if let newer = known[stored.product.id] { return newer }
        known[stored.product.id] = stored
        return stored
    }
}

/// A product with what only its row knows.
struct Stored {
    var product: Product
    let key: Int64
    var movedAt: Timestamp?

    /// What was asked for when a request that can be repeated created it.
    let fingerprint: String?

    static func find(_ reference: ProductReference, in db: Database) throws -> Stored? {
        switch reference {
        case .id(let id): try Self.id(id, in: db)
        case .sku(let sku): try live(sku, in: db)
        }
    }

    static func id(_ id: ProductID, in db: Database) throws -> Stored? {
        try fetch(db, where: "id = ?", id.text)
    }

    static func live(_ sku: SKU, in db: Database) throws -> Stored? {
        try fetch(db, where: "sku_key = ? AND archived_at IS NULL", sku.key)
    }

    private static func fetch(_ db: Database, where condition: String, _ argument: String) throws -> Stored? {
        let statement = try db.cachedStatement(
            sql: "SELECT \(Product.columns), key, moved_at, fingerprint FROM product WHERE \(condition)"
        )
        guard let row = try Row.fetchOne(statement, arguments: [argument]) else { return nil }
        let movedAt: Int64? = row[17]
        return Stored(
            product: try Product(row: row), key: row[16], movedAt: movedAt.map(Timestamp.init(milliseconds:)),
            fingerprint: row[18]
        )
    }
}
