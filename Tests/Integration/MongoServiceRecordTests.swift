import Foundation
import InventoryKit
import TestSupport
import Testing

/// What a `mongodb+srv://` URI says is libmongoc's to find out; here it is seen to be found.
@Suite("MongoDB by its name")
struct MongoServiceRecordTests {
    /// Fails where such a URI is not taken as it is, where a name that is not there yet ends the daemon or is never asked for
    /// again, or where what the name's owner says of connecting (here: where users are kept) is not heeded.
    @Test("A name that does not resolve is waited for; as soon as it does, its servers are used as its owner says")
    func resolves() async throws {
        try await withTemporaryDirectory { directory in
            let server = try await MongoServer.start(directory: directory + "/mongod")
            try await server.shell().run(
                #"{"createUser": "keeper", "pwd": "secret", "roles": [{"role": "readWrite", "db": "stock"}]}"#,
                on: "admin")
            let names = try await NameServer.start()
            let resolver = directory + "/resolv.conf"
            try names.configuration.write(toFile: resolver, atomically: true, encoding: .utf8)

            let daemon = try await DaemonProcess(
                stateDirectory: "/nonexistent",
                environment: [
                    "MONGO_URL": "mongodb+srv://keeper:secret@shop.inventory.test/stock?tls=false",
                    "INVENTORYD_MONGO_TIMEOUT": "2s",
                ],
                prefix: ChildProcess.withMounts("mount --bind \(resolver) /etc/resolv.conf"))
            #expect(try await daemon.client.get("/readyz").status == 503)
            let complaint = try await daemon.logLine { $0.contains("Waiting for MongoDB") }
            #expect(complaint.contains("shop.inventory.test"))

            names.add("db.inventory.test", .address("127.0.0.1"))
            names.add("shop.inventory.test", .text("authSource=admin"))
            names.add("_mongodb._tcp.shop.inventory.test", .service(host: "db.inventory.test", port: server.port))
            try await daemon.becomesReady()
            #expect(try await daemon.client.post("/v1/products", Sample.product("SRV-1", stock: 1)).status == 201)
            let sold = try await daemon.client.post("/v1/products/sku:SRV-1/purchase", #"{"quantity": 1}"#)
            #expect(sold.status == 201, "\(sold.text)")
            #expect(try await daemon.stop() == 0)
            #expect(!daemon.log.contains { $0.contains("secret") })
        }
    }
}
