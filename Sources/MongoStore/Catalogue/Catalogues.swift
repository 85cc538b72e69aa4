import InventoryKit
import Logging

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Creating, revising and archiving products, one at a time. Each is a loop of reading, deciding by the model's rules,
/// and writing if nothing has changed since; each may be tried again after a write whose outcome is not known.
struct Catalogues: Sendable {
    /// So often may a product change between reading and writing before the caller is told that too much is going on.
    private static let tryLimit = 1_000

    let pool: MongoPool
    let filing: Filing
    let clock: any WallClock
    let logger: Logger

    // MARK: Creating

    /// - Parameters:
    ///   - fence: the product's first, which tells this creation from another one's.
    ///   - isUnknown: whether it may have been sent before.
    func create(
        _ creation: Creation, fence: Int64, isUnknown: Bool, over connection: MongoConnection
    ) throws -> Created {
        let (product, opening) = creation.begin(at: clock.now())
        let document = BSONDocument(creating: product, opening: opening, origin: creation.origin, fence: fence)
        for _ in 0..<Self.tryLimit {
            switch try connection.insert([document], into: Collection.products)[0] {
            case nil: return Created(product: product, replayed: false)
            case .duplicateKey(index: "_id"):
                if let created = try earlier(creation, fence: fence, over: connection) { return created }
            case .duplicateKey:
                // The request itself may have been here before, whoever has the SKU now.
                if let created = try earlier(creation, fence: fence, over: connection) { return created }
                guard let holder = try seller(of: creation.catalogue.sku, over: connection) else { continue }
                let refusal = Refusal.skuTaken(creation.catalogue.sku, by: holder.product.id)
                guard creation.origin.isRepeatable || isUnknown else {
                    throw InventoryError.refused(refusal, replayed: false)
                }
                let tombstone = Tombstone.document(
                    creation.id, origin: creation.origin, refusal: refusal, at: try connection.serverTime())
                if try connection.insert([tombstone], into: Collection.products).isEmpty {
                    throw InventoryError.refused(refusal, replayed: false)
                }
            case .some(let error): throw error
            }
        }
        throw InventoryError.unavailable(.overloaded)
    }

    /// What the same request has come to before.
    private func earlier(
        _ creation: Creation, fence: Int64, over connection: MongoConnection
    ) throws -> Created? {
        let (found, _) = try connection.find(
            Collection.products, ["_id": .productID(creation.id)], projection: ["terms": 0], limit: 1,
            freshness: .linearizable, timeLimit: MongoStore.readLimit)
        guard let document = found.first else { return nil }
        guard try document.optionalText("fp") ?? "" == creation.origin.fingerprint ?? "" else {
            throw InventoryError.idempotencyMismatch
        }
        if case .array(let record) = document["record"] {
            throw InventoryError.refused(try Refusal(record: JSON(record)), replayed: true)
        }
        let stored = try StoredProduct(document)
        return Created(product: stored.product, replayed: stored.fence != fence)
    }

    /// The product that is sold under the SKU. One that has given it up is filed, so that it lets go of it.
    private func seller(of sku: SKU, over connection: MongoConnection) throws -> StoredProduct? {
        let (found, _) = try connection.find(
            Collection.products, ["held_skus": .string(sku.key)], limit: 1, freshness: .majority(after: 0))
        guard let document = found.first else { return nil }
        let stored = try StoredProduct(document)
        if !stored.product.isArchived, stored.product.catalogue.sku.key == sku.key { return stored }
        try letGo(stored.product.id, over: connection)
        return nil
    }

    /// Has a product let go of the SKUs that it has given up.
    func letGo(_ product: ProductID, over connection: MongoConnection) throws {
        // Moves of that product may have come in between, and so may those of the next moment.
        if try !filing.file(product, over: connection) { usleep(UInt32.random(in: 500...5_000)) }
    }

    // MARK: Revising

    /// A write of a revision that was sent and of which nobody knows whether it has happened.
    struct Sent: Sendable {
        /// The product's version that it wanted to find.
        var version: Int64?
    }

    /// - Parameters:
    ///   - token: tells whether an earlier try has happened.
    ///   - sent: what an earlier try has sent.
    func revise(
        _ revision: Revision, token: Int64, sent: inout Sent, over connection: MongoConnection
    ) throws -> Product {
        // What ends in a write needs no confirmed reading: the write happens to that very state or not at all. What ends
        // without one is answered from a reading that a majority has confirmed.
        var freshness = sent.version == nil ? MongoConnection.Freshness.majority(after: 0) : .linearizable
        for _ in 0..<Self.tryLimit {
            let stored: StoredProduct
            let catalogue: Catalogue
            do {
                let edit: Int64?
                (stored, edit) = try read(revision.id, freshness, over: connection)
                if edit == token {
                    try connection.settleWhatWasRead()
                    return stored.product
                }
                // Somebody has written since, and who says that it was not after ours? To do it again could undo what came
                // after it, and to judge it now could refuse what has happened.
                if let version = sent.version, version != stored.product.version {
                    throw InventoryError.unavailable(.outcomeUnknown)
                }
                catalogue = try revision.decide(on: stored.product)
                if catalogue == stored.product.catalogue, freshness.waits {
                    try connection.settleWhatWasRead()
                    return stored.product
                }
            } catch let error as InventoryError {
                if freshness.waits { throw error }
                freshness = .linearizable
                continue
            }
            guard catalogue != stored.product.catalogue else {
                freshness = .linearizable
                continue
            }
            var write = CatalogueWrite(stored, to: catalogue, at: clock.now(), token: token)
            write.pinsStock = revision.expectedETags != nil || revision.claimedStock != nil
            // Where this one does not happen, what was in doubt before is so still: a copy that was delayed may come yet.
            let doubt = sent
            do {
                sent.version = stored.product.version
                guard
                    let document = try connection.findAndModify(
                        Collection.products, write.query, write.pipeline
                    ).document
                else {
                    sent = doubt
                    continue
                }
                if write.changesSKU { release(revision.id, over: connection) }
                return try Product(document)
            } catch MongoError.unreachable(let detail) {
                sent = doubt
                throw MongoError.unreachable(detail)
            } catch MongoError.duplicateKey {
                sent = doubt
                guard let holder = try seller(of: catalogue.sku, over: connection) else { continue }
                throw InventoryError.refused(.skuTaken(catalogue.sku, by: holder.product.id), replayed: false)
            }
        }
        throw InventoryError.unavailable(.overloaded)
    }

    // MARK: Archiving

    func archive(_ id: ProductID, expectedETags: [ETag]?, over connection: MongoConnection) throws -> Product {
        for _ in 0..<Self.tryLimit {
            let (stored, _) = try read(id, .linearizable, over: connection)
            let product = stored.product
            if product.isArchived {
                if !stored.heldSKUs.isEmpty { release(id, over: connection) }
                try connection.settleWhatWasRead()
                return product
            }
            if let expectedETags, !expectedETags.contains(product.etag) {
                throw InventoryError.preconditionFailed(current: product.etag)
            }
            let now = max(clock.now(), product.updatedAt)
            let query: BSON = .members([
                ("_id", .productID(id)), ("version", .integer(product.version)), ("live", true),
                ("stock_version", expectedETags == nil ? nil : .integer(product.stockVersion)),
            ])
            let update: BSON = [
                [
                    "$set": [
                        "live": false, "archived_at": .date(now), "updated_at": .date(now),
                        "version": .integer(product.version + 1), "gen": .integer(Int64.random(in: .min ... .max)),
                        "unfiled_since": ["$ifNull": ["$unfiled_since", "$$NOW"]],
                    ]
                ]
            ]
            guard let document = try connection.findAndModify(Collection.products, query, update).document else {
                continue
            }
            release(id, over: connection)
            return try Product(document)
        }
        throw InventoryError.unavailable(.overloaded)
    }

    /// Frees the SKUs that a product has given up. Where that does not work now, the sweep of the ledger does it soon.
    private func release(_ id: ProductID, over connection: MongoConnection) {
        do { _ = try filing.file(id, over: connection) } catch {
            logger.warning(
                "A SKU that was given up is not free yet", metadata: ["product": "\(id.text)", "error": "\(error)"])
        }
    }

    private func read(
        _ id: ProductID, _ freshness: MongoConnection.Freshness, over connection: MongoConnection
    ) throws -> (stored: StoredProduct, edit: Int64?) {
        let (found, _) = try connection.find(
            Collection.products, ["_id": .productID(id)], projection: Product.projection, limit: 1,
            freshness: freshness, timeLimit: MongoStore.readLimit)
        guard let document = found.first, let stored = try StoredProduct(ifAny: document) else {
            throw InventoryError.notFound("There is no product \(id.text).")
        }
        return (stored, try document.optionalInteger("edit"))
    }
}
