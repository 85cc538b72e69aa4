import InventoryKit
import NIOCore
import NIOHTTP1
import TestSupport
import Testing

/// Plain requests are answered without the router. Nobody may be able to tell, by the answer or by the log.
@Suite("The fast way and the way by the route")
struct FastWayTests {
    /// Of two products that differ in nothing but their names, one is asked for by each way. The names are of one length.
    private enum Way: String {
        case fast
        case byRoute = "slow"

        /// What is asked for in so many words is not plain.
        var headers: [(String, String)] { self == .fast ? [] : [("Accept", "application/json, */*")] }
    }

    private struct Request {
        let method: HTTPMethod
        let path: String
        var headers: [(String, String)] = []
        var body: String?

        /// Whether the fast way leaves it to the route.
        var isLeft = false
    }

    private struct Told: Equatable {
        let status: Int
        let headers: [String]
        let body: String
        let log: String
    }

    private static func requests(of id: String, stock: Int) -> [Request] {
        func purchase(_ body: String, key: String? = nil, of product: String = id, isLeft: Bool = false) -> Request {
            Request(
                method: .POST, path: "/v1/products/\(product)/purchase",
                headers: key.map { [("Idempotency-Key", $0)] } ?? [], body: body, isLeft: isLeft)
        }
        let absent = String(repeating: "0", count: 24)
        return [
            Request(method: .GET, path: "/v1/products/\(id)"),
            Request(method: .GET, path: "/v1/products/\(id)"),
            Request(method: .GET, path: "/v1/products/\(id.uppercased())"),
            Request(method: .GET, path: "/v1/products/\(absent)"),
            purchase(#"{"quantity":1}"#),
            purchase(
                #"{"quantity":1,"reference":"r","expected_unit_price":{"amount":255,"currency":"GBP"}}"#, key: "k"),
            purchase(
                #"{"quantity":1,"reference":"r","expected_unit_price":{"amount":255,"currency":"GBP"}}"#, key: "k"),
            purchase(#"{"quantity":2}"#, key: "k"),
            purchase(#"{"quantity":\#(stock)}"#, key: "too many"),
            purchase(#"{"quantity":\#(stock)}"#, key: "too-many"),
            purchase(#"{"quantity":\#(stock)}"#, key: "too-many"),
            purchase(#"{"quantity":1,"expected_unit_price":{"amount":1,"currency":"EUR"}}"#),
            purchase(#"{"quantity":1}"#, of: absent),
            purchase(#"{"quantity":0}"#, isLeft: true),
            purchase(#"{"quantity":1,"quantity":1}"#, isLeft: true),
            purchase(#"{"quantity":"#, isLeft: true),
            purchase("", isLeft: true),
            Request(method: .GET, path: "/v1/products/\(id)"),
        ]
    }

    /// What is told of each, without what differs between any two requests.
    private func tale(of daemon: DaemonProcess, by way: Way) async throws -> [Told] {
        let id = try await daemon.client.create(way.rawValue.uppercased(), stock: 10)
        var tale: [Told] = []
        for (number, request) in Self.requests(of: id, stock: 10).enumerated() {
            let (told, isFast) = try await Self.ask(daemon, request, by: way, number, about: id)
            let isKeyless = request.headers.contains { $0.1.contains(" ") }
            #expect(isFast == (way == .fast && !request.isLeft && !isKeyless), "\(way) \(number)")
            tale.append(told)
        }
        return tale
    }

    /// - Returns: what is told, and whether the route was spared.
    private static func ask(
        _ daemon: DaemonProcess, _ request: Request, by way: Way, _ number: Int, about id: String
    ) async throws -> (told: Told, isFast: Bool) {
        let name = "\(way.rawValue)-\(number)"
        let reply = try await daemon.client.send(
            request.method, request.path, headers: request.headers + way.headers + [("X-Request-Id", name)],
            body: request.body)
        #expect(reply.header("X-Request-Id") == name && reply.header("Date") != nil)
        let line = try await daemon.logLine { $0.contains("\"request_id\":\"\(name)\"") }
        let headers = reply.headers.filter { $0.name != "Date" }.map { plain("\($0.name): \($0.value)", id) }
        let told = Told(
            status: reply.status, headers: headers.sorted(), body: plain(reply.text, id), log: plain(line, id))
        // The route has these for the last, which is how one can tell after all.
        return (told, reply.headers.first?.name == "X-Request-Id")
    }

    private static func plain(_ text: String, _ id: String) -> String {
        text.replacing(id, with: "<id>").replacing(id.uppercased(), with: "<ID>").replacing(
            /(fast|slow)-[0-9]+/, with: "<request>"
        )
        .replacing(/FAST|SLOW/, with: "<sku>")
        .replacing(/[0-9a-f]{64}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/, with: "<movement>")
        .replacing(/[0-9-]{10}T[0-9:.]+Z/, with: "<time>")
        .replacing(/"duration_us":[0-9]+/, with: "<duration>")
    }

    /// Fails where the fast way forgets a header, a figure of the log or a rule, or says something else than the route.
    @Test("Both ways tell the same, line by line, and log the same")
    func same() async throws {
        try await withDaemon { daemon in
            let fast = try await tale(of: daemon, by: .fast)
            let route = try await tale(of: daemon, by: .byRoute)
            for (number, (fast, route)) in zip(fast, route).enumerated() { #expect(fast == route, "request \(number)") }
            #expect(
                fast.map(\.status)
                    == [200, 200, 200, 404, 201, 201, 201, 422, 400, 409, 409, 409, 404, 422, 422, 400, 400, 200])
        }
    }

    @Test("Where origins are allowed, a key is required or callers are limited, both ways keep to it")
    func settings() async throws {
        let environment = [
            "INVENTORYD_CORS_ORIGINS": "https://shop.example", "INVENTORYD_REQUIRE_IDEMPOTENCY_KEY": "true",
            "INVENTORYD_RATE_PURCHASE": "1/h:4",
        ]
        try await withDaemon(environment: environment) { daemon in
            let created = try await daemon.client.post("/v1/products", key: "0", Sample.product("A", stock: 10))
            let id = try #require(created.json["id"].string)
            func purchase(_ way: Way, _ headers: [(String, String)]) async throws -> HTTPTestClient.Reply {
                try await daemon.client.send(
                    .POST, "/v1/products/\(id)/purchase", headers: headers + way.headers, body: #"{"quantity":1}"#)
            }
            var replies: [Way: [HTTPTestClient.Reply]] = [:]
            for way in [Way.fast, .byRoute] {
                replies[way, default: []].append(try await purchase(way, []))
                replies[way, default: []].append(try await purchase(way, [("Idempotency-Key", way.rawValue)]))
            }
            for way in [Way.fast, .byRoute] {
                replies[way, default: []].append(try await purchase(way, [("Idempotency-Key", "late")]))
            }
            for replies in replies.values {
                #expect(replies.map(\.status) == [400, 201, 429])
                #expect(replies.allSatisfy { $0.header("Vary") == "Origin" && $0.header("RateLimit") != nil })
                #expect(replies[2].header("Retry-After") != nil)
            }
            #expect(try await daemon.client.get("/v1/products/\(id)").json["stock"]["on_hand"] == .integer(8))
        }
    }

    /// Fails where the fast way lets in what there is no room for, or says so in other words.
    @Test("Where there is no room, both ways say so alike; what the cache has needs none")
    func noRoom() async throws {
        try await withDaemon(environment: ["INVENTORYD_MAX_IN_FLIGHT": "1"]) { daemon in
            let id = try await daemon.client.create("A", stock: 10)
            #expect(try await daemon.client.get("/v1/products/\(id)").status == 200)
            let holder = try await RawConnection.open(port: daemon.port)
            try await holder.converse { inbound, outbound in
                let load = "POST /v1/products:batch HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\n"
                try await outbound.write(.init(string: load + "Content-Length: 1\r\n\r\n"))
                _ = try await inbound.next()
                let purchase = Request(method: .POST, path: "/v1/products/\(id)/purchase", body: #"{"quantity":1}"#)
                let absent = Request(method: .GET, path: "/v1/products/" + String(repeating: "0", count: 24))
                for (number, request) in [purchase, absent].enumerated() {
                    let (fast, isFast) = try await Self.ask(daemon, request, by: .fast, number, about: id)
                    #expect(isFast)
                    #expect(fast.status == 503)
                    #expect(fast == (try await Self.ask(daemon, request, by: .byRoute, number, about: id)).told)
                }
                #expect(try await daemon.client.get("/v1/products/\(id)").status == 200)
                try await outbound.write(.init(string: "\n"))
            }
            #expect(try await daemon.client.get("/v1/products/\(id)").json["stock"]["on_hand"] == .integer(10))
        }
    }

    /// Fails where one way looks at the first of several fields, and the other at all of them.
    @Test("Of two names for a request neither is taken, by either way")
    func doubledName() async throws {
        try await withDaemon { daemon in
            let id = try await daemon.client.create("A", stock: 10)
            for way in [Way.fast, .byRoute] {
                let names = [("X-Request-Id", "a"), ("X-Request-Id", "b")]
                let reply = try await daemon.client.get("/v1/products/\(id)", headers: names + way.headers)
                #expect((reply.headers.first?.name == "X-Request-Id") == (way == .fast))
                #expect(try #require(reply.header("X-Request-Id")).count > 8)
            }
        }
    }

    /// Fails where a body that has not come along is waited for without the route, which has a time limit for it.
    @Test("A purchase that comes in pieces is one all the same, and what is pipelined keeps its order")
    func pieces() async throws {
        try await withDaemon { daemon in
            let id = try await daemon.client.create("A", stock: 10)
            let head = "POST /v1/products/\(id)/purchase HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            let whole = head + "Content-Length: 14\r\n\r\n{\"quantity\":1}"
            let read = "GET /v1/products/\(id) HTTP/1.1\r\nHost: x\r\n\r\n"
            let list = "GET /v1/products HTTP/1.1\r\nHost: x\r\n\r\n"
            let last = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            let answer = try await RawConnection.exchange(
                port: daemon.port, head, "Content-Length: 14\r\n\r\n{\"quant", "ity\":1}" + list + whole + read,
                whole + last)
            let kinds = answer.matches(of: /"purchase":|"items":|X-Cache:|"status":"ok"/).map { String($0.output) }
            #expect(
                kinds == [
                    "\"purchase\":", "\"items\":", "\"purchase\":", "X-Cache:", "\"purchase\":", "\"status\":\"ok\"",
                ])
            #expect(try await daemon.client.get("/v1/products/\(id)").json["stock"]["on_hand"] == .integer(7))
        }
    }

    /// Fails where a purchase is made of which nobody can be told any more.
    @Test("What follows a request that says it is the last is not looked at")
    func afterTheLast() async throws {
        try await withDaemon { daemon in
            let id = try await daemon.client.create("A", stock: 10)
            let purchase =
                "POST /v1/products/\(id)/purchase HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                + "Content-Length: 14\r\n"
            let body = "\r\n{\"quantity\":1}"
            for last in [
                "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
                purchase + "Connection: close\r\n" + body,
            ] {
                let answer = try await RawConnection.exchange(port: daemon.port, last + purchase + body)
                #expect(answer.matches(of: /HTTP\/1.1 2/).count == 1)
                #expect(answer.contains("Connection: close"))
            }
            #expect(try await daemon.client.get("/v1/products/\(id)").json["stock"]["on_hand"] == .integer(9))
        }
    }
}
