import GRDB
import InventoryKit

/// A row that no version of this program can have written.
struct DamagedRow: Error {
    let detail: String
}

extension Product {
    /// In the order in which ``init(row:)`` reads them.
    static let columns = """
        id, sku, name, description, price, currency, on_hand, reserved, low_stock_threshold, max_per_order, attributes, \
        version, stock_version, created_at, updated_at, archived_at
        """

    init(row: Row) throws {
        do {
            let low: Int64? = row[8]
            let most: Int64? = row[9]
            let archivedAt: Int64? = row[15]
            self.init(
                id: try ProductID(row[0]),
                catalogue: Catalogue(
                    sku: try SKU(row[1]), name: try ProductName(row[2]), description: try ProductDescription(row[3]),
                    price: try Money(amount: row[4], currency: Currency(row[5])),
                    lowStockThreshold: try low.map { units throws(InvalidValue) in try Balance(units) },
                    maxPerOrder: try most.map { units throws(InvalidValue) in try Quantity(units) },
                    attributes: try Attributes(text: row[10])
                ),
                stock: try StockLevel(onHand: row[6], reserved: row[7]), version: row[11], stockVersion: row[12],
                createdAt: Timestamp(milliseconds: row[13]), updatedAt: Timestamp(milliseconds: row[14]),
                archivedAt: archivedAt.map(Timestamp.init(milliseconds:))
            )
        } catch let error as InvalidValue {
            throw DamagedRow(detail: "product \(row[0] as String): \(error.detail)")
        }
    }
}

extension Attributes {
    init(text: String) throws {
        guard text != "{}" else {
            self = .none
            return
        }
        guard case .object(let members)? = try? JSONDocument(parsing: Array(text.utf8)).root else {
            throw InvalidValue("must be a JSON object")
        }
        try self.init(members.mapValues { json throws(InvalidValue) in try json.text() })
    }

    var text: String {
        String(decoding: JSON.object(values.mapValues(JSON.string)).encoded(), as: UTF8.self)
    }
}

extension Movement {
    /// In the order in which ``init(row:)`` reads them.
    static let columns = """
        m.id, p.id, m.sku, m.seq, m.kind, m.delta, m.reserved_delta, m.on_hand, m.reserved, m.unit_price, m.currency, \
        m.reason, m.reference, m.actor, m.request_id, m.at
        """

    static let table = "movement m JOIN product p ON p.key = m.product"

    init(row: Row) throws {
        do {
            guard let kind = Kind(rawValue: row[4]) else { throw InvalidValue("must have a known kind") }
            let unitPrice: Int64? = row[9]
            let reason: String? = row[11]
            let reference: String? = row[12]
            self.init(
                id: try OperationID(row[0]), productID: try ProductID(row[1]), sku: try SKU(row[2]), seq: row[3],
                kind: kind,
                delta: row[5], reservedDelta: row[6], stock: try StockLevel(onHand: row[7], reserved: row[8]),
                unitPrice: try unitPrice.map { amount throws(InvalidValue) in
                    try Money(amount: amount, currency: Currency(row[10]))
                },
                reason: reason.flatMap(StockReason.init(rawValue:)),
                reference: try reference.map { text throws(InvalidValue) in try Reference(text) },
                actor: row[13], requestID: row[14], at: Timestamp(milliseconds: row[15])
            )
        } catch let error as InvalidValue {
            throw DamagedRow(detail: "movement \(row[0] as String): \(error.detail)")
        }
    }
}
