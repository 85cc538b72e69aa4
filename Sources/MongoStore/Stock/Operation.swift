import InventoryKit

/// An operation: a movement, or an answer without one, as it stands in its product's `ops` until it is filed.
///
/// It is decided and written down in the same write as the stock, so neither exists without the other.
struct Operation {
    let document: BSONDocument

    static let refused = "refused"
    static let row = "row"

    init(_ document: BSONDocument) {
        self.document = document
    }

    var id: String { (try? document.text("id")) ?? "" }
    var fingerprint: String? { (try? document.optionalText("fp")) ?? nil }

    /// Who sent it, among those that wait in this process.
    var token: Int64? { (try? document.optionalInteger("by")) ?? nil }

    /// The answer without a movement that it is; `nil` where it is a movement.
    func record() throws -> JSON? {
        switch document["record"] {
        case .array(let record): try JSON(record)
        default: nil
        }
    }

    func movement(of product: ProductID) throws -> Movement { try Movement(document, idField: "id", product: product) }

    /// The documents to be filed, and where: under their ids, without what mattered only while they were not filed.
    ///
    /// - Parameter keptAt: by the server's clock, by which it forgets outcomes; nothing where they keep their own time.
    static func filed(
        _ operations: [BSONDocument], of product: ProductID, keptAt: Timestamp? = nil
    ) -> (movements: [BSONDocument], outcomes: [BSONDocument]) {
        var (movements, outcomes): ([BSONDocument], [BSONDocument]) = ([], [])
        for operation in operations {
            var members: [(String, BSON)] = []
            for (name, value) in operation.fields where !["by", "via"].contains(name) {
                if name == "at", let keptAt, operation["record"] != nil {
                    members.append((name, .date(keptAt)))
                } else if name == "id" {
                    members += [("_id", BSON(value)), ("product_id", .productID(product))]
                } else {
                    members.append((name, BSON(value)))
                }
            }
            if operation["record"] == nil {
                movements.append(BSONDocument(members))
            } else {
                outcomes.append(BSONDocument(members))
            }
        }
        return (movements, outcomes)
    }

    /// The answer that a refused move leaves, if it may come again.
    static func refusal(_ refusal: Refusal, _ move: PendingMove, at time: Timestamp) -> BSON {
        .members([
            ("id", .string(move.id)), ("by", .integer(move.token)),
            ("fp", move.command.origin.fingerprint.map(BSON.string)), ("via", move.via.map(BSON.string)),
            ("kind", .string(refused)), ("record", BSON(refusal.record)), ("at", .date(time)),
        ])
    }

    /// An answer without a movement that a write of the catalogue leaves.
    static func row(_ record: JSON, origin: Origin, via sku: SKU, at time: Timestamp) -> BSON {
        .members([
            ("id", .string(origin.id.text)), ("fp", origin.fingerprint.map(BSON.string)), ("kind", .string(row)),
            ("via", .string(sku.key)), ("record", BSON(record)), ("at", .date(time)),
        ])
    }
}

extension Movement {
    /// - Parameter idField: `_id` in the ledger, `id` among a product's operations.
    init(_ document: BSONDocument, idField: String = "_id", product: ProductID? = nil) throws {
        let id = try document.text(idField)
        do {
            guard let kind = Kind(rawValue: try document.text("kind")) else {
                throw InvalidValue("must have a known kind")
            }
            let unitPrice: Money? =
                if case .document(let price) = document["unit_price"] { try Money(price) } else { nil }
            let reference = try document.optionalText("reference")
            self.init(
                id: try OperationID(id), productID: try product ?? document.productID("product_id"),
                sku: try SKU(document.text("sku")), seq: try document.integer("seq"), kind: kind,
                delta: try document.integer("d_on_hand"), reservedDelta: try document.integer("d_reserved"),
                stock: try StockLevel(onHand: document.integer("on_hand"), reserved: document.integer("reserved")),
                unitPrice: unitPrice,
                reason: try document.optionalText("reason").flatMap(StockReason.init(rawValue:)),
                reference: try reference.map { text throws(InvalidValue) in try Reference(text) },
                actor: try document.text("actor"), requestID: try document.text("request_id"),
                at: try document.time("at")
            )
        } catch let error as InvalidValue {
            throw DamagedDocument(detail: "movement \(id): \(error.detail)")
        }
    }

    /// As an operation of its product.
    ///
    /// - Parameters:
    ///   - token: who sent it (``PendingMove/token``).
    ///   - via: the SKU, in key form, by which the product was named.
    func operation(fingerprint: String?, token: Int64? = nil, via: String? = nil) -> BSON {
        .members([
            ("id", .string(id.text)), ("by", token.map(BSON.integer)), ("fp", fingerprint.map(BSON.string)),
            ("via", via.map(BSON.string)), ("kind", .string(kind.rawValue)),
            ("reason", (reason?.rawValue).map(BSON.string)), ("reference", (reference?.text).map(BSON.string)),
            ("actor", .string(actor)), ("request_id", .string(requestID)), ("sku", .string(sku.text)),
            ("seq", .integer(seq)), ("d_on_hand", .integer(delta)), ("d_reserved", .integer(reservedDelta)),
            ("on_hand", .integer(stock.onHand)), ("reserved", .integer(stock.reserved)),
            ("unit_price", unitPrice?.bson), ("at", .date(at)),
        ])
    }
}

// MARK: Between JSON and BSON

extension BSON {
    init(_ json: JSON) {
        switch json {
        case .null: self = .null
        case .bool(let value): self = .bool(value)
        case .integer(let value): self = .integer(value)
        case .number(let text), .string(let text): self = .string(text)
        case .array(let items): self = .array(items.map(BSON.init))
        case .object(let members): self = .document(members.sorted { $0.key < $1.key }.map { ($0.key, BSON($0.value)) })
        }
    }

    /// A value that was read, to be written as it is.
    init(_ value: BSONDocument.Value) {
        switch value {
        case .null, .number, .other: self = .null
        case .bool(let value): self = .bool(value)
        case .integer(let value): self = .integer(value)
        case .string(let text): self = .string(text)
        case .date(let time): self = .date(time)
        case .timestamp(let value): self = .timestamp(value)
        case .productID(let id): self = .productID(id)
        case .document(let document): self = .encoded(document)
        case .array(let array): self = .encodedArray(array)
        }
    }
}

extension JSON {
    /// The items of an array, as far as records have them.
    init(_ array: BSONDocument) throws(DamagedDocument) {
        var items: [JSON] = []
        for field in array.fields {
            switch field.value {
            case .integer(let value): items.append(.integer(value))
            case .string(let text): items.append(.string(text))
            default: throw DamagedDocument(detail: "a record holds something else than texts and integers")
            }
        }
        self = .array(items)
    }
}
