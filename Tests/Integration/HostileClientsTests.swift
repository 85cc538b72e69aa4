import Foundation
import InventoryKit
import NIOCore
import NIOHTTP1
import TestSupport
import Testing

/// Clients that come in crowds, are slow, or do not listen, on the real binary: what they cost is bounded, and the others
/// are served meanwhile.
@Suite("Hostile clients", .serialized)
struct HostileClientsTests {
    private static let post = "POST /v1/products HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"

    /// What somebody else gets, who does nothing wrong.
    private func expectService(of daemon: DaemonProcess) async throws {
        let sku = "s\(UInt64.random(in: 0 ... .max))"
        let id = try await daemon.client.create(sku, stock: 1)
        #expect(try await daemon.client.get("/v1/products/sku:\(sku)").status == 200)
        #expect(try await daemon.client.get("/v1/products?sku_prefix=\(sku)").json["items"].items.count == 1)
        let sale = try await daemon.client.post("/v1/products/\(id)/purchase", #"{"quantity":1}"#)
        #expect(sale.status == 201)
    }

    /// Fails where a request takes a place while its body is waited for.
    @Test("Bodies that do not come keep nobody out, however many they are")
    func slowBodies() async throws {
        try await withDaemon(environment: ["INVENTORYD_MAX_IN_FLIGHT": "64"]) { daemon in
            let crowd = try await Crowd(300, port: daemon.port, saying: "\(Self.post)Content-Length: 100\r\n\r\n{")
            for _ in 0..<5 {
                crowd.say(" ")
                try await expectService(of: daemon)
            }
            #expect(crowd.closed == 0)
            // The rest of each: they are served too.
            crowd.say("}" + String(repeating: " ", count: 93))
            try await eventually("all answers") {
                crowd.answers.allSatisfy { $0.contains("\"code\":") } ? () : nil
            }
            #expect(crowd.answers.allSatisfy { $0.hasPrefix("HTTP/1.1 422 ") || $0.hasPrefix("HTTP/1.1 503 ") })
            #expect(crowd.answers.contains { $0.hasPrefix("HTTP/1.1 422 ") })
            await crowd.disperse()
        }
    }

    /// Fails where bulk loads may have every place.
    @Test("Bulk loads that do not go on keep out other bulk loads, and nothing else")
    func slowLoads() async throws {
        try await withDaemon(environment: ["INVENTORYD_MAX_IN_FLIGHT": "8"]) { daemon in
            let head = "POST /v1/products:batch HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\n"
            let crowd = try await Crowd(20, port: daemon.port, saying: head + "Content-Length: 1000\r\n\r\n{")
            try await eventually("answers") { crowd.answers.allSatisfy { $0.hasPrefix("HTTP/1.1 ") } ? () : nil }
            let loading = crowd.answers.filter { $0.hasPrefix("HTTP/1.1 200 ") }
            #expect(loading.count == 4)
            #expect(crowd.answers.filter { $0.contains("\"code\":\"overloaded\"") }.count == 16)
            for _ in 0..<5 { try await expectService(of: daemon) }
            await crowd.disperse()
            try await eventually("room again") {
                let load = try await daemon.client.send(
                    .POST, "/v1/products:batch", headers: [("Content-Type", "application/x-ndjson")], body: "")
                return load.status == 200 ? () : nil
            }
        }
    }

    /// Fails where a request keeps its place until its answer has been read.
    @Test("Long answers that nobody reads keep out other long answers, and nothing else")
    func slowReaders() async throws {
        try await withDaemon(environment: ["INVENTORYD_MAX_IN_FLIGHT": "8"]) { daemon in
            // Longer than what the two systems hold between them: 8 MB a page.
            let description = String(repeating: "😀", count: 10_000)
            let rows = try await Self.loadPage(of: description, into: daemon)
            let attributes = (0..<40).map { #""a\#($0)":"\#(String(repeating: "😀", count: 256))""# }.joined(
                separator: ",")
            let largest = rows[0].replacing("r0", with: "large").dropLast() + #","attributes":{\#(attributes)}}"#
            let created = try await daemon.client.post("/v1/products", String(largest))
            let large = try #require(created.json["id"].string)
            for _ in 0..<2 { #expect(try await daemon.client.get("/v1/products/\(large)").status == 200) }
            let asking = "GET /v1/products?limit=200 HTTP/1.1\r\nHost: x\r\n\r\n"
            let crowd = try await Crowd(12, port: daemon.port, saying: asking, reads: false)
            // Who listens before each of them has its answer, or its refusal, could take the place of one that would keep it.
            try await eventually("the beginning of each answer") {
                crowd.answers.allSatisfy { $0.hasPrefix("HTTP/1.1 ") } ? () : nil
            }
            #expect(crowd.answers.filter { $0.hasPrefix("HTTP/1.1 200 ") }.count == 4)
            let refused = try await daemon.client.get("/v1/products?limit=200")
            #expect(refused.status == 503)
            #expect(refused.json["code"].string == "overloaded")
            // A product that long goes the same way, also where the cache has it.
            #expect(try await daemon.client.get("/v1/products/\(large)").status == 503)
            for _ in 0..<5 { try await expectService(of: daemon) }
            await crowd.disperse()
            try await eventually("room again") {
                try await daemon.client.get("/v1/products?limit=200").status == 200 ? () : nil
            }
            #expect(try await daemon.client.get("/v1/products/\(large)").status == 200)
        }
    }

    /// Fails where lists may have all of the store: a single product then stands behind every one of them.
    @Test("Long lists for many keep nobody from a single product, and each is answered")
    func manyLists() async throws {
        try await withDaemon { daemon in
            _ = try await Self.loadPage(of: String(repeating: "x", count: 10_000), into: daemon)
            let crowd = try await Crowd(
                200, port: daemon.port, saying: "GET /v1/products?limit=200 HTTP/1.1\r\nHost: x\r\n\r\n")
            for number in 0..<20 { #expect(try await daemon.client.get("/v1/products/sku:r\(number)").status == 200) }
            #expect(crowd.begun < 200, "all of the lists came first")
            try await eventually("an answer to each list") { crowd.begun == 200 ? () : nil }
            await crowd.disperse()
        }
    }

    /// As many products as a page may have.
    ///
    /// - Returns: the rows that made them.
    private static func loadPage(of description: String, into daemon: DaemonProcess) async throws -> [String] {
        let rows = (0..<200).map {
            #"{"sku":"r\#($0)","name":"n","price":{"amount":1,"currency":"GBP"},"description":"\#(description)"}"#
        }
        let load = try await daemon.client.send(
            .POST, "/v1/products:batch", headers: [("Content-Type", "application/x-ndjson")],
            body: rows.joined(separator: "\n"))
        try #require(load.status == 200)
        return rows
    }

    /// Fails where each body is kept for as long as its client likes.
    @Test("Four hundred megabytes in bodies that do not end are not kept")
    func largeBodies() async throws {
        try await withDaemon { daemon in
            try await expectService(of: daemon)
            let before = try daemon.residentBytes()
            let crowd = try await Crowd(400, port: daemon.port, saying: "\(Self.post)Content-Length: 1048576\r\n\r\n")
            let part = String(repeating: " ", count: 100_000)
            for _ in 0..<10 { crowd.say(part) }
            try await eventually("refusals") {
                crowd.closed >= 330 ? () : nil
            }
            try await expectService(of: daemon)
            #expect(crowd.answers.contains { $0.contains("\"code\":\"overloaded\"") })
            // 64 MiB of bodies and 16 KiB for each; an array has up to twice the room that it needs.
            let grown = try daemon.residentBytes() - before
            #expect(grown < 256 * 1_024 * 1_024, "\(grown) bytes")
            await crowd.disperse()
            // All that was held has been given back.
            let large = #"{"sku":"large","name":"n","price":{"amount":1,"currency":"GBP"},"description":"x"}"#
            let body = large + String(repeating: " ", count: 1_000_000)
            try await eventually("room again") {
                let answer = try await daemon.client.send(.PUT, "/v1/products/0123456789abcdef01234567", body: body)
                return answer.status != 503 ? () : nil
            }
        }
    }

    @Test("Two thousand idle connections, and heads that do not end, cost little and harm nobody")
    func idle() async throws {
        try await withDaemon { daemon in
            try await expectService(of: daemon)
            let before = try daemon.residentBytes()
            let crowd = try await Crowd(2_000, port: daemon.port)
            try await expectService(of: daemon)
            crowd.say("GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + String(repeating: "x", count: 8_000))
            try await expectService(of: daemon)
            let each = (try daemon.residentBytes() - before) / 2_000
            #expect(each < 64 * 1_024, "\(each) bytes each")
            #expect(crowd.closed == 0)
            await crowd.disperse()
            try await expectService(of: daemon)
        }
    }

    /// Fails where refused connections count, where a closed one still does, or where this machine's own are counted.
    @Test("One address may have so many connections; the next is told 429 and closed")
    func connectionsPerAddress() async throws {
        let host = try Self.ownAddress()
        let settings = [
            "INVENTORYD_HOST": "::", "INVENTORYD_AUTH": "off", "INVENTORYD_MAX_CONNECTIONS_PER_ADDRESS": "4",
        ]
        try await withDaemon(environment: settings) { daemon in
            let crowd = try await Crowd(4, port: daemon.port, host: host)
            for _ in 0..<10 {
                let answer = try await RawConnection.exchange(port: daemon.port, host: host)
                #expect(
                    answer.hasPrefix("HTTP/1.1 429 ") && answer.contains("\"code\":\"too-many-connections\""),
                    "\(answer)")
                #expect(answer.contains("Retry-After: ") && answer.lowercased().contains("connection: close"))
            }
            #expect(crowd.closed == 0)
            crowd.say("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            try await eventually("answers") { crowd.answers.allSatisfy { $0.hasPrefix("HTTP/1.1 200 ") } ? () : nil }
            let neighbours = try await Crowd(20, port: daemon.port, saying: "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            try await eventually("answers") {
                neighbours.answers.allSatisfy { $0.hasPrefix("HTTP/1.1 200 ") } ? () : nil
            }
            await crowd.disperse()
            try await eventually("room again") {
                let asking = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
                let answer = try await RawConnection.exchange(port: daemon.port, host: host, asking)
                return answer.hasPrefix("HTTP/1.1 200 ") ? () : nil
            }
            await neighbours.disperse()
        }
        try await withDaemon(environment: settings.merging(["INVENTORYD_TRUSTED_PROXIES": host]) { $1 }) { daemon in
            let crowd = try await Crowd(
                20, port: daemon.port, host: host, saying: "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            try await eventually("answers") { crowd.answers.allSatisfy { $0.hasPrefix("HTTP/1.1 200 ") } ? () : nil }
            await crowd.disperse()
        }
    }

    /// An address of this machine that is not loopback.
    private static func ownAddress() throws -> String {
        let addresses = try System.enumerateDevices().compactMap { $0.address }
        let outside = addresses.first { address in
            if case .v4 = address { address.ipAddress?.hasPrefix("127.") == false } else { false }
        }
        return try #require(outside?.ipAddress, "this machine has no IPv4 address but loopback")
    }
}
