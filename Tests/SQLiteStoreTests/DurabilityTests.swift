import Dispatch
import Foundation
import GRDB
import InventoryKit
import Logging
import StoreContract
import TestSupport
import Testing

@testable import SQLiteStore

@Suite("Durability")
struct DurabilityTests {
    /// Fails where a library opens the database with another mode than was asked for: `kill -9` cannot show it, since
    /// what was written is still in the system's memory then.
    @Test("The writer syncs its log on each commit")
    func synchronous() async throws {
        try await withTemporaryDirectory { directory in
            let store = try SQLiteStore(path: directory + "/inventory.sqlite", logger: Logger(label: "test"))
            let modes = try await store.pool.writeWithoutTransaction { db in
                (try Int.fetchOne(db, sql: "PRAGMA synchronous"), try String.fetchOne(db, sql: "PRAGMA journal_mode"))
            }
            #expect(modes.0 == 2)
            #expect(modes.1 == "wal")
            await store.close()
        }
    }

    /// Fails where a reader is the last to close: it may not write, and the file alone would be an old copy.
    @Test("A store that was closed is one file, whoever has read from it")
    func closed() async throws {
        try await withTemporaryDirectory { directory in
            let store = try SQLiteStore(path: directory + "/inventory.sqlite", logger: Logger(label: "test"))
            try await store.checkReadiness()
            await store.close()
            let log = directory + "/inventory.sqlite-wal"
            let size = try? FileManager.default.attributesOfItem(atPath: log)[.size] as? Int
            #expect((size ?? 0) == 0)
        }
    }

    /// Fails where sales are acknowledged that are in no file any more.
    @Test(
        "Where the file or its log was removed or replaced nothing more is written or read, and the store is not ready",
        arguments: ["", "-wal"], [true, false])
    func replaced(_ part: String, isRemoved: Bool) async throws {
        try await withTemporaryDirectory { directory in
            let store = try SQLiteStore(path: directory + "/inventory.sqlite", logger: Logger(label: "test"))
            let product = try await store.create(try Sample.creation(try Sample.catalogue("A-1"), opening: 5)).product
            let path = directory + "/inventory.sqlite" + part
            if !isRemoved { try FileManager.default.copyItem(atPath: path, toPath: path + ".other") }
            try FileManager.default.removeItem(atPath: path)
            if !isRemoved { try FileManager.default.moveItem(atPath: path + ".other", toPath: path) }
            await #expect(throws: InventoryError.unavailable(.outOfReach)) { try await store.checkReadiness() }
            let sale = try Sample.purchase(of: .id(product.id))
            await #expect(throws: InventoryError.unavailable(.outOfReach)) { try await store.move(sale) }
            await #expect(throws: InventoryError.unavailable(.outOfReach)) {
                try await store.product(.id(product.id))
            }
            await store.close()
        }
    }

    /// Fails where writes wait without end, or where one that was turned away has happened.
    @Test("While the disk does not come to its end so many writes wait, and the next are turned away")
    func waitingLimit() async throws {
        try await withTemporaryDirectory { directory in
            let store = try SQLiteStore(path: directory + "/inventory.sqlite", logger: Logger(label: "test"))
            let product = try await store.create(
                try Sample.creation(try Sample.catalogue("A-1"), opening: 10_000)
            ).product
            let (release, held) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
            let blocking = Task.detached {
                try await store.pool.writeWithoutTransaction { _ in
                    held.signal()
                    release.wait()
                }
            }
            await withCheckedContinuation { continuation in
                DispatchQueue.global().async {
                    held.wait()
                    continuation.resume()
                }
            }
            func sell() -> Task<Bool, any Error> {
                Task {
                    do {
                        _ = try await store.move(Sample.purchase(of: .id(product.id)))
                    } catch InventoryError.unavailable(.overloaded) {
                        return false
                    }
                    return true
                }
            }
            let sales = (0..<4_600).map { _ in sell() }
            try await eventually("as many to wait as may") { store.statistics.waiting == 4_096 ? () : nil }
            #expect(try await !sell().value)
            release.signal()
            try await blocking.value
            var sold: Int64 = 0
            for sale in sales where try await sale.value { sold += 1 }
            // Those who waited, and those whose transaction had begun.
            #expect((4_096..<4_600).contains(sold))
            #expect(try await store.product(.id(product.id))?.stock.onHand == 10_000 - sold)
            #expect(store.statistics.waiting == 0)
            await store.close()
        }
    }

    @Test("A file of a newer version is refused, and left as it is")
    func newerSchema() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/inventory.sqlite"
            let store = try SQLiteStore(path: path, logger: Logger(label: "test"))
            try await store.pool.writeWithoutTransaction { db in
                try db.execute(sql: "INSERT INTO grdb_migrations (identifier) VALUES ('9 something of the future')")
            }
            await store.close()
            #expect(throws: StoreOpeningError.newerSchema(path: path)) {
                try SQLiteStore(path: path, logger: Logger(label: "test"))
            }
        }
    }

    /// Fails where only the caller stops waiting: the query would keep its reader for ever.
    @Test("A query without end is interrupted, called too broad, and gives its reader back")
    func queryWithoutEnd() async throws {
        try await withTemporaryDirectory { directory in
            let store = try SQLiteStore(path: directory + "/inventory.sqlite", logger: Logger(label: "test"))
            let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
            await withTaskGroup(of: Void.self) { group in
                // As many as there are readers.
                for _ in 0..<4 {
                    group.addTask {
                        await #expect(throws: InventoryError.queryTooBroad) {
                            try await store.readWithinLimit { try Int.fetchOne($0, sql: endless) }
                        }
                    }
                }
            }
            try await store.checkReadiness()
            await store.close()
        }
    }

    @Test(
        "The database itself refuses what must never be",
        arguments: [
            "UPDATE product SET on_hand = -1", "UPDATE product SET reserved = on_hand + 1", "DELETE FROM product",
            "UPDATE movement SET delta = 0", "DELETE FROM movement",
            "INSERT INTO movement SELECT NULL, 'x', product, seq + 2, sku, kind, delta, reserved_delta, on_hand, reserved, "
                + "unit_price, currency, reason, reference, actor, request_id, at, fingerprint FROM movement",
        ])
    func constraints(_ sql: String) async throws {
        try await withTemporaryDirectory { directory in
            let store = try SQLiteStore(path: directory + "/inventory.sqlite", logger: Logger(label: "test"))
            let id = ProductID(at: Timestamp(milliseconds: 0))
            let catalogue = Catalogue(
                sku: try SKU("A"), name: try ProductName("A"), price: try Money(amount: 1, currency: Currency("GBP"))
            )
            let origin = Origin(
                id: OperationID(at: Timestamp(milliseconds: 0)), fingerprint: nil, actor: "a", requestID: "r")
            _ = try await store.create(Creation(id: id, catalogue: catalogue, opening: Balance(5), origin: origin))
            await #expect(throws: DatabaseError.self) {
                try await store.pool.writeWithoutTransaction { try $0.execute(sql: sql) }
            }
            await store.close()
        }
    }
}
