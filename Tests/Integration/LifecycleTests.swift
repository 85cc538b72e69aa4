import Foundation
import InventoryKit
import NIOCore
import TestSupport
import Testing

@Suite("Lifecycle")
struct LifecycleTests {
    /// Fails where the file is everybody's to read, or where a question about the settings makes it.
    @Test("migrate keeps the store to its user, and does nothing where it is only asked")
    func migration() async throws {
        try await withTemporaryDirectory { directory in
            let state = directory + "/state"
            func migrate(_ flags: [String]) async throws -> [String] {
                let process = try ChildProcess(
                    [DaemonProcess.projectDirectory + "/.build/debug/inventoryd", "migrate", "--state-dir", state]
                        + flags,
                    environment: [:])
                #expect(try await process.exitCode() == 0)
                return process.outputLines
            }
            #expect(try await migrate(["--check-config"]) == ["The configuration is good."])
            #expect(try await migrate(["--print-config"]).contains { $0.contains(state) })
            #expect(!FileManager.default.fileExists(atPath: state))
            #expect(try await migrate([]).first?.contains("is up to date") == true)
            let file = try FileManager.default.attributesOfItem(atPath: state + "/inventory.sqlite")
            #expect(file[.posixPermissions] as? Int == 0o600)
        }
    }

    @Test("SIGTERM finishes what is under way, takes nothing new, and exits 0")
    func drain() async throws {
        try await withTemporaryDirectory { directory in
            let daemon = try await DaemonProcess(stateDirectory: directory)
            let holder = try await RawConnection.open(port: daemon.port)
            try await holder.converse { inbound, outbound in
                let row = Sample.product("A", stock: 7) + "\n"
                let head = """
                    POST /v1/products:batch HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\n\
                    Content-Length: \(row.utf8.count)\r\n\r\n
                    """
                try await outbound.write(ByteBuffer(string: head))
                var answer = try await inbound.next().map { String(buffer: $0) } ?? ""
                #expect(answer.hasPrefix("HTTP/1.1 200 "))
                daemon.signal(SIGTERM)
                _ = try await daemon.logLine { $0.contains("Stopping") }
                try await outbound.write(ByteBuffer(string: row))
                while let part = try await inbound.next() { answer += String(buffer: part) }
                #expect(answer.contains("\"status\":\"created\""))
            }
            #expect(try await daemon.exitCode() == 0)
            await #expect(throws: (any Error).self) { try await daemon.client.get("/healthz") }

            let again = try await DaemonProcess(stateDirectory: directory)
            #expect(try await again.client.get("/v1/products/sku:A").json["stock"]["on_hand"].int == 7)
            #expect(try await again.stop() == 0)
        }
    }

    @Test("A second signal stops at once")
    func secondSignal() async throws {
        try await withTemporaryDirectory { directory in
            let daemon = try await DaemonProcess(stateDirectory: directory)
            let holder = try await RawConnection.open(port: daemon.port)
            try await holder.converse { inbound, outbound in
                let head =
                    "POST /v1/products:batch HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nContent-Length: 9\r\n\r\n"
                try await outbound.write(ByteBuffer(string: head))
                _ = try await inbound.next()
                daemon.signal(SIGTERM)
                _ = try await daemon.logLine { $0.contains("Stopping") }
                daemon.signal(SIGTERM)
                #expect(try await daemon.exitCode() == 1)
            }
        }
    }

    @Test("SIGHUP takes over what can change, and keeps the old where the new is bad")
    func reload() async throws {
        try await withTemporaryDirectory { directory in
            let file = directory + "/inventoryd.conf"
            try "INVENTORYD_CORS_ORIGINS=https://one.example\n".write(toFile: file, atomically: true, encoding: .utf8)
            let daemon = try await DaemonProcess(stateDirectory: directory, arguments: ["--config", file])
            func allowed(_ origin: String) async throws -> Bool {
                try await daemon.client.get("/healthz", headers: [("Origin", origin)]).header(
                    "Access-Control-Allow-Origin") == origin
            }
            #expect(try await allowed("https://one.example"))
            try "INVENTORYD_CORS_ORIGINS=https://two.example\n".write(toFile: file, atomically: true, encoding: .utf8)
            daemon.signal(SIGHUP)
            _ = try await daemon.logLine { $0.contains("Configuration read again") }
            #expect(try await allowed("https://two.example"))
            try "INVENTORYD_CORS_ORIGINS=https://three.example\nINVENTORYD_MAX_IN_FLIGHT=lots\n"
                .write(toFile: file, atomically: true, encoding: .utf8)
            daemon.signal(SIGHUP)
            let line = try await daemon.logLine { $0.contains("the old one stays") }
            #expect(line.contains("INVENTORYD_MAX_IN_FLIGHT"))
            #expect(try await allowed("https://two.example"))
            #expect(try await daemon.stop() == 0)
        }
    }

    @Test("A bad configuration: every mistake, exit 78")
    func badConfiguration() async throws {
        let process = try ChildProcess(
            [DaemonProcess.binary, "--check-config"],
            environment: ["PORT": "x", "LOG_LEVEL": "loud", "INVENTORYD_STATE_DIR": "/tmp"]
        )
        #expect(try await process.exitCode() == 78)
        // libmongoc has a word of its own, before anything of ours runs, where a process of this number was killed before.
        #expect(process.errorLines.filter { $0.hasPrefix("inventoryd: ") }.count == 2, "\(process.errorLines)")
        #expect(process.outputLines == [])
    }

    @Test("--check-config, --print-config and --version say so and exit 0")
    func questions() async throws {
        for (flag, words) in [
            ("--check-config", "is good"), ("--print-config", "environment"), ("--version", "inventoryd "),
        ] {
            let process = try ChildProcess([DaemonProcess.binary, flag], environment: ["PORT": "81"])
            #expect(try await process.exitCode() == 0)
            #expect(process.outputLines.contains { $0.contains(words) }, "\(flag)")
        }
    }

    @Test("A second daemon on the same file is refused and told who has it; the first goes on")
    func secondDaemon() async throws {
        try await withTemporaryDirectory { directory in
            let daemon = try await DaemonProcess(stateDirectory: directory)
            let second = try ChildProcess(
                [DaemonProcess.binary], environment: ["INVENTORYD_STATE_DIR": directory, "PORT": "0"]
            )
            #expect(try await second.exitCode() == 1)
            #expect(second.errorLines.contains { $0.contains("in use by another inventoryd (pid \(daemon.pid))") })
            #expect(try await daemon.client.get("/readyz").status == 200)
            #expect(try await daemon.stop() == 0)
        }
    }

    @Test("Told to listen on all addresses, it listens on IPv4 too", arguments: ["::", "0.0.0.0"])
    func allAddresses(_ host: String) async throws {
        try await withDaemon(environment: ["INVENTORYD_HOST": host, "INVENTORYD_AUTH": "off"]) { daemon in
            let reply = try await daemon.client.get("/healthz")
            #expect(reply.status == 200)
        }
    }

    @Test("systemd is told when the service is ready and when it stops")
    func notification() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/notify"
            let listener = """
                import socket, sys
                s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                s.bind(sys.argv[1])
                print("bound", file=sys.stderr, flush=True)
                for _ in range(2): print(s.recv(100).decode(), file=sys.stderr, flush=True)
                """
            let systemd = try ChildProcess(["python3", "-c", listener, path])
            _ = try await systemd.errorLine { $0 == "bound" }
            let daemon = try await DaemonProcess(stateDirectory: directory, environment: ["NOTIFY_SOCKET": path])
            _ = try await systemd.errorLine { $0 == "READY=1" }
            #expect(try await daemon.stop() == 0)
            _ = try await systemd.errorLine { $0 == "STOPPING=1" }
            #expect(try await systemd.exitCode() == 0)
        }
    }

    /// Fails where one that ends at once has said that it serves.
    @Test("An address that is taken is said")
    func addressInUse() async throws {
        try await withDaemon { daemon in
            for (setting, words) in [
                (["PORT": "\(daemon.port)"], "the address is in use"),
                (
                    ["PORT": "0", "INVENTORYD_METRICS_LISTEN": "127.0.0.1:\(daemon.port)"],
                    "cannot listen on 127.0.0.1:\(daemon.port) for metrics"
                ),
            ] {
                try await withTemporaryDirectory { directory in
                    let environment = ["INVENTORYD_STATE_DIR": directory].merging(setting) { $1 }
                    let second = try ChildProcess([DaemonProcess.binary], environment: environment)
                    #expect(try await second.exitCode() == 1)
                    #expect(second.errorLines.contains { $0.contains(words) }, "\(second.errorLines)")
                    #expect(!second.errorLines.contains { $0.contains("serves on") })
                }
            }
        }
    }

    /// Fails where nobody is told that the inventory is another than it was.
    @Test("That a new inventory begins is said, also where an empty file is found, and only then")
    func beginning() async throws {
        func isToldAsNew(_ daemon: DaemonProcess) -> Bool { daemon.log.contains { $0.contains("a new one begins") } }
        try await withTemporaryDirectory { directory in
            for isNew in [true, false] {
                let daemon = try await DaemonProcess(stateDirectory: directory)
                #expect(isToldAsNew(daemon) == isNew)
                #expect(try await daemon.stop() == 0)
            }
            try Data().write(to: URL(filePath: directory + "/inventory.sqlite"))
            let emptied = try await DaemonProcess(stateDirectory: directory)
            #expect(isToldAsNew(emptied))
            #expect(try await emptied.stop() == 0)
        }
    }

    @Test("A file that is no database of ours is left as it is")
    func foreignFile() async throws {
        try await withTemporaryDirectory { directory in
            let file = directory + "/inventory.sqlite"
            let text = String(repeating: "somebody's letters ", count: 500)
            try text.write(toFile: file, atomically: true, encoding: .utf8)
            let process = try ChildProcess([DaemonProcess.binary], environment: ["INVENTORYD_STATE_DIR": directory])
            #expect(try await process.exitCode() == 1)
            #expect(process.errorLines.contains { $0.contains("is no database of inventoryd") })
            #expect(try String(contentsOfFile: file, encoding: .utf8) == text)
        }
    }

    @Test("A read-only file system is said, and what to do")
    func readOnly() async throws {
        try await withTemporaryDirectory { directory in
            let first = try await DaemonProcess(stateDirectory: directory)
            _ = try await first.client.create("A", stock: 1)
            #expect(try await first.stop() == 0)
            let process = try ChildProcess(
                ChildProcess.withMounts(
                    "mount --bind \(directory) \(directory) && mount -o remount,ro,bind \(directory)")
                    + [DaemonProcess.binary],
                environment: ["INVENTORYD_STATE_DIR": directory]
            )
            #expect(try await process.exitCode() == 1)
            #expect(
                process.errorLines.contains { $0.contains("cannot be written") && $0.contains("INVENTORYD_STATE_DIR") })
        }
    }

    /// Fails in a store that acknowledges before the disk has it, or that does not recover when there is room again.
    @Test("A full disk: writes are told so, reads go on, nothing acknowledged is lost, and it recovers")
    func fullDisk() async throws {
        try await withTemporaryDirectory { directory in
            let mount =
                "mount -t tmpfs -o size=4m tmpfs \(directory) && head -c 1500000 /dev/zero > \(directory)/ballast"
            let daemon = try await DaemonProcess(stateDirectory: directory, prefix: ChildProcess.withMounts(mount))
            let client = daemon.client
            let description = String(repeating: "x", count: 9_000)
            var created: [String] = []
            var last: HTTPTestClient.Reply?
            for number in 0..<1_000 {
                let body =
                    #"{"sku":"F-\#(number)","name":"Filler","description":"\#(description)","price":{"amount":1,"currency":"GBP"}}"#
                let reply = try await client.post("/v1/products", body)
                last = reply
                guard reply.status == 201, let id = reply.json["id"].string else { break }
                created.append(id)
            }
            #expect(last?.status == 503)
            #expect(last?.json["code"].string == "storage-full")
            #expect(last?.header("Retry-After") == "30")
            #expect(created.count > 10)
            #expect(try await client.all("/v1/products?limit=200").count == created.count)

            // Room again, seen from within the daemon's own view of the file system.
            try FileManager.default.removeItem(atPath: "/proc/\(daemon.pid)/root\(directory)/ballast")
            #expect(try await client.post("/v1/products", Sample.product("AFTER")).status == 201)
            #expect(try await client.all("/v1/products?limit=200").count == created.count + 1)
            #expect(try await daemon.stop() == 0)
        }
    }
}
