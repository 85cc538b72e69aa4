import GRDB
import InventoryKit

/// What writes do inside of their transaction. Everything is decided before anything is written, so that a refusal
/// leaves nothing behind but, where a repetition may come, the memory of itself.
final class WriteTransaction {
    let db: Database
    private let now: Timestamp
    let products: StoredProducts

    /// Kept for the next movement of the transaction, of which there may be hundreds.
    private var insertMovement: Statement?

    init(db: Database, now: Timestamp) {
        self.db = db
        self.now = now
        products = StoredProducts(db: db)
    }

    /// Writes what has been kept for the end. The last thing before the commit.
    func finish() throws { try products.writeStock() }

    // MARK: Products

    func create(_ creation: Creation) throws -> Created {
        if let product = try created(by: creation.origin, id: creation.id) {
            return Created(product: product, replayed: true)
        }
        if let record = try outcome(of: creation.origin) {
            throw InventoryError.refused(try Refusal(record: record), replayed: true)
        }
        if let holder = try products.live(creation.catalogue.sku) {
            throw try remembered(.skuTaken(creation.catalogue.sku, by: holder.product.id), of: creation.origin)
        }
        return Created(product: try insert(creation), replayed: false)
    }

    func revise(_ revision: Revision) throws -> Product {
        guard let stored = try products.id(revision.id) else {
            throw InventoryError.notFound("There is no product \(revision.id.text).")
        }
        let catalogue = try revision.decide(on: stored.product)
        if catalogue.sku.key != stored.product.catalogue.sku.key, let holder = try products.live(catalogue.sku) {
            throw InventoryError.refused(.skuTaken(catalogue.sku, by: holder.product.id), replayed: false)
        }
        return try update(stored, to: catalogue)
    }

    func archive(_ id: ProductID, expectedETags: [ETag]?) throws -> Product {
        guard let stored = try products.id(id) else {
            throw InventoryError.notFound("There is no product \(id.text).")
        }
        guard !stored.product.isArchived else { return stored.product }
        if let expectedETags, !expectedETags.contains(stored.product.etag) {
            throw InventoryError.preconditionFailed(current: stored.product.etag)
        }
        var product = stored.product
        product.archivedAt = max(now, product.updatedAt)
        product.updatedAt = max(now, product.updatedAt)
        product.version += 1
        try db.cachedStatement(
            sql: "UPDATE product SET archived_at = ?, updated_at = ?, version = ? WHERE key = ?"
        ).execute(arguments: [
            product.archivedAt?.milliseconds, product.updatedAt.milliseconds, product.version, stored.key,
        ])
        products.replace(stored, by: product)
        return product
    }

    func upsert(_ row: UpsertRow) throws -> Upserted {
        if let product = try created(by: row.origin, id: row.id) {
            return Upserted(status: .created, product: product, keptStock: false, replayed: true)
        }
        if let record = try outcome(of: row.origin), let replay = try replay(of: row, record: record) { return replay }
        guard let stored = try products.live(row.sku) else {
            return Upserted(status: .created, product: try insert(try row.creation()), keptStock: false)
        }
        let catalogue = try row.change.applied(to: stored.product.catalogue)
        let isChanged = catalogue != stored.product.catalogue
        let product = isChanged ? try update(stored, to: catalogue) : stored.product
        let upserted = Upserted(
            status: isChanged ? .updated : .unchanged, product: product, keptStock: row.opening != nil
        )
        try remember(
            [.string(upserted.status.rawValue), .string(product.id.text)], of: row.origin
        )
        return upserted
    }

    private func replay(of row: UpsertRow, record: JSON) throws -> Upserted? {
        guard case .array(let parts) = record, parts.count == 2,
            let status = Upserted.Status(rawValue: try parts[0].text()),
            let stored = try products.id(try ProductID(try parts[1].text()))
        else { return nil }
        return Upserted(status: status, product: stored.product, keptStock: row.opening != nil, replayed: true)
    }

    // MARK: Stock

    func move(_ command: StockCommand) throws -> StockOutcome {
        if let replay = try replay(of: command) { return replay }
        guard let stored = try products.find(command.product) else {
            throw InventoryError.notFound("There is no product \(command.product.canonical).")
        }
        let movement: Movement
        do {
            movement = try command.decide(on: stored.product, lastMovementAt: stored.movedAt, now: now)
        } catch .refused(let refusal, _) { throw try remembered(refusal, of: command.origin) }
        try insert(movement, of: stored.key, fingerprint: command.origin.fingerprint)
        let product = products.move(stored, by: movement)
        return StockOutcome(movement: movement, product: product, replayed: false)
    }

    private func replay(of command: StockCommand) throws -> StockOutcome? {
        guard let fingerprint = command.origin.fingerprint else { return nil }
        let row = try Row.fetchOne(
            db.cachedStatement(sql: Self.selectMovementSQL),
            arguments: [command.origin.id.text]
        )
        if let row {
            guard row[16] == fingerprint else { throw InventoryError.idempotencyMismatch }
            let movement = try Movement(row: row)
            guard let stored = try products.id(movement.productID) else {
                throw DamagedRow(detail: "movement \(movement.id.text) has no product")
            }
            return StockOutcome(movement: movement, product: stored.product, replayed: true)
        }
        if let record = try outcome(of: command.origin) {
            throw InventoryError.refused(try Refusal(record: record), replayed: true)
        }
        return nil
    }

    // MARK: Outcomes without a movement

    private func outcome(of origin: Origin) throws -> JSON? {
        guard let fingerprint = origin.fingerprint else { return nil }
        let row = try Row.fetchOne(
            db.cachedStatement(sql: "SELECT fingerprint, record FROM outcome WHERE id = ? AND expires_at > ?"),
            arguments: [origin.id.text, now.milliseconds]
        )
        guard let row else { return nil }
        guard row[0] == fingerprint else { throw InventoryError.idempotencyMismatch }
        return try JSONDocument(parsing: Array((row[1] as String).utf8)).root
    }

    private func remembered(_ refusal: Refusal, of origin: Origin) throws -> InventoryError {
        try remember(refusal.record, of: origin)
        return .refused(refusal, replayed: false)
    }

    private func remember(_ record: JSON, of origin: Origin) throws {
        guard let fingerprint = origin.fingerprint else { return }
        // Each that comes takes a few that have had their time with it, so the table needs no sweeper.
        try db.cachedStatement(
            sql: "DELETE FROM outcome WHERE id IN (SELECT id FROM outcome WHERE expires_at <= ? LIMIT 4)"
        ).execute(arguments: [now.milliseconds])
        try db.cachedStatement(
            sql: "INSERT OR REPLACE INTO outcome (id, fingerprint, record, expires_at) VALUES (?, ?, ?, ?)"
        ).execute(arguments: [
            origin.id.text, fingerprint, String(decoding: record.encoded(), as: UTF8.self),
            now.milliseconds + OutcomeEntry.lifetimeInMilliseconds,
        ])
    }

    /// Remembers an answer that another store gave.
    func remember(_ entry: OutcomeEntry) throws {
        try db.cachedStatement(
            sql: "INSERT INTO outcome (id, fingerprint, record, expires_at) VALUES (?, ?, ?, ?)"
        ).execute(arguments: [
            entry.id.text, entry.fingerprint, String(decoding: entry.record.encoded(), as: UTF8.self),
            entry.expiresAt.milliseconds,
        ])
    }

    // MARK: Rows

    /// The product that a repeated request has created before.
    private func created(by origin: Origin, id: ProductID) throws -> Product? {
        guard let fingerprint = origin.fingerprint, let stored = try products.id(id) else { return nil }
        guard stored.fingerprint == fingerprint else { throw InventoryError.idempotencyMismatch }
        return stored.product
    }

    /// The key of a product's row.
    func key(of id: ProductID) throws -> Int64 {
        guard let stored = try products.id(id) else { throw DamagedRow(detail: "there is no product \(id.text)") }
        return stored.key
    }

    private func insert(_ creation: Creation) throws -> Product {
        let (product, opening) = creation.begin(at: now)
        let key = try insert(product, movedAt: opening?.at, fingerprint: creation.origin.fingerprint)
        if let opening { try insert(opening, of: key, fingerprint: creation.origin.fingerprint) }
        return product
    }

    /// - Returns: the key of its row.
    func insert(_ product: Product, movedAt: Timestamp?, fingerprint: String?) throws -> Int64 {
        let catalogue = product.catalogue
        try db.cachedStatement(
            sql: """
                INSERT INTO product (id, sku, sku_key, name, name_key, description, price, currency, on_hand, reserved, \
                low_stock_threshold, max_per_order, attributes, version, stock_version, created_at, updated_at, moved_at, \
                archived_at, fingerprint) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """
        ).execute(arguments: [
            product.id.text, catalogue.sku.text, catalogue.sku.key, catalogue.name.text,
            SearchTerms.fold(catalogue.name.text), catalogue.description.text, catalogue.price.amount,
            catalogue.price.currency.code, product.stock.onHand, product.stock.reserved,
            catalogue.lowStockThreshold?.units, catalogue.maxPerOrder?.units, catalogue.attributes.text,
            product.version,
            product.stockVersion, product.createdAt.milliseconds, product.updatedAt.milliseconds,
            movedAt?.milliseconds, product.archivedAt?.milliseconds, fingerprint,
        ])
        let key = db.lastInsertedRowID
        try index(catalogue, of: key)
        return key
    }

    private func update(_ stored: Stored, to catalogue: Catalogue) throws -> Product {
        var product = stored.product
        guard catalogue != product.catalogue else { return product }
        product.catalogue = catalogue
        product.version += 1
        product.updatedAt = max(now, product.updatedAt)
        try db.cachedStatement(
            sql: """
                UPDATE product SET sku = ?, sku_key = ?, name = ?, name_key = ?, description = ?, price = ?, currency = ?, \
                low_stock_threshold = ?, max_per_order = ?, attributes = ?, version = ?, updated_at = ? WHERE key = ?
                """
        ).execute(arguments: [
            catalogue.sku.text, catalogue.sku.key, catalogue.name.text, SearchTerms.fold(catalogue.name.text),
            catalogue.description.text, catalogue.price.amount, catalogue.price.currency.code,
            catalogue.lowStockThreshold?.units, catalogue.maxPerOrder?.units, catalogue.attributes.text,
            product.version,
            product.updatedAt.milliseconds, stored.key,
        ])
        if catalogue.searchWords != stored.product.catalogue.searchWords { try index(catalogue, of: stored.key) }
        products.replace(stored, by: product)
        return product
    }

    private func index(_ catalogue: Catalogue, of key: Int64) throws {
        try db.cachedStatement(sql: "INSERT OR REPLACE INTO product_words (rowid, words) VALUES (?, ?)")
            .execute(arguments: [key, catalogue.searchWords.joined(separator: " ")])
    }

    func insert(_ movement: Movement, of key: Int64, fingerprint: String?) throws {
        let statement = try insertMovement ?? db.cachedStatement(sql: Self.insertMovementSQL)
        insertMovement = statement
        try statement.execute(arguments: [
            movement.id.text, key, movement.seq, movement.sku.text, movement.kind.rawValue, movement.delta,
            movement.reservedDelta, movement.stock.onHand, movement.stock.reserved, movement.unitPrice?.amount,
            movement.unitPrice?.currency.code, movement.reason?.rawValue, movement.reference?.text, movement.actor,
            movement.requestID, movement.at.milliseconds, fingerprint,
        ])
    }

    private static let selectMovementSQL =
        "SELECT \(Movement.columns), m.fingerprint FROM \(Movement.table) WHERE m.id = ?"

    private static let insertMovementSQL = """
        INSERT INTO movement (id, product, seq, sku, kind, delta, reserved_delta, on_hand, reserved, unit_price, \
        currency, reason, reference, actor, request_id, at, fingerprint) \
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """
}
