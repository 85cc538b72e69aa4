import Foundation

/// A certificate for `localhost` and 127.0.0.1, and the authority that signed it, made for one test by `openssl`.
package struct TestCertificate: Sendable {
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    /// Files in PEM.
    package let authority: String
    package let file: String
    package let key: String

    /// - Parameters:
    ///   - directory: where the files go.
    ///   - names: whom it is for, as openssl writes it.
    package static func make(
        in directory: String, names: String = "DNS:localhost,IP:127.0.0.1"
    ) async throws -> TestCertificate {
        let path = { (name: String) in directory + "/" + name }
        try Data("subjectAltName=\(names)\n".utf8).write(to: URL(filePath: path("names")))
        let ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        try await openssl(
            ["req", "-x509"] + ec + [
                "-keyout", path("ca.key"), "-out", path("ca.pem"), "-days", "2", "-subj", "/CN=Test authority",
            ])
        try await openssl(
            ["req"] + ec + [
                "-keyout", path("server.key"), "-out", path("server.csr"), "-subj", "/CN=localhost",
            ])
        try await openssl([
            "x509", "-req", "-in", path("server.csr"), "-CA", path("ca.pem"), "-CAkey", path("ca.key"),
            "-CAcreateserial", "-days", "2", "-out", path("server.pem"), "-extfile", path("names"),
        ])
        return TestCertificate(authority: path("ca.pem"), file: path("server.pem"), key: path("server.key"))
    }

    private static func openssl(_ arguments: [String]) async throws {
        let (code, output) = try await CommandLineTool.run("/usr/bin/env", ["openssl"] + arguments)
        guard code == 0 else { throw Failure(description: "openssl \(arguments[0]): \(output)") }
    }
}
