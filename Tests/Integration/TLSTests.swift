import Foundation
import InventoryKit
import NIOCore
import TestSupport
import Testing

/// HTTPS on the port of the API, asked by curl, which is somebody else's TLS.
@Suite("TLS")
struct TLSTests {
    @Test("The API is served over TLS 1.2 and 1.3, and to nobody without")
    func serves() async throws {
        try await withTemporaryDirectory { directory in
            let certificate = try await TestCertificate.make(in: directory)
            let daemon = try await Self.start(in: directory, certificate)
            #expect(daemon.log.joined().contains("serves on https://127.0.0.1:\(daemon.port)"))
            for version in ["1.2", "1.3"] {
                let (code, output) = try await curl(
                    daemon, certificate, ["--tlsv\(version)", "--tls-max", version, "-w", "%{http_code}"], "/healthz")
                #expect(code == 0 && output.hasSuffix("200"), "TLS \(version): \(output)")
            }
            // Two requests on one connection, one with a body; and an answer of many records.
            let row = Sample.product("TLS-1", stock: 3)
            let (code, output) = try await curl(
                daemon, certificate,
                ["-X", "POST", "-H", "Content-Type: application/json", "-d", row, "-w", "%{http_code}"], "/v1/products")
            #expect(code == 0 && output.hasSuffix("201"), "\(output)")
            #expect(try await curl(daemon, certificate, ["--tls-max", "1.1"], "/healthz").code != 0)
            for (suite, isSpoken) in [
                ("ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256", true), ("AES128-GCM-SHA256", false),
            ] {
                let suites = ["--tls-max", "1.2", "--ciphers", suite]
                #expect((try await curl(daemon, certificate, suites, "/healthz").code == 0) == isSpoken, "\(suite)")
            }
            let (long, document) = try await curl(daemon, certificate, [], "/openapi.json")
            #expect(long == 0 && (try? JSONDocument(parsing: Array(document.utf8))) != nil)

            // Whoever speaks plain HTTP gets nothing, and harms nobody.
            let plain = try await CommandLineTool.run(
                "/usr/bin/env", ["curl", "-s", "-m", "20", "http://127.0.0.1:\(daemon.port)/healthz"])
            #expect(plain.code != 0 && plain.output.isEmpty)
            // Nor does who hangs up in the middle of it.
            for beginning: [UInt8] in [[], [0x16, 0x03, 0x01], Array("GET / HTTP/1.1".utf8)] {
                try await RawConnection.open(port: daemon.port).converse { _, outbound in
                    try await outbound.write(ByteBuffer(bytes: beginning))
                }
            }
            #expect(try await curl(daemon, certificate, [], "/readyz").code == 0)
            #expect(try await daemon.stop() == 0)
        }
    }

    /// Fails where a certificate that was renewed needs a restart, or one that is broken stops the service.
    @Test("SIGHUP takes a renewed certificate, and keeps the old one where the new is bad")
    func reload() async throws {
        try await withTemporaryDirectory { directory in
            let old = try await TestCertificate.make(in: directory)
            let daemon = try await Self.start(in: directory, old)
            let aside = directory + "/renewed"
            try FileManager.default.createDirectory(atPath: aside, withIntermediateDirectories: true)
            let renewed = try await TestCertificate.make(in: aside)
            for (file, copy) in [(renewed.file, old.file), (renewed.key, old.key)] {
                try Data(contentsOf: URL(filePath: file)).write(to: URL(filePath: copy))
            }
            #expect(try await curl(daemon, old, [], "/healthz").code == 0)
            daemon.signal(SIGHUP)
            _ = try await daemon.logLine { $0.contains("Configuration read again") }
            #expect(daemon.log.count { $0.contains("valid_until") } == 2)
            #expect(try await curl(daemon, renewed, [], "/healthz").code == 0)
            #expect(try await curl(daemon, old, [], "/healthz").code != 0, "the old authority has not signed this one")

            try "no certificate".write(toFile: old.file, atomically: true, encoding: .utf8)
            daemon.signal(SIGHUP)
            let line = try await daemon.logLine { $0.contains("the old one stays") }
            #expect(line.contains(old.file))
            #expect(try await curl(daemon, renewed, [], "/healthz").code == 0)
            #expect(try await daemon.stop() == 0)
        }
    }

    @Test("What cannot be used is told before anything starts")
    func mistakes() async throws {
        try await withTemporaryDirectory { directory in
            let mine = try await TestCertificate.make(in: directory)
            let aside = directory + "/other"
            try FileManager.default.createDirectory(atPath: aside, withIntermediateDirectories: true)
            let other = try await TestCertificate.make(in: aside)
            let empty = directory + "/empty.pem"
            try "".write(toFile: empty, atomically: true, encoding: .utf8)
            for (certificate, key, words) in [
                (mine.file, nil, "INVENTORYD_TLS_KEY: must be set too"),
                (nil, mine.key, "INVENTORYD_TLS_CERT: must be set too"),
                (mine.file, other.key, "\(other.key) is not the key of \(mine.file)"),
                (directory + "/none.pem", mine.key, "none.pem cannot be read: No such file"),
                (empty, mine.key, "\(empty) "),
                (mine.key, mine.key, "\(mine.key) "), (mine.file, mine.file, "\(mine.file) cannot be used"),
                (directory, mine.key, "\(directory) cannot be used"),
            ] {
                var environment = ["INVENTORYD_STATE_DIR": directory]
                environment["INVENTORYD_TLS_CERT"] = certificate
                environment["INVENTORYD_TLS_KEY"] = key
                let process = try ChildProcess([DaemonProcess.binary, "--check-config"], environment: environment)
                #expect(try await process.exitCode() == 78)
                #expect(process.errorLines.count == 1 && process.errorLines[0].contains(words), "\(process.errorLines)")
            }
        }
    }

    // MARK: Parts

    private static func start(in directory: String, _ certificate: TestCertificate) async throws -> DaemonProcess {
        try await DaemonProcess(
            stateDirectory: directory + "/state",
            environment: ["INVENTORYD_TLS_CERT": certificate.file, "INVENTORYD_TLS_KEY": certificate.key])
    }

    private func curl(
        _ daemon: DaemonProcess, _ certificate: TestCertificate, _ arguments: [String], _ path: String
    ) async throws -> (code: Int32, output: String) {
        try await CommandLineTool.run(
            "/usr/bin/env",
            ["curl", "-s", "-m", "20", "--cacert", certificate.authority] + arguments
                + ["https://localhost:\(daemon.port)\(path)"])
    }
}
