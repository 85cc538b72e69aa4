import InventoryKit
import NIOCore
import NIOHTTP1
import TestSupport
import Testing

/// What a server's framework and parser would answer by themselves, and what strangers send.
@Suite("HTTP itself")
struct ProtocolTests {
    @Test("Paths and methods that are not there")
    func routing() async throws {
        try await withDaemon { daemon in
            let client = daemon.client
            let nowhere = try await client.get("/v2/products")
            #expect(nowhere.status == 404)
            #expect(nowhere.json["code"].string == "no-route")
            let wrong = try await client.send(.PUT, "/v1/products")
            #expect(wrong.status == 405)
            #expect(wrong.header("Allow") == "GET, HEAD, OPTIONS, POST")
            #expect(wrong.json["code"].string == "method-not-allowed")
            #expect(try await client.send(.TRACE, "/healthz").status == 405)
            #expect(try await client.get("/v1/products/zzz").json["code"].string == "not-found")
            #expect(try await client.get("/v1/products/%FF").status == 404)
            #expect(try await client.get("/v1/purchases/zzz").status == 404)
            #expect(try await client.get("/openapi.json").json["openapi"].string == "3.1.0")
        }
    }

    /// Fails where an answer of one of the ways (routes, the fast way, refusals ahead of both) lacks what the others have.
    @Test("Every answer says how it is to be treated, and none what made it; HEAD is GET without the body")
    func everyAnswer() async throws {
        try await withDaemon { daemon in
            let client = daemon.client
            let id = try await client.create("a", stock: 5)
            let sale = try await client.post("/v1/products/\(id)/purchase", #"{"quantity":1}"#)
            let purchase = try #require(sale.header("Location"))
            let pages: [(path: String, status: Int, cacheControl: String?)] = [
                ("/v1/products/\(id)", 200, "no-cache"), ("/v1/products/sku:a", 200, "no-cache"),
                ("/v1/products", 200, nil), ("/v1/products/\(id)/movements", 200, nil), ("/v1/movements", 200, nil),
                (purchase, 200, nil), ("/healthz", 200, nil), ("/readyz", 200, nil), ("/openapi.json", 200, nil),
                ("/docs", 200, nil), ("/nowhere", 404, "no-store"), ("/v1/products?limit=0", 422, "no-store"),
                ("/v1/products/0123456789abcdef01234567", 404, "no-store"),
            ]
            for page in pages {
                let answer = try await client.get(page.path)
                let head = try await client.send(.HEAD, page.path)
                #expect(answer.status == page.status && head.status == page.status, "\(page.path)")
                #expect(!answer.text.isEmpty && head.text.isEmpty, "\(page.path)")
                for reply in [answer, head] {
                    #expect(reply.header("X-Content-Type-Options") == "nosniff", "\(page.path)")
                    #expect(reply.header("Referrer-Policy") == "no-referrer", "\(page.path)")
                    #expect(reply.header("X-Request-Id") != nil && reply.header("Date") != nil, "\(page.path)")
                    #expect(reply.header("Server") == nil, "\(page.path)")
                    let control = reply.header("Cache-Control")
                    #expect(page.cacheControl == nil ? control != nil : control == page.cacheControl, "\(page.path)")
                }
                let length = page.path == "/readyz" ? nil : head.header("Content-Length")
                if let length { #expect(length == answer.header("Content-Length"), "\(page.path)") }
            }
            let many = Array(repeating: id, count: 101).joined(separator: ",")
            #expect(try await client.get("/v1/products?id=\(many)").status == 422)
            let later = try await client.get("/v1/movements?since=2200-01-01T00:00:00Z")
            #expect(later.status == 200 && later.json["items"].items.isEmpty)
            #expect(try await client.get("/v1/movements?since=yesterday").status == 422)
        }
    }

    @Test("Bodies of the wrong kind")
    func bodies() async throws {
        try await withDaemon { daemon in
            let client = daemon.client
            let form = try await client.send(
                .POST, "/v1/products", headers: [("Content-Type", "application/x-www-form-urlencoded")], body: "a=b"
            )
            #expect(form.status == 415)
            let broken = try await client.post("/v1/products", #"{"sku":"#)
            #expect(broken.status == 400)
            #expect(broken.json["code"].string == "malformed-json")
            let large = try await client.post("/v1/products", "\"" + String(repeating: "x", count: 1_100_000) + "\"")
            #expect(large.status == 413)
            let deep = String(repeating: "[", count: 33) + String(repeating: "]", count: 33)
            #expect(try await client.post("/v1/products", deep).status == 400)
            #expect(try await client.get("/v1/products", headers: [("Accept", "text/html")]).status == 406)
            #expect(try await client.get("/v1/products?q=" + String(repeating: "x", count: 9_000)).status == 414)
        }
    }

    @Test(
        "Malformed HTTP is answered with a problem, and the connection ends",
        arguments: [
            "GARBAGE\r\n\r\n",
            "GET / HTTP/9.9\r\nHost: x\r\n\r\n",
            "GET /healthz HTTP/1.1\r\n\r\n",
            "GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
            "POST /v1/products HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "POST /v1/products HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
            "POST /v1/products HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
            "GET /healthz HTTP/1.1\r\nHost: x\r\nBad Name: x\r\n\r\n",
            "GET /healthz HTTP/1.1\r\nHost : x\r\n\r\n",
            "GET /healthz HTTP/1.1\r\nHost: a b\r\n\r\n",
            "POST /v1/products HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            "POST /v1/products HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ])
    func malformed(_ request: String) async throws {
        try await withDaemon { daemon in
            let answer = try await RawConnection.exchange(port: daemon.port, request)
            #expect(answer.hasPrefix("HTTP/1.1 400 "), "\(answer)")
            #expect(answer.contains("application/problem+json"))
            #expect(answer.contains("\"code\":\"malformed-request\""))
            #expect(answer.lowercased().contains("connection: close"))
            #expect(try await daemon.client.get("/healthz").status == 200)
        }
    }

    @Test("A header that is too large is told so")
    func largeHeader() async throws {
        try await withDaemon { daemon in
            let header = "X-Large: " + String(repeating: "x", count: 20_000)
            let answer = try await RawConnection.exchange(
                port: daemon.port, "GET /healthz HTTP/1.1\r\nHost: x\r\n\(header)\r\n\r\n"
            )
            #expect(answer.hasPrefix("HTTP/1.1 431 "), "\(answer.prefix(200))")
        }
    }

    @Test("Answers to pipelined requests come in order, and a malformed one after them")
    func pipelining() async throws {
        try await withDaemon { daemon in
            let good = "GET /v1/products/sku:x HTTP/1.1\r\nHost: x\r\n\r\n"
            let answer = try await RawConnection.exchange(
                port: daemon.port, good + "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" + "GARBAGE\r\n\r\n"
            )
            let statuses = answer.ranges(of: "HTTP/1.1 ").map { answer[$0.upperBound...].prefix(3) }
            #expect(statuses == ["404", "200", "400"])
        }
    }

    @Test(
        "HTTP/1.0 and Connection: close end the connection after the answer",
        arguments: [
            "GET /healthz HTTP/1.0\r\n\r\n", "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        ])
    func closing(_ request: String) async throws {
        try await withDaemon { daemon in
            let answer = try await RawConnection.exchange(port: daemon.port, request)
            #expect(answer.contains(" 200 OK\r\n"))
            #expect(answer.lowercased().contains("connection: close"))
            #expect(answer.hasSuffix("{\"status\":\"ok\"}"))
        }
    }

    /// Fails where a load generator of old habits (ApacheBench) has to connect anew for each request.
    @Test("A client of HTTP/1.0 that asks for it keeps its connection, and is told so; pieces are none of its")
    func keptAlive() async throws {
        try await withDaemon { daemon in
            let kept = "HTTP/1.0\r\nConnection: Keep-Alive\r\n"
            let row = Sample.product("A")
            let answer = try await RawConnection.exchange(
                port: daemon.port,
                "GET /healthz \(kept)\r\nGET /v1/products/none \(kept)\r\nPOST /v1/products:batch \(kept)"
                    + "Content-Type: application/x-ndjson\r\nContent-Length: \(row.utf8.count)\r\n\r\n\(row)"
                    + "GET /healthz \(kept)\r\n")
            #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"), "\(answer)")
            #expect(answer.contains("HTTP/1.1 404 "), "\(answer)")
            #expect(answer.ranges(of: "\r\nConnection: keep-alive\r\n").count == 2, "\(answer)")
            // Its end is told by the connection's, so what was asked behind it is not answered.
            let loaded = answer[try #require(answer.firstRange(of: "HTTP/1.0 200 "), "\(answer)").upperBound...]
            #expect(!loaded.lowercased().contains("transfer-encoding"), "\(answer)")
            #expect(loaded.lowercased().contains("\r\nconnection: close\r\n"), "\(answer)")
            #expect(loaded.hasSuffix("}\n"), "\(answer)")
        }
    }

    /// Fails where the parser takes what follows for another protocol's: the client waits for an answer that nobody will give.
    @Test(
        "A client that would rather speak another protocol is answered in this one, and told that the connection ends",
        arguments: [
            "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\n\r\n",
            "GET /v1/products/sku:A HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
            "POST /v1/products HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\n{}",
            "CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n",
        ])
    func upgrade(_ request: String) async throws {
        try await withDaemon { daemon in
            let next = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
            let answer = try await RawConnection.exchange(port: daemon.port, request + next)
            #expect(answer.ranges(of: "HTTP/1.1 ").count == 1, "\(answer)")
            #expect(answer.lowercased().contains("\r\nconnection: close\r\n"), "\(answer)")
        }
    }

    @Test("Where a client only mentions another protocol, the connection goes on")
    func mentionedUpgrade() async throws {
        try await withDaemon { daemon in
            let first = "GET /healthz HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\n\r\n"
            let last = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            let answer = try await RawConnection.exchange(port: daemon.port, first + last)
            #expect(answer.ranges(of: "HTTP/1.1 200 ").count == 2, "\(answer)")
        }
    }

    /// Fails where a client without a key can fill a log that was turned down.
    @Test("What is no request is not logged where requests are not")
    func quietRejection() async throws {
        try await withDaemon(environment: ["LOG_LEVEL": "notice"]) { daemon in
            let answer = try await RawConnection.exchange(port: daemon.port, "X\u{1}\r\n\r\n")
            #expect(answer.hasPrefix("HTTP/1.1 400 "))
            #expect(try await daemon.stop() == 0)
            #expect(!daemon.log.contains { $0.contains("malformed-request") })
        }
    }

    @Test("Expect: 100-continue is met, or refused before the body is sent")
    func expectation() async throws {
        try await withDaemon { daemon in
            let body = Sample.product("A")
            let head =
                "POST /v1/products HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
            let small = "Expect: 100-continue\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
            let connection = try await RawConnection.open(port: daemon.port)
            try await connection.converse { inbound, outbound in
                try await outbound.write(.init(string: head + small))
                let goOn = try await inbound.next().map { String(buffer: $0) }
                #expect(goOn?.hasPrefix("HTTP/1.1 100 ") == true)
                try await outbound.write(.init(string: body))
                let answer = try await inbound.next().map { String(buffer: $0) }
                #expect(answer?.hasPrefix("HTTP/1.1 201 ") == true)
            }
            let refused = try await RawConnection.exchange(
                port: daemon.port, head + "Expect: 100-continue\r\nContent-Length: 9999999\r\n\r\n",
                until: { $0.contains("\r\n\r\n") }
            )
            #expect(refused.hasPrefix("HTTP/1.1 413 "))
            // HTTP/1.0 does not know it (RFC 9110, 10.1.1).
            let old = "POST /v1/products HTTP/1.0\r\nContent-Type: application/json\r\n" + small + Sample.product("B")
            #expect(try await RawConnection.exchange(port: daemon.port, old).hasPrefix("HTTP/1.1 201 "))
        }
    }

    @Test("Request ids are taken if sane, else made, and echoed")
    func requestIDs() async throws {
        try await withDaemon { daemon in
            let taken = try await daemon.client.get("/healthz", headers: [("X-Request-Id", "order-7.a_B")])
            #expect(taken.header("X-Request-Id") == "order-7.a_B")
            let made = try await daemon.client.get("/v1/products/zzz", headers: [("X-Request-Id", "a b\"c")])
            let id = try #require(made.header("X-Request-Id"))
            #expect(id != "a b\"c")
            #expect(made.json["request_id"].string == id)
            let line = try await daemon.logLine { $0.contains("\"request_id\":\"\(id)\"") }
            let entry = try JSONDocument(parsing: Array(line.utf8)).root
            #expect(entry["status"].int == 404)
            #expect(entry["method"].string == "GET")
            #expect(entry["route"].string == "/v1/products/{id}")
            #expect(entry["caller"].string == "anonymous")
        }
    }

    @Test(
        "More requests than there is room for are told 503 and when to come back; probes and what is cached still pass")
    func overload() async throws {
        try await withDaemon(environment: ["INVENTORYD_MAX_IN_FLIGHT": "1"]) { daemon in
            let product = try await daemon.client.post(
                "/v1/products", #"{"sku":"A-1","name":"Cup","price":{"amount":1,"currency":"GBP"}}"#)
            let path = "/v1/products/\(try #require(product.json["id"].string))"
            #expect(try await daemon.client.get(path).status == 200)
            let holder = try await RawConnection.open(port: daemon.port)
            try await holder.converse { inbound, outbound in
                let head =
                    "POST /v1/products:batch HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nContent-Length: 1\r\n\r\n"
                try await outbound.write(.init(string: head))
                _ = try await inbound.next()
                let refused = try await daemon.client.get("/v1/products")
                #expect(refused.status == 503)
                #expect(refused.header("Retry-After") == "1")
                #expect(refused.json["code"].string == "overloaded")
                #expect(refused.header("X-Request-Id") == refused.json["request_id"].string)
                let sale = try await daemon.client.post("\(path)/purchase", #"{"quantity":1}"#)
                #expect(sale.status == 503)
                for reply in [refused, sale] {
                    let id = try #require(reply.header("X-Request-Id"))
                    let line = try await daemon.logLine { $0.contains("\"request_id\":\"\(id)\"") }
                    #expect(try JSONDocument(parsing: Array(line.utf8)).root["error"].string == "overloaded")
                }
                #expect(try await daemon.client.get("/readyz").status == 200)
                #expect(try await daemon.client.get("/healthz?verbose").status != 503)
                #expect(try await daemon.client.get(path).header("X-Cache") == "hit")
                try await outbound.write(.init(string: "\n"))
                while let part = try await inbound.next(), !String(buffer: part).hasSuffix("0\r\n\r\n") {}
            }
            // The place is given back when the answer has gone out.
            try await eventually("room") { try await daemon.client.get("/v1/products").status == 200 ? () : nil }
        }
    }

    /// Fails where such a request waits for a place before there is anything to do, and for another one then; and where who
    /// gives up while it waits is in no figure of the overload that made it do so.
    @Test("A request whose body is on its way waits for no place, and who gives up waiting for one is logged")
    func waiting() async throws {
        let port = FreePort.any()
        let settings = ["INVENTORYD_MAX_IN_FLIGHT": "1", "INVENTORYD_METRICS_LISTEN": "127.0.0.1:\(port)"]
        try await withDaemon(environment: settings) { daemon in
            let metrics = HTTPTestClient(port: port)
            let path = "/v1/products/0123456789abcdef01234567/adjust"
            let holder = try await RawConnection.open(port: daemon.port)
            try await holder.converse { inbound, outbound in
                try await outbound.write(
                    .init(string: Self.post("/v1/products:batch", "application/x-ndjson", length: 1)))
                _ = try await inbound.next()
                let slow = try await RawConnection.open(port: daemon.port)
                try await slow.converse { inbound, outbound in
                    let body = #"{"delta":1,"reason":"receive"}"#
                    try await outbound.write(
                        .init(string: Self.post(path, "application/json", length: body.utf8.count)))
                    // Somebody who came later has waited in vain, so that one would have been seen to wait by now.
                    #expect(try await daemon.client.get("/v1/products").status == 503)
                    #expect(try await metrics.get("/metrics").text.contains("inventoryd_http_requests_waiting 0\n"))
                    try await outbound.write(.init(string: body))
                    let reply = try await inbound.next().map { String(buffer: $0) }
                    #expect(reply?.contains(" 503 ") == true && reply?.contains("overloaded") == true)
                }
                // Its wait is short, so whoever is slow to see it tries again.
                try await eventually("somebody who gave up to be logged") {
                    let hasty = try await RawConnection.open(port: daemon.port, resets: true)
                    try await hasty.converse { _, outbound in
                        let path = "/v1/products/0123456789abcdef01234567"
                        try await outbound.write(
                            .init(string: "GET \(path) HTTP/1.1\r\nHost: x\r\nX-Request-Id: hasty\r\n\r\n"))
                        _ = try await metrics.get("/metrics")
                    }
                    let lines = daemon.log.filter { $0.contains(#""request_id":"hasty""#) }
                    return lines.contains { $0.contains("did not go out") } ? () : nil
                }
                try await outbound.write(.init(string: "\n"))
                while let part = try await inbound.next(), !String(buffer: part).hasSuffix("0\r\n\r\n") {}
            }
        }
    }

    private static func post(_ path: String, _ type: String, length: Int) -> String {
        "POST \(path) HTTP/1.1\r\nHost: x\r\nContent-Type: \(type)\r\nContent-Length: \(length)\r\n\r\n"
    }
}
