import AdminClient
import Foundation
import InventoryKit
import TestSupport
import Testing

/// The admin socket, as the kernel and strangers see it.
@Suite("The admin channel")
struct AdminChannelTests {
    /// Fails where the second one takes the first one's socket away, or touches anything.
    @Test("A second daemon is refused, and the first goes on")
    func second() async throws {
        try await withDaemonAndSocket { directory, socket in
            let other = try ChildProcess(
                [DaemonProcess.binary],
                environment: [
                    "INVENTORYD_SOCKET": socket, "INVENTORYD_STATE_DIR": directory + "/other", "PORT": "0",
                ])
            #expect(try await other.exitCode() == 1)
            #expect(other.errorLines.joined().contains("another inventoryd (pid "))
            #expect(!FileManager.default.fileExists(atPath: directory + "/other"))
            #expect(try await status(at: socket).state == .ready)
        }
    }

    /// Fails where a socket that nobody listens on is taken for a daemon.
    @Test("A daemon that died leaves nothing in the way")
    func leftOver() async throws {
        try await withTemporaryDirectory { directory in
            let socket = "/tmp/inventoryd-test-\(UInt64.random(in: 0...UInt64.max)).sock"
            let first = try await DaemonProcess(
                stateDirectory: directory, environment: ["INVENTORYD_SOCKET": socket])
            try await first.killHard()
            #expect(FileManager.default.fileExists(atPath: socket))
            await #expect(throws: AdminError.self) { try await status(at: socket) }
            let next = try await DaemonProcess(
                stateDirectory: directory, environment: ["INVENTORYD_SOCKET": socket])
            #expect(try await status(at: socket).state == .ready)
            #expect(try await next.stop() == 0)
            #expect(!FileManager.default.fileExists(atPath: socket))
            try? FileManager.default.removeItem(atPath: socket + ".lock")
        }
    }

    /// Fails where a user who may only read can change something, and where a right user cannot.
    @Test(
        "A user without the right may read, is told which group may write, and is in the log",
        .enabled(if: geteuid() == 0))
    func rights() async throws {
        try await withDaemonAndSocket(environment: ["INVENTORYD_ADMIN_GROUP": "daemon"]) { _, socket in
            // As another user, with a group that the kernel lets connect.
            func ask(_ path: String, group: String, _ more: [String] = []) async throws -> JSON {
                let process = try ChildProcess(
                    [
                        "setpriv", "--reuid", "65534", "--regid", group, "--clear-groups", "curl", "-s", "-m", "20",
                        "-w", "\\n",
                        "--unix-socket", socket,
                    ]
                        + more + ["http://inventoryd" + path])
                #expect(try await process.exitCode() == 0)
                return try JSONDocument(parsing: Array(process.outputLines.joined().utf8)).root
            }
            let group = try #require(getgrnam("daemon")).pointee.gr_gid
            #expect(try await ask("/admin/v1/drain", group: "\(group)", ["-X", "POST"])["state"].string == "draining")
            #expect(try await ask("/admin/v1/resume", group: "\(group)", ["-X", "POST"])["state"].string == "ready")
        }
        try await withDaemonAndSocket { directory, socket in
            chmod(socket, 0o666)
            let process = try ChildProcess([
                "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "curl", "-s", "-m", "20", "-w",
                "\\n", "-X",
                "POST",
                "--unix-socket", socket, "http://inventoryd/admin/v1/drain",
            ])
            #expect(try await process.exitCode() == 0)
            let refusal = try JSONDocument(parsing: Array(process.outputLines.joined().utf8)).root
            #expect(refusal["status"] == .integer(403))
            #expect(refusal["detail"].string?.contains("INVENTORYD_ADMIN_GROUP") == true)
            #expect(try await status(at: socket).state == .ready)
        }
    }

    @Test("A request of a browser is refused", arguments: [["-H", "Origin: http://evil"], ["-H", "Host: evil"]])
    func browser(_ header: [String]) async throws {
        try await withDaemonAndSocket { _, socket in
            let process = try ChildProcess(
                ["curl", "-s", "-m", "20", "-w", "\\n", "--unix-socket", socket] + header + [
                    "http://inventoryd/admin/v1/status"
                ])
            #expect(try await process.exitCode() == 0)
            #expect(process.outputLines.joined().contains("\"code\":\"forbidden\""))
        }
    }

    /// Fails where requests are not told, or a watcher that has gone is kept.
    @Test("Requests are told as they happen, and figures only grow")
    func watching() async throws {
        try await withDaemonAndSocket { _, socket in
            let client = AdminClient(socket: socket, environment: [:])
            let before = try await client.send(AdminRequest(.get, AdminProtocol.root + "/stats"))
                .message(StatsSnapshot.self)
            try await client.connected { connection in
                try await connection.lines(
                    AdminRequest(.get, AdminProtocol.root + "/stats", query: [("interval", "100ms")]),
                    silence: .seconds(20)
                ) { line in
                    _ = try await client.send(AdminRequest(.get, "/v1/products"))
                    let now = try AdminProtocol.decode(StatsSnapshot.self, from: line)
                    #expect(now.requests.read >= before.requests.read)
                    return now.requests.read < before.requests.read + 3
                }
            }
        }
    }

    /// Fails where a figure of the cache is not told, or another than stats tells.
    @Test("Prometheus reads the same figures")
    func metrics() async throws {
        try await withDaemonAndSocket(environment: ["INVENTORYD_RATE_PURCHASE": "1/h:1"]) { _, socket in
            let client = AdminClient(socket: socket, environment: [:])
            let product: JSON = [
                "sku": "A", "name": "A", "price": ["amount": .integer(1), "currency": "EUR"],
            ]
            _ = try await client.send(AdminRequest(.post, "/v1/products").with(product))
            for _ in 0..<3 { _ = try await client.send(AdminRequest(.get, "/v1/products/sku:A")) }
            let text = String(
                decoding: try await client.send(AdminRequest(.get, "/metrics")).body, as: UTF8.self)
            #expect(text.contains("inventoryd_cache_reads_total{class=\"product\",result=\"miss\"} 1\n"))
            #expect(text.contains("inventoryd_cache_reads_total{class=\"product\",result=\"hit\"} 2\n"))
            #expect(
                text.contains(
                    #"inventoryd_http_requests_total{method="GET",route="/v1/products/{id}",status="200"} 3"#))
            #expect(text.contains("inventoryd_http_connections 0\n"))
            #expect(text.contains("inventoryd_rate_limited_total{class=\"purchase\"} 0\n"))
            let status = try await status(at: socket)
            #expect(status.authentication == "off")
            let port = try #require(status.address.split(separator: ":").last.flatMap { Int($0) })
            let crowd = try await Crowd(
                2, port: port,
                saying: "POST /v1/products/sku:B/purchase HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
            try await eventually("an answer to each") { crowd.answers.allSatisfy { !$0.isEmpty } ? () : nil }
            let later = String(
                decoding: try await client.send(AdminRequest(.get, "/metrics")).body, as: UTF8.self)
            #expect(later.contains("inventoryd_http_connections 2\n"))
            #expect(later.contains("inventoryd_rate_limited_total{class=\"purchase\"} 1\n"))
            #expect(later.contains("inventoryd_rate_limited_total{class=\"read\"} 0\n"))
            await crowd.disperse()
        }
    }

    /// Fails where a question counts as a change, so that the audit trail is full of what nobody did.
    @Test("What operators change is in the log, and what they only ask is not")
    func audit() async throws {
        try await withTemporaryDirectory { directory in
            let socket = directory + "/s/admin.sock"
            let daemon = try await DaemonProcess(
                stateDirectory: directory + "/state", environment: ["INVENTORYD_SOCKET": socket])
            for words in [
                ["doctor"], ["ledger", "verify"], ["product", "list"], ["cache", "flush", "--all", "--dry-run"],
                ["ledger", "repair", "--dry-run"], ["drain"], ["resume"],
            ] {
                _ = try await ToolRun(words, socket)
            }
            _ = try await daemon.logLine { $0.contains("/resume") }
            let trail = try daemon.log.filter { $0.contains("An operator's change") }.map {
                try JSONDocument(parsing: Array($0.utf8)).root["route"].string
            }
            #expect(trail == ["POST \(AdminProtocol.root)/drain", "POST \(AdminProtocol.root)/resume"])
            #expect(try await daemon.stop() == 0)
        }
    }

    /// Fails where an empty body is sent in chunks: a daemon that has answered need not wait for their end, and what is
    /// still to be sent then finds the connection closed.
    @Test("A change without a body says so, and an answer is read though the connection has ended")
    func emptyBody() async throws {
        try await withTemporaryDirectory { directory in
            let listener = """
                import socket, sys
                s = socket.socket(socket.AF_UNIX)
                s.bind(sys.argv[1])
                s.listen()
                print("bound", file=sys.stderr, flush=True)
                c, _ = s.accept()
                head = c.recv(1)
                c.sendall(b"HTTP/1.1 503 Service Unavailable\\r\\nInventoryd-Release: 0; revision=1\\r\\n"
                          b"Content-Length: 0\\r\\nConnection: close\\r\\n\\r\\n")
                while not head.endswith(b"\\r\\n\\r\\n"): head += c.recv(4096)
                print(head.decode(), file=sys.stderr, flush=True)
                """
            let socket = directory + "/s"
            let daemon = try ChildProcess(["python3", "-c", listener, socket])
            _ = try await daemon.errorLine { $0 == "bound" }
            let request = AdminRequest(.post, AdminProtocol.root + "/config:check")
            let error = await #expect(throws: AdminError.self) {
                try await AdminClient(socket: socket, environment: [:]).send(request)
            }
            guard case .refused(let refused)? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(refused.status == 503)
            _ = try await daemon.errorLine { $0.lowercased().hasPrefix("content-length: 0") }
            #expect(try await daemon.exitCode() == 0)
        }
    }

    private func status(at socket: String) async throws -> ServiceStatus {
        try await AdminClient(socket: socket, environment: [:])
            .send(AdminRequest(.get, AdminProtocol.root + "/status")).message(ServiceStatus.self)
    }
}
