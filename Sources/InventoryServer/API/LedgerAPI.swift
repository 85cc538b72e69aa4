import HTTPTypes
import Hummingbird
import InventoryKit

extension InventoryAPI {
    var ledgerRoutes: [Route] {
        [
            Route(.get, "/v1/products/{id}/movements", parameters: ["limit", "cursor", "at"], readProductLedger),
            Route(.get, "/v1/movements", parameters: ["limit", "cursor", "reference", "since"], readLedger),
        ]
    }

    @Sendable private func readProductLedger(_ exchange: inout Exchange) async throws -> Response {
        let reference = try exchange.productReference()
        let time = exchange.query.value("at", Timestamp.init(rfc3339:))
        if exchange.query.names.contains("at"), exchange.query.names.count > 1 {
            exchange.query.fault("at", "asks for one moment, so limit and cursor do not go with it")
        }
        if let time {
            try exchange.query.finish()
            let (id, moment) = try await inventory.stock(of: reference, at: time)
            return .json { writer in
                writer.object { writer in
                    writer.member("product_id", id.text)
                    writer.member("at", time)
                    writer.name("stock")
                    writer.stock(moment.stock)
                    writer.member("stock_version", moment.stockVersion)
                }
            }
        }
        let limit = exchange.query.pageLimit()
        let list = ["movements", reference.canonical]
        let after = exchange.query.cursor(of: list)
        try exchange.query.finish()
        let id = try await inventory.id(of: reference)
        return try await page(of: MovementQuery(product: id, after: after, limit: limit), exchange, list: list)
    }

    @Sendable private func readLedger(_ exchange: inout Exchange) async throws -> Response {
        let reference = exchange.query.value("reference", Reference.init)
        let since = exchange.query.value("since", Timestamp.init(rfc3339:))
        let limit = exchange.query.pageLimit()
        let list = ["movements", reference?.text ?? "", since?.rfc3339 ?? ""]
        let after = exchange.query.cursor(of: list)
        try exchange.query.finish()
        let query = MovementQuery(reference: reference, since: since, after: after, limit: limit)
        return try await page(of: query, exchange, list: list)
    }

    private func page(of query: MovementQuery, _ exchange: Exchange, list: [String]) async throws -> Response {
        try await inTurn(exchange) { exchange in
            let page = try await inventory.page(of: query)
            return .page(page, of: exchange, list: list) { writer, movement in writer.movement(movement) }
        }
    }
}

extension QueryParameters {
    mutating func pageLimit() -> Int {
        Int(integer("limit", in: 1...Int64(Bounds.pageSize)) ?? Int64(Bounds.defaultPageSize))
    }

    mutating func cursor(of list: [String]) -> Keyset? {
        value("cursor") { text throws(InvalidValue) in try Cursor(text, list: list).keyset }
    }
}
