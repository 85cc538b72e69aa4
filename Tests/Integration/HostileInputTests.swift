import InventoryKit
import NIOHTTP1
import TestSupport
import Testing

/// What strangers send to break something, on the real binary: each gets a proper answer, and nobody else notices.
@Suite("Hostile input")
struct HostileInputTests {
    /// Sends each text on a connection of its own, and compares status, code, and whether there was one answer only and
    /// the end of the connection after it.
    private func expect(_ cases: [(text: String, status: Int, code: String?)], of daemon: DaemonProcess) async throws {
        for (text, status, code) in cases {
            let answer = try await RawConnection.exchange(port: daemon.port, text)
            let shown = text.prefix(200).debugDescription
            #expect(answer.hasPrefix("HTTP/1.1 \(status) "), "\(shown): \(answer.prefix(300))")
            #expect(answer.ranges(of: "HTTP/1.1 ").count == 1, "\(shown): \(answer)")
            #expect(answer.lowercased().contains("\r\nconnection: close\r\n"), "\(shown)")
            if let code { #expect(answer.contains("\"code\":\"\(code)\""), "\(shown): \(answer)") }
        }
        #expect(try await daemon.client.get("/v1/products").status == 200)
    }

    private static let post = "POST /v1/products HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    private static let smuggled = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"

    private func get(_ path: String, _ headers: String = "") -> String {
        "GET \(path) HTTP/1.1\r\nHost: x\r\n\(headers)Connection: close\r\n\r\n"
    }

    private func posting(_ body: String, _ headers: String = "") -> String {
        "\(Self.post)\(headers)Connection: close\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    /// Fails where anything of what two servers may understand differently is answered twice, or the connection goes on:
    /// the next answer would be somebody else's.
    @Test("A request whose end is in doubt gets one answer, and the connection ends")
    func smuggling() async throws {
        let headers = [
            "Content-Length: 4\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 4",
            "Content-Length: 5\r\nContent-Length: 6", "Content-Length: 5\r\nContent-Length: 5", "Content-Length: 5, 5",
            "Content-Length: +5", "Content-Length: 0x5", "Content-Length: -5", "Content-Length:", "Content-Length: 0 5",
            "Content-Length: 99999999999999999999", "Transfer-Encoding: xchunked", "Transfer-Encoding: identity",
            "Transfer-Encoding: chunked, identity", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "Transfer-Encoding: \u{B}chunked",
            "Transfer-Encoding : chunked\r\nContent-Length: 5", "Transfer-Encoding:\r\n chunked",
            "X: \r\n Transfer-Encoding: chunked", "X: a\rTransfer-Encoding: chunked", "X: a\nContent-Length: 5",
        ]
        let bodies = [
            "-1\r\n", "0x2\r\n{}\r\n", "FFFFFFFFFFFFFFFFF\r\n{}\r\n", "2\r\n{}XX\r\n", "2\n{}\n", "2;\n{}\r\n",
            "2\r\n{}\r",
            "0\r\nContent-Length: 5\r\n\r\n",
        ]
        try await withDaemon { daemon in
            let broken =
                headers.map { "\(Self.post)\($0)\r\n\r\n0\r\n\r\n\(Self.smuggled)" }
                + bodies.map { "\(Self.post)Transfer-Encoding: chunked\r\n\r\n\($0)0\r\n\r\n\(Self.smuggled)" }
            try await expect(broken.map { ($0, 400, "malformed-request") }, of: daemon)
            // One line for each. A body's is written by its own task, after the answer has gone.
            func refused() -> [String] { daemon.log.filter { $0.contains(#""error":"malformed-request""#) } }
            try await eventually("a line for each that was refused") { refused().count >= broken.count ? () : nil }
            _ = try await daemon.client.get("/healthz")
            #expect(refused().count == broken.count, "\(daemon.log.joined(separator: "\n"))")
            // The line is found by what the client was told.
            let answer = try await RawConnection.exchange(port: daemon.port, try #require(broken.last))
            let id = try #require(answer.firstMatch(of: /X-Request-Id: (\S+)/)?.1)
            _ = try await daemon.logLine { $0.contains("\"request_id\":\"\(id)\"") }
        }
    }

    @Test("What looks like a request but is a body is not answered")
    func requestInBody() async throws {
        try await withDaemon { daemon in
            let inside =
                "GET /v1/products/zzz HTTP/1.1\r\nHost: x\r\nContent-Length: \(Self.smuggled.utf8.count)\r\n\r\n"
            let chunk = "2;a=\"b\"\r\n{}\r\n0\r\nX: y\r\n\r\n"
            let answer = try await RawConnection.exchange(
                port: daemon.port, inside + Self.smuggled, "\(Self.post)Transfer-Encoding: chunked\r\n\r\n\(chunk)",
                get("/v1/products/sku:no"))
            let statuses = answer.ranges(of: "HTTP/1.1 ").map { answer[$0.upperBound...].prefix(3) }
            #expect(statuses == ["404", "422", "404"])
        }
    }

    @Test("Bytes that HTTP does not have")
    func bytes() async throws {
        try await withDaemon { daemon in
            let malformed = [
                "GET /healthz\0 HTTP/1.1\r\nHost: x\r\n\r\n", "GET /healthz HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n",
                "GET /healthz HTTP/1.1\r\nHost: x\r\nX\0: a\r\n\r\n",
                "GET /v1/products/\u{FF} HTTP/1.1\r\nHost: x\r\n\r\n",
                "GET /healthz HTTP/1.1\nHost: x\n\n", "GET /healthz\r\n\r\n",
                "FOO /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
                "GET /healthz HTTP/1.1\r\nHost: \u{FF}\r\n\r\n", "GET /healthz HTTP/1.1\r\nHost: a/b\r\n\r\n",
                "GET /healthz HTTP/1.1\r\nHost: a@b\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                "\u{16}\u{3}\u{1}\0\u{5}hello", String(repeating: "A", count: 100_000),
            ]
            try await expect(malformed.map { ($0, 400, "malformed-request") }, of: daemon)
        }
    }

    @Test("Heads and bodies beyond every measure")
    func sizes() async throws {
        try await withDaemon { daemon in
            let long = String(repeating: "x", count: 1_048_576)
            let fields = String(repeating: "X: y\r\n", count: 101)
            let tail = "Transfer-Encoding: chunked\r\n\r\n"
            try await expect(
                [
                    (get("/healthz", "X: \(long)\r\n"), 431, "headers-too-large"),
                    (get("/healthz", fields), 431, "headers-too-large"),
                    (get("/healthz", "\(long): x\r\n"), 431, "headers-too-large"),
                    (get("/v1/products?q=\(long)"), 431, "headers-too-large"),
                    (get("/v1/products?q=\(long.prefix(9_000))"), 414, "uri-too-long"),
                    ("\(Self.post)Content-Length: 9223372036854775807\r\n\r\n", 413, "body-too-large"),
                    ("\(Self.post)\(tail)200000\r\n\(long)\(long)", 413, "body-too-large"),
                    ("\(Self.post)\(tail)1\r\n{\r\n0\r\nX: \(long)\r\n\r\n", 431, "headers-too-large"),
                ], of: daemon)
            // What a client did is no fault of the daemon's: an operator would be called for it.
            #expect(!daemon.log.contains { $0.contains("Request failed") || $0.contains("\"status\":500") })
        }
    }

    @Test("JSON made to break parsers")
    func json() async throws {
        func product(_ members: String, name: String = "\"n\"", amount: String = "1") -> String {
            #"{"sku":"x","name":\#(name),"price":{"amount":\#(amount),"currency":"GBP"}\#(members)}"#
        }
        let malformed = [
            "", "\0", "nul", product(",\"description\":\"a\0b\""), product(#","description":"\ud800""#),
            product(#","description":"\udc00\ud800""#), product("", amount: "NaN"), product("", amount: "01"),
            product("", amount: "1e"), product("") + "x", product("") + product(""), product(",") + "",
            "[" + String(repeating: "1,", count: 500_000) + "1]",
            String(repeating: "[", count: 1_000_000), String(repeating: "{\"a\":", count: 100_000),
        ]
        let digits = String(repeating: "9", count: 100_000)
        let invalid = [
            product(#","sku":"y""#), product(#","stock":{"on_hand":1,"on_hand":2}"#), product(#","nobody":1"#),
            product("", name: #""a\u0000b""#), product("", name: "{}"), product("", amount: "9223372036854775808"),
            product("", amount: "9007199254740992"), product("", amount: "1e400"), product("", amount: "-1"),
            product("", amount: digits), product("", amount: "1e\(digits)"), product("", amount: "1e-\(digits)"),
            product("", amount: "0.5"), product(#","stock":{"on_hand":-1}"#),
            "[" + String(repeating: "[],", count: 9_000) + "1]",
        ]
        try await withDaemon { daemon in
            try await expect(malformed.map { (posting($0), 400, "malformed-json") }, of: daemon)
            try await expect(invalid.map { (posting($0), 422, "invalid") }, of: daemon)
            #expect(try await daemon.client.get("/v1/products").json["items"].items.isEmpty)
        }
    }

    @Test("UTF-8 that is none")
    func utf8() async throws {
        try await withDaemon { daemon in
            let escapes = [
                "%FF", "%C0%AF", "%ED%A0%80", "%F5%80%80%80", "a%00b", "%", "%2", "%zz", "a%2Fb", "%0d%0aX:%20y",
            ]
            try await expect(
                escapes.flatMap {
                    [(get("/v1/products/\($0)"), 404, "not-found"), (get("/v1/products/sku:\($0)"), 404, "not-found")]
                }
                    + ["%FF", "%C0%AF", "%"].map { (get("/v1/products?q=\($0)"), 422, "invalid-parameters") },
                of: daemon)
            for bytes: [UInt8] in [[0xFF], [0xC0, 0xAF], [0xED, 0xA0, 0x80], [0xF5, 0x80, 0x80, 0x80]] {
                let body = Array("{\"sku\":\"".utf8) + bytes + Array("\"}".utf8)
                let head = "\(Self.post)Connection: close\r\nContent-Length: \(body.count)\r\n\r\n"
                let answer = try await RawConnection.exchange(port: daemon.port, bytes: Array(head.utf8) + body)
                #expect(answer.hasPrefix("HTTP/1.1 400 ") && answer.contains("\"malformed-json\""), "\(answer)")
            }
        }
    }

    @Test("Paths that lead elsewhere for some")
    func paths() async throws {
        let paths = [
            "/v1/../healthz", "/v1/%2e%2e/healthz", "/v1/products/../../healthz", "//healthz", "/v1//products",
            "/healthz/",
            "/healthz;x", "/HEALTHZ", "/v1\\products", "/./healthz", "*", "/admin/v1/stats", "/admin/v1/keys",
            "/metrics",
            "http://x/admin/v1/stats", "/v1/products/a/b",
        ]
        try await withDaemon { daemon in
            try await expect(paths.map { (get($0), 404, "no-route") }, of: daemon)
            try await expect(
                [("CONNECT a:1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 404, "no-route")], of: daemon)
            try await expect(
                [("TRACE /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 405, nil)], of: daemon)
        }
    }

    /// Fails where a name the client chose gets into the answer's header or the log as more than a name.
    @Test("An X-Request-Id cannot put anything else into an answer or the log")
    func requestID() async throws {
        try await withDaemon { daemon in
            let names = [
                "a%0d%0aSet-Cookie:%20x", "\",\"level\":\"error", "q z", "q\tz", "\u{85}",
                "-" + String(repeating: "a", count: 128),
            ]
            for name in names {
                let answer = try await RawConnection.exchange(
                    port: daemon.port, get("/v1/products/zzz", "X-Request-Id: \(name)\r\n"))
                #expect(answer.hasPrefix("HTTP/1.1 404 "))
                #expect(!answer.contains(name), "\(answer)")
            }
            let split = try await RawConnection.exchange(
                port: daemon.port, "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Request-Id: a\nSet-Cookie: x\r\n\r\n")
            #expect(split.hasPrefix("HTTP/1.1 400 ") && !split.contains("Set-Cookie"))
            #expect(try await daemon.client.get("/healthz").status == 200)
            for line in daemon.log {
                #expect(throws: Never.self, "\(line)") { try JSONDocument(parsing: Array(line.utf8)) }
            }
            #expect(!daemon.log.contains { $0.contains("Set-Cookie:") })
        }
    }

    @Test("Cursors, ETags, keys and parameters that somebody made up")
    func madeUp() async throws {
        try await withDaemon { daemon in
            let id = try await daemon.client.create("a", stock: 1)
            let long = String(repeating: "A", count: 7_000)
            let parameters = [
                "cursor=abc", "cursor=\(long)", "cursor=AAAAAAAAAAAAAAAA", "limit=0", "limit=-1",
                "limit=1e1",
                "limit=18446744073709551616", "limit=1&limit=1", "limt=1", "sort=\(long)",
                (0..<1_000).map { "a\($0)=1" }.joined(separator: "&"),
            ]
            try await expect(parameters.map { (get("/v1/products?\($0)"), 422, "invalid-parameters") }, of: daemon)
            try await expect([(get("/v1/movements?cursor=zzz"), 422, "invalid-parameters")], of: daemon)
            for etag in ["\"x\"", "W/\"c9-s9\"", "\"c99999999999999999999-s1\"", "c9-s9", "\"\"", long] {
                let read = try await daemon.client.get("/v1/products/\(id)", headers: [("If-None-Match", etag)])
                #expect(read.status == 200, "\(etag.prefix(40))")
                let change = try await daemon.client.send(
                    .PATCH, "/v1/products/\(id)", headers: [("If-Match", etag)], body: #"{"name":"New"}"#)
                #expect(change.status == 412, "\(etag.prefix(40)): \(change.text)")
            }
            for key in [long, "a\u{FF}"] {
                let answer = try await daemon.client.post("/v1/products", key: key, Sample.product("b"))
                #expect(answer.status == 400, "\(key.prefix(40)): \(answer.text)")
            }
            #expect(try await daemon.client.get("/v1/products/\(id)").json["name"].string == "A thing")
        }
    }

    /// Fails where an answer that no route gives has another id than the client knows.
    @Test("A request that is refused for its header keeps its X-Request-Id, and is in the log under it")
    func refusedHead() async throws {
        try await withDaemon { daemon in
            let request = "GET /v1/products HTTP/1.1\r\nHost: a\r\nHost: b\r\nX-Request-Id: order-7\r\n\r\n"
            let answer = try await RawConnection.exchange(port: daemon.port, request)
            #expect(answer.contains(" 400 "))
            #expect(answer.lowercased().contains("x-request-id: order-7"))
            _ = try await daemon.logLine { $0.contains("order-7") && $0.contains("/v1/products") }
        }
    }

    @Test("A thousand requests at once on one connection get a thousand answers, in order")
    func pipelining() async throws {
        try await withDaemon { daemon in
            let id = try await daemon.client.create("a")
            let paths = (0..<1_000).map { $0.isMultiple(of: 3) ? "/v1/products/\(id)" : "/v1/products/sku:none-\($0)" }
            let text = paths.map { "GET \($0) HTTP/1.1\r\nHost: x\r\n\r\n" }.joined() + get("/healthz")
            let answer = try await RawConnection.exchange(port: daemon.port, text)
            let statuses = answer.ranges(of: "HTTP/1.1 ").map { answer[$0.upperBound...].prefix(3) }
            #expect(statuses == paths.map { $0.hasSuffix(id) ? "200" : "404" } + ["200"])
            let told = answer.ranges(of: "\"instance\":\"/v1/products/sku:none-").map {
                Int(answer[$0.upperBound...].prefix { $0.isNumber })
            }
            #expect(told == (0..<1_000).filter { !$0.isMultiple(of: 3) })
        }
    }
}
