import InventoryKit

/// Entries as the documents that the store itself would have left, had everything happened in it and been filed.
struct ImportedDocuments {
    private(set) var products: [BSONDocument] = []
    private(set) var movements: [BSONDocument] = []
    private(set) var outcomes: [BSONDocument] = []
    private(set) var keys: [BSONDocument] = []

    init(_ entries: [InventoryEntry]) {
        for entry in entries {
            switch entry {
            case .product(let entry): products.append(Self.document(entry))
            case .movement(let entry): movements += Self.documents(entry)
            case .outcome(let entry): add(entry)
            case .key(let key): keys.append(key.document)
            }
        }
    }

    private static func document(_ entry: ProductEntry) -> BSONDocument {
        let product = entry.product
        let created = BSONDocument(
            creating: product, opening: nil,
            origin: Origin(
                id: OperationID(at: product.createdAt), fingerprint: entry.fingerprint, actor: "", requestID: ""),
            fence: Int64.random(in: .min ... .max)
        )
        var members = created.fields.map { ($0.name, BSON($0.value)) }
        if let archivedAt = product.archivedAt {
            // It is sold under its SKU no more, so another may have it.
            members.removeAll { ["live", "held_skus"].contains($0.0) }
            members += [("live", false), ("archived_at", .date(archivedAt))]
        }
        if let movedAt = entry.movedAt { members.append(("moved_at", .date(movedAt))) }
        return BSONDocument(members)
    }

    private static func documents(_ entry: MovementEntry) -> [BSONDocument] {
        guard case .document(let members) = entry.movement.operation(fingerprint: entry.fingerprint) else { return [] }
        return Operation.filed([BSONDocument(members)], of: entry.movement.productID).movements
    }

    /// A refused creation stands in place of its product (``Tombstone``); the others among the outcomes.
    private mutating func add(_ entry: OutcomeEntry) {
        let time = Timestamp(milliseconds: entry.expiresAt.milliseconds - OutcomeEntry.lifetimeInMilliseconds)
        if let refusal = try? Refusal(record: entry.record), case .skuTaken = refusal {
            let origin = Origin(id: entry.id, fingerprint: entry.fingerprint, actor: "", requestID: "")
            products.append(Tombstone.document(ProductID(of: entry.id), origin: origin, refusal: refusal, at: time))
        } else {
            let kind = UpsertRow.isRecord(entry.record) ? Operation.row : Operation.refused
            outcomes.append(
                BSONDocument([
                    ("_id", .string(entry.id.text)), ("fp", .string(entry.fingerprint)), ("kind", .string(kind)),
                    ("record", BSON(entry.record)), ("at", .date(time)),
                ]))
        }
    }
}
