import HTTPTypes
import Hummingbird
import InventoryKit
import NIOCore

extension Response {
    /// A JSON document that is written on the spot.
    static func json(
        _ status: HTTPResponse.Status = .ok, headers: HTTPFields = [:], _ write: (inout JSONWriter) -> Void
    ) -> Response {
        var writer = JSONWriter(capacity: 1_024)
        write(&writer)
        return .json(text: ByteBuffer(bytes: writer.bytes), status: status, headers: headers)
    }

    /// A JSON document that has been written before.
    static func json(text: ByteBuffer, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]) -> Response {
        var headers = headers
        headers[.contentType] = "application/json"
        if headers[.cacheControl] == nil { headers[.cacheControl] = "no-cache" }
        return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: text))
    }

    /// A product with its validator.
    static func product(
        _ product: Product, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]
    ) -> Response {
        var headers = headers
        headers[.eTag] = product.etag.quoted
        return .json(status, headers: headers) { $0.product(product) }
    }

    /// A page of a list, with the way to the next one both in the document and as a link.
    static func page<Item>(
        _ page: Page<Item>, of exchange: Exchange, list: [String], _ write: @escaping (inout JSONWriter, Item) -> Void
    ) -> Response {
        let cursor = page.next.map { Cursor($0, list: list).text }
        var headers: HTTPFields = [:]
        if let cursor {
            let query = [exchange.query.withoutCursor, "cursor=\(cursor)"].filter { !$0.isEmpty }.joined(separator: "&")
            headers[.link] = "<\(exchange.request.uri.path)?\(query)>; rel=\"next\""
        }
        return .json(headers: headers) { writer in
            writer.object { writer in
                writer.name("items")
                writer.array { writer in for item in page.items { write(&writer, item) } }
                writer.member("next_cursor", cursor)
            }
        }
    }
}

extension JSONWriter {
    /// What a buyer is told.
    mutating func purchase(_ outcome: StockOutcome) { moved(outcome, "purchase") { $0.purchase($1) } }

    mutating func adjustment(_ outcome: StockOutcome) { moved(outcome, "movement") { $0.movement($1) } }

    private mutating func moved(
        _ outcome: StockOutcome, _ name: StaticString, _ write: (inout JSONWriter, Movement) -> Void
    ) {
        object { writer in
            writer.name(name)
            write(&writer, outcome.movement)
            writer.name("product")
            writer.product(outcome.product)
        }
    }
}

extension Movement {
    /// Where a sale is found.
    var location: String { "/v1/purchases/\(id.text)" }
}
