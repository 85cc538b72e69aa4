import Foundation
import InventoryKit
import NIOHTTP1
import TestSupport
import Testing

/// The limit as clients meet it, on the real binary.
@Suite("Rate limits over HTTP")
struct RateLimitTests {
    @Test("Answers tell the limit, and a call beyond it is 429 with the time to wait")
    func refusal() async throws {
        try await withDaemon(environment: ["INVENTORYD_RATE_READ": "1/h:2"]) { daemon in
            let first = try await daemon.client.get("/v1/products")
            #expect(first.status == 200)
            #expect(first.header("RateLimit-Policy") == "\"read\";q=2;w=7200")
            #expect(first.header("RateLimit") == "\"read\";r=1;t=3600")
            _ = try await daemon.client.get("/v1/products")
            let refused = try await daemon.client.get("/v1/products")
            #expect(refused.status == 429)
            #expect(refused.header("Content-Type") == "application/problem+json")
            #expect(refused.header("RateLimit")?.hasPrefix("\"read\";r=0;t=7") == true)
            #expect(refused.json["code"].string == "rate-limited")
            let wait = try #require(refused.header("Retry-After").flatMap { Int($0) })
            #expect((3_000...3_600).contains(wait))
        }
    }

    @Test("Classes have limits of their own; probes, documents and preflights have none")
    func classes() async throws {
        try await withDaemon(environment: [
            "INVENTORYD_RATE_READ": "1/h:1", "INVENTORYD_RATE_WRITE": "1/h:1", "INVENTORYD_RATE_PURCHASE": "off",
        ]) { daemon in
            #expect(try await daemon.client.get("/v1/products").status == 200)
            #expect(try await daemon.client.get("/v1/products").status == 429)
            let id = try await daemon.client.create("a", stock: 10)
            #expect(try await daemon.client.send(.DELETE, "/v1/products/\(id)").status == 429)
            for _ in 0..<5 {
                let sold = try await daemon.client.post("/v1/products/\(id)/purchase", #"{"quantity":1}"#)
                #expect(sold.status == 201)
                #expect(sold.header("RateLimit") == nil)
                for path in ["/healthz", "/readyz", "/openapi.json", "/docs"] {
                    #expect(try await daemon.client.get(path).status == 200)
                }
            }
        }
    }

    /// Fails where a refused request is carried out all the same, and where its connection is of no use afterwards.
    @Test("A refused change does not happen, and the connection goes on")
    func refusedChange() async throws {
        try await withDaemon(environment: ["INVENTORYD_RATE_PURCHASE": "1/h:2"]) { daemon in
            let id = try await daemon.client.create("a", stock: 10)
            var statuses: [Int] = []
            for _ in 0..<4 {
                statuses.append(try await daemon.client.post("/v1/products/\(id)/purchase", #"{"quantity":1}"#).status)
            }
            #expect(statuses == [201, 201, 429, 429])
            #expect(try await daemon.client.get("/v1/products/\(id)").json["stock"]["on_hand"].int == 8)
        }
    }

    /// Fails where a read that the cache answers, or one that it does not, is counted twice or not at all.
    @Test("A read counts once, whichever way it takes")
    func once() async throws {
        try await withDaemon(environment: ["INVENTORYD_RATE_READ": "1/h:6"]) { daemon in
            let id = try await daemon.client.create("a", stock: 10)
            var left: [String?] = []
            for _ in 0..<6 { left.append(try await daemon.client.get("/v1/products/\(id)").header("RateLimit")) }
            #expect(left.compactMap { $0?.firstMatch(of: /r=([0-9]+)/).map { Int($0.1) } } == [5, 4, 3, 2, 1, 0])
            #expect(try await daemon.client.get("/v1/products/\(id)").status == 429)
        }
    }

    /// Fails where only a URI that begins with its path is counted: the router serves both.
    @Test("A URI with its host in it is limited like one without")
    func absoluteForm() async throws {
        try await withDaemon(environment: ["INVENTORYD_RATE_READ": "1/h:1"]) { daemon in
            var statuses: [Int] = []
            for uri in ["http://127.0.0.1/v1/products", "http://127.0.0.1/v1/products", "/v1/products"] {
                statuses.append(try await daemon.client.get(uri).status)
            }
            #expect(statuses == [200, 429, 429])
        }
    }

    @Test(
        "Behind a trusted proxy each client has its own limit; who is none is not believed", arguments: [true, false])
    func forwarded(isTrusted: Bool) async throws {
        var settings = ["INVENTORYD_RATE_READ": "1/h:1"]
        if isTrusted { settings["INVENTORYD_TRUSTED_PROXIES"] = "127.0.0.0/8" }
        try await withDaemon(environment: settings) { daemon in
            var statuses: [Int] = []
            for caller in ["192.0.2.1", "192.0.2.2", "192.0.2.1"] {
                let answer = try await daemon.client.get("/v1/products", headers: [("X-Forwarded-For", caller)])
                statuses.append(answer.status)
            }
            #expect(statuses == (isTrusted ? [200, 200, 429] : [200, 429, 429]))
        }
    }

    @Test("SIGHUP changes the limit")
    func reload() async throws {
        try await withTemporaryDirectory { directory in
            let file = directory + "/inventoryd.conf"
            try "INVENTORYD_RATE_READ=1/h:1\n".write(toFile: file, atomically: true, encoding: .utf8)
            let daemon = try await DaemonProcess(
                stateDirectory: directory, environment: ["INVENTORYD_RATE_READ": ""], arguments: ["--config", file])
            #expect(try await daemon.client.get("/v1/products").status == 200)
            #expect(try await daemon.client.get("/v1/products").status == 429)
            try "INVENTORYD_RATE_READ=off\n".write(toFile: file, atomically: true, encoding: .utf8)
            daemon.signal(SIGHUP)
            try await eventually("the new limit") {
                try await daemon.client.get("/v1/products").status == 200 ? () : nil
            }
            _ = try await daemon.stop()
        }
    }
}
