import Foundation
import InventoryKit
import TestSupport
import Testing

/// What a URI says of TLS and of a user is libmongoc's to do; here it is seen to be done.
@Suite("MongoDB over TLS, with a user")
struct MongoTLSTests {
    /// Fails where a user's rights do not suffice, where the connection is not encrypted all the same, or where a server is
    /// believed that no known authority vouches for.
    @Test(
        "A user who may read and write one database sells over TLS; a server that nobody vouches for is not spoken to")
    func sells() async throws {
        try await withTemporaryDirectory { directory in
            let certificate = try await TestCertificate.make(in: directory)
            let both = directory + "/server-and-key.pem"
            try (Data(contentsOf: URL(filePath: certificate.file)) + Data(contentsOf: URL(filePath: certificate.key)))
                .write(to: URL(filePath: both))
            // Plain connections too, for the test's own.
            let server = try await MongoServer.start(
                directory: directory + "/mongod",
                arguments: ["--tlsMode", "preferTLS", "--tlsCertificateKeyFile", both])
            try await server.shell().run(
                """
                {"createUser": "keeper", "pwd": "pr1vate/w0rd", "roles": [{"role": "readWrite", "db": "stock"}]}
                """, on: "admin")
            let url = "mongodb://keeper:pr1vate%2Fw0rd@localhost:\(server.port)/stock?authSource=admin&tls=true"

            let before = try await Self.encrypted(server)
            let daemon = try await DaemonProcess.ready(on: url + "&tlsCAFile=\(certificate.authority)")
            let created = try await daemon.client.post("/v1/products", Sample.product("TLS-1", stock: 2))
            #expect(created.status == 201, "\(created.text)")
            let sold = try await daemon.client.post("/v1/products/sku:TLS-1/purchase", key: "a", #"{"quantity": 1}"#)
            #expect(sold.status == 201, "\(sold.text)")
            #expect(try await Self.encrypted(server) > before)
            #expect(try await daemon.stop() == 0)

            let wary = try await DaemonProcess.start(on: url, environment: ["INVENTORYD_MONGO_TIMEOUT": "500ms"])
            #expect(try await wary.client.get("/readyz").status == 503)
            _ = try await wary.logLine { $0.contains("Waiting for MongoDB") && $0.lowercased().contains("tls") }
            #expect(try await wary.stop() == 0)
        }
    }

    /// Connections over TLS that the server has taken so far.
    private static func encrypted(_ server: MongoServer) async throws -> Int64 {
        let status = try await server.shell().run(#"{"serverStatus": 1}"#, on: "admin")
        return ["1.2", "1.3"].reduce(0) { $0 + (status["transportSecurity"][$1].int ?? 0) }
    }
}
