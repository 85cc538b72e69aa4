import InventoryKit
import NIOCore
import NIOHTTP1
import TestSupport
import Testing

@Suite("REST API: stock")
struct StockAPITests {
    @Test("Purchase, adjust, count, and what the ledger says of them")
    func ledger() async throws {
        try await withDaemon { daemon in
            let client = daemon.client
            let id = try await client.create("A", stock: 40)
            let purchase = try await client.post(
                "/v1/products/\(id)/purchase", #"{"quantity":3,"reference":"order-1"}"#)
            #expect(purchase.status == 201)
            #expect(purchase.json["product"]["stock"]["on_hand"].int == 37)
            let purchaseID = try #require(purchase.json["purchase"]["id"].string)
            #expect(purchase.header("Location") == "/v1/purchases/\(purchaseID)")
            #expect(try await client.get("/v1/purchases/\(purchaseID)").json == purchase.json["purchase"])

            let damaged = try await client.post("/v1/products/sku:a/adjust", #"{"delta":-2,"reason":"damaged"}"#)
            #expect(damaged.status == 201)
            #expect(damaged.json["movement"]["on_hand"].int == 35)
            let count = #"{"count":30,"expected_on_hand":35,"reason":"stocktake"}"#
            #expect(try await client.post("/v1/products/\(id)/adjust", count).status == 201)
            let again = try await client.post("/v1/products/\(id)/adjust", count)
            #expect(again.status == 409)
            #expect(again.json["code"].string == "stock-changed")
            #expect(again.json["on_hand"].int == 30)

            let movements = try await client.all("/v1/products/\(id)/movements?limit=2")
            #expect(movements.map { $0["kind"].string } == ["count", "adjust", "sale", "opening"])
            #expect(movements.map { $0["seq"].int } == [4, 3, 2, 1])
            let moment = try #require(movements[2]["at"].string)
            let then = try await client.get("/v1/products/\(id)/movements?at=\(moment)")
            #expect(then.json["stock"]["on_hand"].int == 37)
            #expect(try await client.all("/v1/movements?reference=order-1").count == 1)
            #expect(try await client.get("/v1/products/\(id)/movements?at=\(moment)&limit=1").status == 422)
        }
    }

    @Test("A refusal says what there is")
    func refusals() async throws {
        try await withDaemon { daemon in
            let client = daemon.client
            let id = try await client.create("A", stock: 2)
            let short = try await client.post("/v1/products/\(id)/purchase", #"{"quantity":3}"#)
            #expect(short.status == 409)
            #expect(short.json["code"].string == "insufficient-stock")
            #expect(short.json["requested"].int == 3)
            #expect(short.json["available"].int == 2)
            let price = #"{"quantity":1,"expected_unit_price":{"amount":250,"currency":"GBP"}}"#
            let changed = try await client.post("/v1/products/\(id)/purchase", price)
            #expect(changed.json["code"].string == "price-changed")
            #expect(changed.json["unit_price"]["amount"].int == 255)
            _ = try await client.send(.PATCH, "/v1/products/\(id)", body: #"{"max_per_order":1}"#)
            let many = try await client.post("/v1/products/\(id)/purchase", #"{"quantity":2}"#)
            #expect(many.json["code"].string == "over-max-per-order")
            let beyond = try await client.post(
                "/v1/products/\(id)/adjust", #"{"delta":1000000000001,"reason":"receive"}"#)
            #expect(beyond.status == 422)
            #expect(try await client.get("/v1/products/\(id)").json["stock_version"].int == 1)
        }
    }

    @Test("A hundred buyers for the last unit: one gets it, ninety-nine are told")
    func lastUnit() async throws {
        try await withDaemon { daemon in
            let id = try await daemon.client.create("LAST", stock: 1)
            let client = daemon.client
            let replies = try await withThrowingTaskGroup(of: HTTPTestClient.Reply.self) { group in
                for _ in 0..<100 {
                    group.addTask { try await client.post("/v1/products/\(id)/purchase", #"{"quantity":1}"#) }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(replies.count { $0.status == 201 } == 1)
            #expect(replies.count { $0.json["code"].string == "insufficient-stock" } == 99)
            #expect(try await client.all("/v1/products/\(id)/movements").count == 2)
        }
    }

    @Test("Idempotency keys: replay, mismatch, refusal for good")
    func idempotency() async throws {
        try await withDaemon { daemon in
            let client = daemon.client
            let id = try await client.create("A", stock: 2)
            let path = "/v1/products/\(id)/purchase"
            let first = try await client.post(path, key: "k1", #"{"quantity":2}"#)
            #expect(first.header("Idempotent-Replayed") == nil)
            // The same request in another spelling, quoted key included.
            let replay = try await client.post(path, key: "\"k1\"", #"{ "reference": null, "quantity": 2.0 }"#)
            #expect(replay.status == 201)
            #expect(replay.header("Idempotent-Replayed") == "true")
            #expect(replay.json["purchase"] == first.json["purchase"])
            let other = try await client.post(path, key: "k1", #"{"quantity":1}"#)
            #expect(other.status == 422)
            #expect(other.json["code"].string == "idempotency-mismatch")

            let refused = try await client.post(path, key: "k2", #"{"quantity":1}"#)
            #expect(refused.status == 409)
            _ = try await client.post("/v1/products/\(id)/adjust", #"{"delta":5,"reason":"receive"}"#)
            let again = try await client.post(path, key: "k2", #"{"quantity":1}"#)
            #expect(again.status == 409, "what was refused stays refused, whatever has come in since")
            #expect(again.header("Idempotent-Replayed") == "true")
            #expect(again.json["available"].int == 0)
            #expect(try await client.get("/v1/products/\(id)").json["stock"]["on_hand"].int == 5)

            for key in ["", "a b", "\"", String(repeating: "x", count: 256)] where !key.isEmpty {
                #expect(try await client.post(path, key: key, #"{"quantity":1}"#).status == 400)
            }
        }
    }

    @Test("Keys can be made a must")
    func requiredKeys() async throws {
        try await withDaemon(environment: ["INVENTORYD_REQUIRE_IDEMPOTENCY_KEY": "true"]) { daemon in
            let without = try await daemon.client.post("/v1/products", Sample.product("A"))
            #expect(without.status == 400)
            #expect(without.json["code"].string == "idempotency-key-required")
            #expect(try await daemon.client.post("/v1/products", key: "k", Sample.product("A")).status == 201)
        }
    }
}
