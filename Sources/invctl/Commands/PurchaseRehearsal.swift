import AdminClient
import InventoryKit

/// What would become of purchases, one after the other, as the stock is now. Whether one was made before under its key is
/// not told: only making it again tells that.
struct PurchaseRehearsal {
    private let connection: AdminConnection

    /// Units that lines before have taken, by product.
    private var taken: [String: Int64] = [:]

    init(_ connection: AdminConnection) {
        self.connection = connection
    }

    /// - Throws: ``CommandFailure`` or `AdminError.refused` for the reasons for which the daemon would refuse it.
    mutating func sell(_ line: PurchaseLine) async throws -> Record {
        let product = try await connection.send(AdminRequest(.get, "/v1/products/" + line.path)).json()
        guard product["archived_at"] == .null else {
            throw CommandFailure(.refused, ProblemCode.archived.rawValue, "\(line.sku): the product is archived")
        }
        if let most = product["max_per_order"].int, line.quantity > most {
            throw CommandFailure(
                .refused, ProblemCode.overMaxPerOrder.rawValue, "\(line.sku): one purchase may take \(most)")
        }
        let id = product["id"].string ?? line.sku
        let left = (product["stock"]["available"].int ?? 0) - taken[id, default: 0]
        guard line.quantity <= left else {
            throw CommandFailure(
                .refused, ProblemCode.insufficientStock.rawValue,
                "\(line.sku): \(line.quantity) are wanted, and \(left) are available")
        }
        taken[id, default: 0] += line.quantity
        let members: JSON = [
            "sku": product["sku"], "quantity": .integer(line.quantity), "unit_price": product["price"],
            "available_after": .integer(left - line.quantity), "dry_run": .bool(true),
        ]
        return Record(
            line.sku, members,
            [
                .init("would sell", product["sku"].string ?? line.sku), .init("quantity", line.quantity),
                .init("price", StyledText(Shown.price(product["price"])), .right),
                .init("left", left - line.quantity),
            ])
    }
}
