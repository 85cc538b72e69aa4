import InventoryKit

/// Rows of a bulk load: one command for all that create, one for all that change, whatever their number.
///
/// Rows of the same SKU have to happen in their order, so each pass takes the first that is left of each SKU.
struct BulkLoad {
    /// So many passes may find that something has changed meanwhile.
    private static let passLimit = 1_000

    let catalogues: Catalogues
    let connection: MongoConnection

    /// - Parameters:
    ///   - results: what is known of rows already; filled in as it becomes known, so that a later try goes on there.
    ///   - tokens: tells for each row whether an earlier try has changed its product.
    func perform(
        _ rows: [UpsertRow], tokens: [Int64], results: MongoStore.Kept<[Result<Upserted, InventoryError>?]>
    ) throws {
        var isUnconfirmed = false
        for _ in 0..<Self.passLimit {
            var keys: Set<String> = []
            let known = results.value
            let wave = rows.indices.filter { known[$0] == nil && keys.insert(rows[$0].sku.key).inserted }
            guard !wave.isEmpty else { return }
            // What is known after a pass is told, however long the others take.
            isUnconfirmed = try results.update {
                try pass(wave, of: rows, tokens, confirming: isUnconfirmed, &$0)
            }
        }
        results.update { known in known = known.map { $0 ?? .failure(.unavailable(.overloaded)) } }
    }

    /// What is known before a pass writes.
    private struct Known {
        /// The products that hold the rows' SKUs, by SKU.
        var holders: [String: (stored: StoredProduct, edit: Int64?)] = [:]

        /// SKUs whose products a hand in the database has damaged, and what is wrong with them.
        var damage: [String: any Error] = [:]

        /// The products that rows would create, where they are there already.
        var created: [ProductID: Result<StoredProduct, DamagedDocument>] = [:]

        /// Answers that were given before, by the ids of requests.
        var outcomes: [String: BSONDocument] = [:]
    }

    /// - Parameter confirming: whether what was acknowledged before has to be seen. What ends in a write need not: the write
    ///   happens to that very state or not at all. What is answered without one does.
    /// - Returns: whether rows are left of which only that is missing.
    private func pass(
        _ wave: [Int], of rows: [UpsertRow], _ tokens: [Int64], confirming: Bool,
        _ results: inout [Result<Upserted, InventoryError>?]
    ) throws -> Bool {
        let known = try look(at: wave.map { rows[$0] }, after: confirming ? connection.latestMoment() : 0)
        if confirming { try connection.settleWhatWasRead() }
        var isUnconfirmed = false
        let now = catalogues.clock.now()
        var creations: [(index: Int, product: Product, document: BSONDocument)] = []
        var writes: [(index: Int, write: CatalogueWrite, status: Upserted.Status)] = []
        for index in wave {
            let row = rows[index]
            do {
                if let damage = known.damage[row.sku.key] {
                    results[index] = .failure(catalogues.pool.failure(damage))
                } else if let earlier = try earlier(row, tokens[index], known) {
                    results[index] = .success(earlier)
                } else if let (stored, edit) = known.holders[row.sku.key] {
                    guard !stored.product.isArchived, stored.product.catalogue.sku.key == row.sku.key else {
                        try catalogues.letGo(stored.product.id, over: connection)
                        continue
                    }
                    if edit == tokens[index] {
                        results[index] = .success(upserted(.updated, stored.product, row))
                    } else if let write = try write(row, stored, now, tokens[index]) {
                        writes.append((index, write, write.version > stored.product.version ? .updated : .unchanged))
                    } else if confirming {
                        results[index] = .success(upserted(.unchanged, stored.product, row))
                    } else {
                        isUnconfirmed = true
                    }
                } else {
                    let (product, opening) = try row.creation().begin(at: now)
                    let document = BSONDocument(
                        creating: product, opening: opening, origin: row.origin, fence: tokens[index])
                    creations.append((index, product, document))
                }
            } catch let error as InventoryError {
                if confirming { results[index] = .failure(error) } else { isUnconfirmed = true }
            } catch let error as MongoError {
                throw error
            } catch {
                // What was kept of it cannot be read: a hand in the database has been there.
                results[index] = .failure(catalogues.pool.failure(error))
            }
        }
        try create(creations, &results)
        try change(writes, of: rows, &results)
        return isUnconfirmed
    }

    // MARK: Before writing

    private func look(at rows: [UpsertRow], after moment: UInt64) throws -> Known {
        var known = Known()
        let keys = rows.map { BSON.string($0.sku.key) }
        let (holders, time) = try connection.find(
            Collection.products, ["held_skus": ["$in": .array(keys)]], projection: ["terms": 0],
            freshness: .majority(after: moment))
        for document in holders {
            do {
                let stored = try StoredProduct(document)
                let edit = try document.optionalInteger("edit")
                for key in stored.heldSKUs { known.holders[key] = (stored, edit) }
            } catch { for key in document.texts("held_skus") { known.damage[key] = error } }
        }
        // A row without a key may have been sent before too, when the outcome of the first try is not known.
        let (created, _) = try connection.find(
            Collection.products, ["_id": ["$in": .array(rows.map { .productID($0.id) })]],
            projection: Product.projection,
            freshness: .majority(after: time))
        for document in created {
            let id = try document.productID("_id")
            do { known.created[id] = try StoredProduct(ifAny: document).map(Result.success) } catch {
                known.created[id] = .failure(error)
            }
        }
        let ids = rows.filter(\.origin.isRepeatable).map { BSON.string($0.origin.id.text) }
        guard !ids.isEmpty else { return known }
        let (outcomes, _) = try connection.find(
            Collection.outcomes, ["_id": ["$in": .array(ids)]], freshness: .majority(after: time))
        for document in outcomes { known.outcomes[try document.text("_id")] = document }
        return known
    }

    /// The answer that the same row got before: replayed, unless it was an earlier try of this load that wrote it.
    private func earlier(_ row: UpsertRow, _ token: Int64, _ known: Known) throws -> Upserted? {
        let fingerprint = row.origin.fingerprint
        if let stored = try known.created[row.id]?.get() {
            guard stored.fingerprint == fingerprint else { throw InventoryError.idempotencyMismatch }
            return Upserted(
                status: .created, product: stored.product, keptStock: false, replayed: stored.fence != token)
        }
        guard fingerprint != nil else { return nil }
        let holder = known.holders[row.sku.key]
        let unfiled = holder?.stored.operations.lazy.map(Operation.init).first { $0.id == row.origin.id.text }
        guard let operation = unfiled ?? known.outcomes[row.origin.id.text].map(Operation.init) else { return nil }
        guard operation.fingerprint == fingerprint else { throw InventoryError.idempotencyMismatch }
        guard case .array(let parts)? = try operation.record(), parts.count == 2,
            let status = Upserted.Status(rawValue: try parts[0].text())
        else { throw DamagedDocument(detail: "outcome \(operation.id) is no row's") }
        let id = try ProductID(try parts[1].text())
        return upserted(status, try product(id, known, row), row, replayed: holder?.edit != token)
    }

    /// The product that a row changed, which most often still has the row's SKU.
    private func product(_ id: ProductID, _ known: Known, _ row: UpsertRow) throws -> Product {
        if let holder = known.holders[row.sku.key]?.stored.product, holder.id == id { return holder }
        guard let product = try connection.currentProducts(of: [id], after: 0)[id]?.get() else {
            throw DamagedDocument(detail: "the outcome of a row has no product \(id.text)")
        }
        return product
    }

    /// The write that a row needs; none where nothing changes and nobody will ask again.
    private func write(
        _ row: UpsertRow, _ stored: StoredProduct, _ now: Timestamp, _ token: Int64
    ) throws -> CatalogueWrite? {
        let catalogue = try row.change.applied(to: stored.product.catalogue)
        var write = CatalogueWrite(stored, to: catalogue, at: now, token: token)
        guard catalogue != stored.product.catalogue || row.origin.isRepeatable else { return nil }
        if row.origin.isRepeatable {
            let status: Upserted.Status = catalogue == stored.product.catalogue ? .unchanged : .updated
            write.mark = Operation.row(
                [.string(status.rawValue), .string(stored.product.id.text)], origin: row.origin, via: row.sku, at: now)
        }
        return write
    }

    // MARK: Writing

    private func create(
        _ creations: [(index: Int, product: Product, document: BSONDocument)],
        _ results: inout [Result<Upserted, InventoryError>?]
    ) throws {
        guard !creations.isEmpty else { return }
        let errors = try connection.insert(creations.map(\.document), into: Collection.products)
        for (place, creation) in creations.enumerated() {
            switch errors[place] {
            case nil:
                results[creation.index] = .success(
                    Upserted(status: .created, product: creation.product, keptStock: false))
            // Somebody was faster; the next pass sees who.
            case .duplicateKey: continue
            case .some(let error): results[creation.index] = .failure(try refusal(error))
            }
        }
    }

    /// What did not fit any more is left for the next pass.
    private func change(
        _ writes: [(index: Int, write: CatalogueWrite, status: Upserted.Status)], of rows: [UpsertRow],
        _ results: inout [Result<Upserted, InventoryError>?]
    ) throws {
        guard !writes.isEmpty else { return }
        let statements: [BSON] = writes.map { ["q": $0.write.query, "u": $0.write.pipeline] }
        let (modified, _, errors) = try connection.update(statements, in: Collection.products)
        // The server counts those that happened, and does not say which.
        let allHappened = errors.isEmpty && modified == Int64(writes.count)
        for (place, error) in errors {
            if case .duplicateKey = error { continue }
            results[writes[place].index] = .failure(try refusal(error))
        }
        let ids = writes.map { BSON.productID($0.write.stored.product.id) }
        let (found, _) = try connection.find(
            Collection.products, ["_id": ["$in": .array(ids)]], projection: Product.projection,
            freshness: .majority(after: 0))
        try connection.settleWhatWasRead()
        var products: [ProductID: (product: Product, edit: Int64?)] = [:]
        for document in found {
            // One that cannot be read the next pass sees.
            guard let stored = (try? StoredProduct(ifAny: document)).flatMap({ $0 }) else { continue }
            products[stored.product.id] = (stored.product, try? document.optionalInteger("edit"))
        }
        for (index, write, status) in writes where results[index] == nil {
            guard let (product, edit) = products[write.stored.product.id] else { continue }
            // Of several it is not known which ones happened when others overwrote them at once; those are done again.
            guard allHappened || edit == write.token else { continue }
            results[index] = .success(upserted(status, product, rows[index]))
        }
    }

    /// What the server refuses of one row it refuses to that row.
    ///
    /// - Throws: what may be otherwise with the next try.
    private func refusal(_ error: MongoError) throws -> InventoryError {
        if error.isTransient { throw error }
        return catalogues.pool.failure(error)
    }

    private func upserted(
        _ status: Upserted.Status, _ product: Product, _ row: UpsertRow, replayed: Bool = false
    ) -> Upserted {
        Upserted(status: status, product: product, keptStock: row.opening != nil, replayed: replayed)
    }
}
