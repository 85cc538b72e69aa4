import InventoryKit
import TestSupport
import Testing

/// Runs `body` against a real daemon on a fresh embedded store, and stops it cleanly.
func withDaemon<Value>(
    environment: [String: String] = [:], _ body: (DaemonProcess) async throws -> Value
) async throws -> Value {
    try await withTemporaryDirectory { directory in
        let daemon = try await DaemonProcess(stateDirectory: directory, environment: environment)
        let value = try await body(daemon)
        #expect(try await daemon.stop() == 0)
        return value
    }
}

enum Sample {
    static func product(_ sku: String, stock: Int = 0, name: String = "A thing", price: Int = 255) -> String {
        """
        {"sku":"\(sku)","name":"\(name)","price":{"amount":\(price),"currency":"GBP"},"stock":{"on_hand":\(stock)}}
        """
    }
}

extension HTTPTestClient {
    /// Creates a product and returns its id.
    func create(_ sku: String, stock: Int = 0) async throws -> String {
        let reply = try await post("/v1/products", Sample.product(sku, stock: stock))
        #expect(reply.status == 201, "\(reply.text)")
        return try #require(reply.json["id"].string)
    }

    /// Every item of a list, page by page.
    func all(_ path: String) async throws -> [JSON] {
        var items: [JSON] = []
        var next: String? = path
        while let page = next {
            let reply = try await get(page)
            try #require(reply.status == 200, "\(reply.text)")
            items += reply.json["items"].items
            next = reply.header("Link").map { String($0.dropFirst().prefix { $0 != ">" }) }
            #expect((next == nil) == (reply.json["next_cursor"] == .null))
        }
        return items
    }
}
