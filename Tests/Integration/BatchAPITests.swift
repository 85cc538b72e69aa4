import InventoryKit
import NIOCore
import NIOHTTP1
import TestSupport
import Testing

@Suite("REST API: products:batch")
struct BatchAPITests {
    private let ndjson = [("Content-Type", "application/x-ndjson")]

    private func lines(_ reply: HTTPTestClient.Reply) -> [JSON] {
        reply.text.split(separator: "\n").compactMap { try? JSONDocument(parsing: Array($0.utf8)).root }
    }

    @Test("Each row gets its answer, and a bad one does not stop the others")
    func rows() async throws {
        try await withDaemon { daemon in
            let client = daemon.client
            let body = [
                Sample.product("A", stock: 5), "", "{not json", #"{"sku":"B","price":{"amount":1,"currency":"GBP"}}"#,
                Sample.product("a", stock: 9, name: "New name"), Sample.product("A", name: "New name"),
                #"{"sku":"C","name":"\#(String(repeating: "x", count: 300_000))"}"#,
            ].joined(separator: "\r\n")
            let reply = try await client.send(.POST, "/v1/products:batch", headers: ndjson, body: body)
            #expect(reply.status == 200)
            let answers = lines(reply)
            #expect(answers.map { $0["line"].int } == [1, 3, 4, 5, 6, 7])
            #expect(
                answers.map { $0["status"].string } == ["created", "error", "error", "updated", "updated", "error"])
            #expect(answers[3]["stock"].string == "kept")
            #expect(answers[2]["error"]["errors"][0]["pointer"].string == "/name")
            #expect(answers[5]["error"]["code"].string == "body-too-large")
            let product = try await client.get("/v1/products/sku:a").json
            #expect(product["stock"]["on_hand"].int == 5)
            #expect(product["name"].string == "New name")
            let errors = try await client.send(.POST, "/v1/products:batch?report=errors", headers: ndjson, body: body)
            #expect(lines(errors).count == 3)
        }
    }

    @Test("A repetition with the same key has the same answers and undoes nothing")
    func repetition() async throws {
        try await withDaemon { daemon in
            let client = daemon.client
            let body = Sample.product("A", stock: 5) + "\n" + Sample.product("B", stock: 1) + "\n"
            let headers = ndjson + [("Idempotency-Key", "load-1")]
            let first = try await client.send(.POST, "/v1/products:batch", headers: headers, body: body)
            let id = try #require(lines(first)[0]["id"].string)
            _ = try await client.send(.PATCH, "/v1/products/\(id)", body: #"{"name":"Edited by hand"}"#)
            let second = try await client.send(.POST, "/v1/products:batch", headers: headers, body: body)
            #expect(lines(second).map { $0["status"].string } == ["created", "created"])
            #expect(lines(first).allSatisfy { $0["replayed"] == .null })
            #expect(lines(second).map { $0["replayed"] } == [.bool(true), .bool(true)])
            #expect(try await client.get("/v1/products/\(id)").json["name"].string == "Edited by hand")
        }
    }

    /// Fails in a server that collects the body before it answers.
    @Test("Answers come while rows still go")
    func streaming() async throws {
        try await withDaemon { daemon in
            let connection = try await RawConnection.open(port: daemon.port)
            try await connection.converse { inbound, outbound in
                let head = """
                    POST /v1/products:batch HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\n\
                    Transfer-Encoding: chunked\r\n\r\n
                    """
                try await outbound.write(ByteBuffer(string: head))
                var seen = ""
                for number in 1...3 {
                    let row = Sample.product("S\(number)") + "\n"
                    let chunk = String(row.utf8.count, radix: 16) + "\r\n" + row + "\r\n"
                    try await outbound.write(ByteBuffer(string: chunk))
                    while !seen.contains("\"line\":\(number),"), let part = try await inbound.next() {
                        seen += String(buffer: part)
                    }
                    #expect(seen.contains("\"line\":\(number),"))
                }
                try await outbound.write(ByteBuffer(string: "0\r\n\r\n"))
                while !seen.hasSuffix("0\r\n\r\n"), let part = try await inbound.next() { seen += String(buffer: part) }
                #expect(seen.hasSuffix("0\r\n\r\n"))
            }
        }
    }
}
