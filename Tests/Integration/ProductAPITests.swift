import InventoryKit
import NIOCore
import NIOHTTP1
import TestSupport
import Testing

/// The REST contract, as a client meets it on the real daemon.
@Suite("REST API: products")
struct ProductAPITests {
    @Test("Create, read, replace, patch, archive")
    func life() async throws {
        try await withDaemon { daemon in
            let client = daemon.client
            let created = try await client.post("/v1/products", Sample.product("Tee-1", stock: 5))
            #expect(created.status == 201)
            let id = try #require(created.json["id"].string)
            #expect(created.header("Location") == "/v1/products/\(id)")
            #expect(created.header("ETag") == "\"c1-s1\"")

            let read = try await client.get("/v1/products/\(id)")
            #expect(read.body == created.body)
            let bySKU = try await client.get("/v1/products/sku:tee-1")
            #expect(bySKU.body == created.body)
            #expect(try await client.get("/v1/products/sku%3ATEE-1").status == 200)

            // What was read can be sent back as it is, and changes nothing.
            let same = try await client.send(.PUT, "/v1/products/\(id)", body: read.text)
            #expect(same.status == 200)
            #expect(same.json["version"].int == 1)

            let patched = try await client.send(
                .PATCH, "/v1/products/\(id)",
                headers: [("Content-Type", "application/merge-patch+json"), ("If-Match", "\"c1-s1\"")],
                body: #"{"name":"Better","attributes":{"colour":"red"},"price":{"amount":300}}"#
            )
            #expect(patched.status == 200)
            #expect(patched.header("ETag") == "\"c2-s1\"")
            #expect(patched.json["price"]["currency"].string == "GBP")
            let stale = try await client.send(
                .PATCH, "/v1/products/\(id)", headers: [("If-Match", "\"c1-s1\"")], body: "{}")
            #expect(stale.status == 412)
            #expect(stale.json["current_etag"].string == "\"c2-s1\"")
            let byVersion = try await client.send(.PATCH, "/v1/products/\(id)", body: #"{"version":1,"name":"X"}"#)
            #expect(byVersion.status == 412)
            let stock = try await client.send(.PATCH, "/v1/products/\(id)", body: #"{"stock":{"on_hand":6}}"#)
            #expect(stock.status == 409)
            #expect(stock.json["code"].string == "use-adjust")

            for _ in 1...2 { #expect(try await client.send(.DELETE, "/v1/products/\(id)").status == 204) }
            #expect(try await client.get("/v1/products/\(id)").json["archived_at"] != .null)
            #expect(try await client.get("/v1/products/sku:tee-1").status == 404)
            #expect(try await client.send(.PATCH, "/v1/products/\(id)", body: "{}").status == 410)
            #expect(try await client.post("/v1/products/\(id)/purchase", #"{"quantity":1}"#).status == 410)
            #expect(try await client.get("/v1/products").json["items"] == [])
            #expect(try await client.post("/v1/products", Sample.product("TEE-1")).status == 201)
        }
    }

    @Test("HEAD, ETag, If-None-Match and X-Cache")
    func conditional() async throws {
        try await withDaemon { daemon in
            let client = daemon.client
            let id = try await client.create("A", stock: 3)
            #expect(try await client.get("/v1/products/\(id)").header("X-Cache") == "miss")
            let hit = try await client.get("/v1/products/\(id)")
            #expect(hit.header("X-Cache") == "hit")
            let head = try await client.send(.HEAD, "/v1/products/\(id)")
            #expect(head.status == 200)
            #expect(head.body.isEmpty)
            #expect(head.header("Content-Length") == "\(hit.body.count)")
            let unchanged = try await client.get("/v1/products/\(id)", headers: [("If-None-Match", "\"c1-s1\"")])
            #expect(unchanged.status == 304)
            #expect(unchanged.header("ETag") == "\"c1-s1\"")
            // Every write is seen by the next read.
            for count in 2...4 {
                #expect(try await client.post("/v1/products/\(id)/purchase", #"{"quantity":1}"#).status == 201)
                let read = try await client.get("/v1/products/\(id)", headers: [("If-None-Match", "\"c1-s1\"")])
                #expect(read.status == 200)
                #expect(read.header("ETag") == "\"c1-s\(count)\"")
            }
        }
    }

    @Test("All errors of a body at once, with pointers")
    func faults() async throws {
        try await withDaemon { daemon in
            let reply = try await daemon.client.post(
                "/v1/products",
                #"{"sku":" x","price":{"amount":-1,"currency":"gbp"},"prize":1,"attributes":{"a":1},"sku":"y"}"#
            )
            #expect(reply.status == 422)
            #expect(reply.header("Content-Type") == "application/problem+json")
            let pointers = Set(reply.json["errors"].items.compactMap { $0["pointer"].string })
            #expect(pointers == ["/sku", "/name", "/price/amount", "/price/currency", "/prize", "/attributes/a"])
        }
    }

    @Test("A sku is unique without case, and the problem names who has it")
    func uniqueness() async throws {
        try await withDaemon { daemon in
            let id = try await daemon.client.create("85123A")
            let taken = try await daemon.client.post("/v1/products", Sample.product("85123a"))
            #expect(taken.status == 409)
            #expect(taken.json["code"].string == "sku-taken")
            #expect(taken.json["product_id"].string == id)
        }
    }

    @Test("Lists: filters, sorts and pages that link to the next")
    func lists() async throws {
        try await withDaemon { daemon in
            let client = daemon.client
            for number in 1...25 { _ = try await client.create("S-\(number)", stock: number % 3) }
            let skus = try await client.all("/v1/products?limit=4&sort=-sku").compactMap {
                $0["sku"].string?.lowercased()
            }
            #expect(skus.count == 25)
            #expect(skus == skus.sorted().reversed())
            let inStock = try await client.all("/v1/products?limit=3&sort=available&in_stock=true&q=thing%20s")
            #expect(inStock.count == 17)
            let ids = try await client.get("/v1/products?limit=2").json["items"].items.compactMap { $0["id"].string }
            let many = try await client.get(
                "/v1/products?id=\(ids.reversed().joined(separator: ",")),ffffffffffffffffffffffff")
            #expect(many.json["items"].items.compactMap { $0["id"].string } == ids.reversed())
            #expect(try await client.get("/v1/products?sku_prefix=s-1").json["items"].items.count == 11)
            #expect(try await client.get("/v1/products?cursor=00ff").status == 422)
        }
    }

    @Test("CORS answers origins that are configured, and no others")
    func cors() async throws {
        try await withDaemon(environment: ["INVENTORYD_CORS_ORIGINS": "https://shop.example"]) { daemon in
            let client = daemon.client
            let preflight = try await client.send(
                .OPTIONS, "/v1/products",
                headers: [("Origin", "https://shop.example"), ("Access-Control-Request-Method", "POST")]
            )
            #expect(preflight.status == 204)
            #expect(preflight.header("Access-Control-Allow-Origin") == "https://shop.example")
            #expect(preflight.header("Access-Control-Allow-Methods")?.contains("POST") == true)
            #expect(preflight.header("Access-Control-Allow-Headers")?.contains("Idempotency-Key") == true)
            let read = try await client.get("/v1/products", headers: [("Origin", "https://shop.example")])
            #expect(read.header("Access-Control-Expose-Headers")?.contains("ETag") == true)
            #expect(read.header("Vary") == "Origin")
            let stranger = try await client.get("/v1/products", headers: [("Origin", "https://evil.example")])
            #expect(stranger.header("Access-Control-Allow-Origin") == nil)
        }
    }
}
