import AdminClient
import Foundation
import InventoryKit
import NIOHTTP1
import TestSupport
import Testing

/// API keys as clients and operators meet them, on the real binaries.
@Suite("API keys over HTTP")
struct KeyTests {
    /// Fails where a request that should need a key does not, or one that should not does.
    @Test("Who comes without a key reads where only changes need one, and nothing where all do")
    func anonymous() async throws {
        for (setting, mayRead) in [("off", true), ("writes", true), ("all", false)] {
            try await withKeys(setting) { daemon, admin in
                let id = try await create("a", admin)
                let reads = ["/v1/products", "/v1/products/\(id)", "/v1/products/sku:a", "/v1/movements"]
                // Twice: the second one may come from the cache.
                for path in reads + reads {
                    let answer = try await daemon.client.get(path)
                    #expect(answer.status == (mayRead ? 200 : 401), "\(setting) \(path)")
                    #expect((answer.header("WWW-Authenticate") == "Bearer") == !mayRead)
                    #expect(answer.json["code"].string == (mayRead ? nil : "key-required"))
                }
                for path in ["/healthz", "/readyz", "/openapi.json", "/docs"] {
                    #expect(try await daemon.client.get(path).status == 200)
                }
                let sale = try await daemon.client.post("/v1/products/\(id)/purchase", #"{"quantity":1}"#)
                #expect(sale.status == (setting == "off" ? 201 : 401))
            }
        }
    }

    /// Fails where the store is closed first, or nobody waits for it: uses are written down once a minute otherwise.
    @Test("When a key was last used is known after a stop")
    func lastUse() async throws {
        try await withKeys("all") { daemon, admin in
            let key = try await secret(of: "shop", [.read], admin)
            let read = try await daemon.client.get("/v1/products", headers: [("Authorization", "Bearer \(key)")])
            #expect(read.status == 200)
            #expect(try await daemon.process.stop() == 0)
            let socket = daemon.stateDirectory + "/admin.sock"
            let next = try await DaemonProcess(
                stateDirectory: daemon.stateDirectory, environment: ["INVENTORYD_SOCKET": socket])
            let again = AdminClient(socket: socket, environment: [:])
            let keys = try await again.send(AdminRequest(.get, "/admin/v1/keys")).json()
            #expect(keys.items.first?["last_used_at"].string != nil)
            #expect(try await next.stop() == 0)
        }
    }

    /// Fails where one way looks at the first of two fields, and the other at both.
    @Test("Two Authorization fields are no key, plain request or not")
    func doubled() async throws {
        try await withKeys("all") { daemon, admin in
            let id = try await create("a", admin)
            let field = ("Authorization", "Bearer \(try await secret(of: "shop", [.read, .purchase], admin))")
            for more in [[], [("Accept", "application/json, */*")]] {
                for (method, path, body) in [
                    (HTTPMethod.GET, "/v1/products/\(id)", nil),
                    (.POST, "/v1/products/\(id)/purchase", #"{"quantity":1}"#),
                ] {
                    let one = try await daemon.client.send(method, path, headers: [field] + more, body: body)
                    #expect(one.status < 300)
                    let two = try await daemon.client.send(method, path, headers: [field, field] + more, body: body)
                    #expect(two.status == 401 && two.json["code"].string == "key-unknown")
                }
            }
        }
    }

    /// Fails where a route asks for another scope than its own.
    @Test("A key does what its scopes say, in its owner's name")
    func scopes() async throws {
        try await withKeys("all") { daemon, admin in
            let id = try await create("a", admin)
            let calls: [(Scope, HTTPMethod, String, String?)] = [
                (.read, .GET, "/v1/products/\(id)", nil), (.read, .GET, "/v1/movements", nil),
                (.purchase, .POST, "/v1/products/\(id)/purchase", #"{"quantity":1}"#),
                (.stock, .POST, "/v1/products/\(id)/adjust", #"{"delta":1,"reason":"receive"}"#),
                (.catalogue, .PATCH, "/v1/products/\(id)", #"{"name":"New"}"#),
                (.catalogue, .POST, "/v1/products:batch", ""),
            ]
            for scope in Scope.allCases {
                let secret = try await secret(of: "of-\(scope)", [scope], admin)
                for (wanted, method, path, body) in calls {
                    var headers = [("Authorization", "bearer  \(secret)")]
                    if path.hasSuffix("batch") { headers.append(("Content-Type", "application/x-ndjson")) }
                    let answer = try await daemon.client.send(method, path, headers: headers, body: body)
                    let isAllowed = scope == wanted || scope == .admin
                    #expect((answer.status < 300) == isAllowed, "\(scope) \(method) \(path): \(answer.text)")
                    if !isAllowed {
                        #expect(answer.status == 403)
                        #expect(answer.json["code"].string == "scope-required")
                        #expect(
                            answer.header("WWW-Authenticate")
                                == "Bearer error=\"insufficient_scope\", scope=\"\(wanted)\"")
                    }
                }
            }
            let ledger = try await admin.send(AdminRequest(.get, "/v1/products/\(id)/movements")).json()
            #expect(
                Set(ledger["items"].items.compactMap { $0["actor"].string })
                    == ["admin", "of-purchase", "of-stock", "of-admin"])
        }
    }

    /// Fails where a made-up or ended key is let in, or where a secret can be read anywhere.
    @Test("A key that is wrong, changed or revoked is 401, and no secret is in a log or in the store")
    func wrong() async throws {
        try await withKeys("writes") { daemon, admin in
            let id = try await create("a", admin)
            let first = try await secret(of: "shop", [.read, .purchase], admin)
            func status(_ authorization: String) async throws -> Int {
                try await daemon.client.get("/v1/products/\(id)", headers: [("Authorization", authorization)]).status
            }
            #expect(try await status("Bearer \(first)") == 200)
            for other in [
                "Bearer", "Bearer ", "Basic \(first)", first, "Bearer \(first)x", "Bearer \(KeySecret().text)",
                "Bearer \(first.dropLast())0\(first.last == "0" ? "1" : "")",
                String(repeating: "x", count: 4_000),
            ] where other != "Bearer \(first)" {
                #expect(try await status(other) == 401, "\(other)")
            }
            let rotated = try await admin.send(
                AdminRequest(.post, "/admin/v1/keys/shop/rotate").with(["grace_seconds": .integer(0)]))
            let second = try #require(try rotated.json()["secret"].string)
            #expect(try await status("Bearer \(first)") == 401)
            #expect(try await status("Bearer \(second)") == 200)
            _ = try await admin.send(AdminRequest(.delete, "/admin/v1/keys/shop"))
            #expect(try await status("Bearer \(second)") == 401)
            for secret in [first, second] {
                #expect(!daemon.log.contains { $0.contains(secret) })
                let files = try FileManager.default.contentsOfDirectory(atPath: daemon.stateDirectory)
                for file in files {
                    let data = try Data(contentsOf: URL(filePath: daemon.stateDirectory + "/" + file))
                    #expect(data.range(of: Data(secret.utf8)) == nil, "\(file)")
                }
            }
        }
    }

    /// Fails where a daemon goes on for long with a key that was revoked through another.
    @Test("A key that is revoked through one daemon ends on all of them")
    func severalDaemons() async throws {
        let server = try await MongoServer.shared()
        let url = server.url(database: "keys_\(UInt64.random(in: 0...UInt64.max))")
        try await withKeys("all", ["MONGO_URL": url]) { _, admin in
            try await withKeys("all", ["MONGO_URL": url]) { other, _ in
                let secret = try await secret(of: "shop", [.read], admin)
                func status() async throws -> Int {
                    try await other.client.get("/v1/products", headers: [("Authorization", "Bearer \(secret)")]).status
                }
                _ = try await eventually("the key to be known") { try await status() == 200 ? true : nil }
                _ = try await admin.send(AdminRequest(.delete, "/admin/v1/keys/shop"))
                _ = try await eventually("the key to have ended") { try await status() == 401 ? true : nil }
            }
        }
    }

    /// Fails where showing a key that may do little takes away what anybody may do.
    @Test("Where only changes need a key, every key reads")
    func readsAnyway() async throws {
        try await withKeys("writes") { daemon, admin in
            let id = try await create("a", admin)
            let headers = [("Authorization", "Bearer \(try await secret(of: "shop", [.purchase], admin))")]
            for path in ["/v1/products", "/v1/products/\(id)", "/v1/movements"] {
                #expect(try await daemon.client.get(path, headers: headers).status == 200)
            }
            let change = try await daemon.client.send(
                .PATCH, "/v1/products/\(id)", headers: headers, body: #"{"name":"New"}"#)
            #expect(change.status == 403)
        }
    }

    /// Fails where a daemon says that it is ready before it knows who may come: traffic is sent to it at that very moment.
    @Test("A daemon that is ready knows the keys", arguments: [false, true])
    func readyWithKeys(hasMongo: Bool) async throws {
        let server = try await MongoServer.shared()
        let url = server.url(database: "keys_\(UInt64.random(in: 0...UInt64.max))")
        try await withKeys("all", hasMongo ? ["MONGO_URL": url] : [:]) { first, admin in
            let key = try await secret(of: "shop", [.read], admin)
            if !hasMongo { #expect(try await first.process.stop() == 0) }
            let second = try await DaemonProcess(
                stateDirectory: first.stateDirectory,
                environment: hasMongo ? ["MONGO_URL": url, "INVENTORYD_AUTH": "all"] : ["INVENTORYD_AUTH": "all"])
            _ = try await eventually("the store") { try await second.client.get("/readyz").status == 200 ? true : nil }
            let read = try await second.client.get("/v1/products", headers: [("Authorization", "Bearer \(key)")])
            #expect(read.status == 200, "\(read.text)")
            #expect(try await second.stop() == 0)
        }
    }

    @Test("A key has a limit of its own, wherever its owner comes from")
    func limits() async throws {
        try await withKeys("all", ["INVENTORYD_RATE_READ": "1/h:2"]) { daemon, admin in
            let secrets = [
                try await secret(of: "one", [.read], admin), try await secret(of: "two", [.read], admin),
            ]
            for secret in secrets {
                var statuses: [Int] = []
                for _ in 0..<3 {
                    let headers = [("Authorization", "Bearer \(secret)")]
                    statuses.append(try await daemon.client.get("/v1/products", headers: headers).status)
                }
                #expect(statuses == [200, 200, 429])
            }
            // Those who guess have the limit of their address.
            var guesses: [Int] = []
            for _ in 0..<3 {
                let headers = [("Authorization", "Bearer \(KeySecret().text)")]
                guesses.append(try await daemon.client.get("/v1/products", headers: headers).status)
            }
            #expect(guesses == [401, 401, 429])
        }
    }

    @Test("Where others than this machine can reach it, keys are needed unless somebody says otherwise")
    func byDefault() async throws {
        for (setting, expected) in [("", 401), ("off", 200)] {
            let environment = ["INVENTORYD_HOST": "0.0.0.0"].merging(
                setting.isEmpty ? [:] : ["INVENTORYD_AUTH": setting]
            ) { _, given in given }
            try await withDaemon(environment: environment) { daemon in
                let status = try await daemon.client.get("/v1/products").status
                #expect(status == expected)
                // Tests' daemons have no admin socket unless they ask for one, so no key can be made over it.
                let advice =
                    setting == "off"
                    ? "Anybody who can reach it may do anything" : "it has to have an admin socket"
                _ = try await daemon.logLine { $0.contains(advice) }
                #expect(daemon.log.contains { $0.contains("need an API key") } == (expected == 401))
            }
        }
    }

    // MARK: Parts

    private struct Daemon {
        let client: HTTPTestClient
        let process: DaemonProcess
        let stateDirectory: String

        var log: [String] { process.log }
    }

    private func withKeys(
        _ authentication: String, _ more: [String: String] = [:],
        _ body: (Daemon, AdminClient) async throws -> Void
    ) async throws {
        try await withTemporaryDirectory { directory in
            let socket = "/tmp/inventoryd-test-\(UInt64.random(in: 0...UInt64.max)).sock"
            let environment = ["INVENTORYD_SOCKET": socket, "INVENTORYD_AUTH": authentication]
            let process = try await DaemonProcess(
                stateDirectory: directory, environment: environment.merging(more) { _, given in given })
            _ = try await eventually("the store") {
                try await process.client.get("/readyz").status == 200 ? true : nil
            }
            try await body(
                Daemon(client: process.client, process: process, stateDirectory: directory),
                AdminClient(socket: socket, environment: [:]))
            #expect(try await process.stop() == 0)
            try? FileManager.default.removeItem(atPath: socket + ".lock")
        }
    }

    private func create(_ sku: String, _ admin: AdminClient) async throws -> String {
        let request = AdminRequest(.post, "/v1/products").with([
            "sku": .string(sku), "name": "A", "price": ["amount": .integer(1), "currency": "EUR"],
            "stock": ["on_hand": .integer(100)],
        ])
        return try #require(try await admin.send(request).json()["id"].string)
    }

    private func secret(of owner: String, _ scopes: [Scope], _ admin: AdminClient) async throws -> String {
        let request = AdminRequest(.post, "/admin/v1/keys").with([
            "owner": .string(owner), "scopes": .array(scopes.map { .string($0.rawValue) }),
        ])
        return try #require(try await admin.send(request).json()["secret"].string)
    }
}
