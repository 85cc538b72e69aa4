import GRDB
import InventoryKit
import Logging
import StoreContract
import TestSupport
import Testing

@testable import SQLiteStore

@Suite("The embedded store hands out everything it has")
struct TransferSourceTests {
    /// Ledgers longer than a batch, one of them exactly as long, and more products and outcomes than one batch takes.
    @Test("In batches, each product followed by its ledger, and all outcomes at the end")
    func order() async throws {
        try await withStore { store in
            let lengths = [1_200, 0, 499, 1] + Array(repeating: 0, count: 600)
            var expected: [ProductID: Int] = [:]
            for (number, length) in lengths.enumerated() {
                let catalogue = try Sample.catalogue("A-\(number)")
                let id = try await store.create(try Sample.creation(catalogue)).product.id
                expected[id] = length
                try await withThrowingTaskGroup { group in
                    for _ in 0..<length {
                        group.addTask { _ = try await store.move(try Sample.adjust(1, of: .id(id))) }
                    }
                    try await group.waitForAll()
                }
            }
            let first = try #require(expected.keys.first)
            for key in 0..<700 {
                _ = try? await store.move(try Sample.purchase(9_999, of: .id(first), key: "k-\(key)"))
            }

            var entries: [InventoryEntry] = []
            try await store.readEverything { batch in
                #expect(batch.count <= 500)
                entries += batch
            }
            var (ids, outcomes): ([ProductID], [OperationID]) = ([], [])
            var found: [ProductID: Int] = [:]
            for entry in entries {
                switch entry {
                case .product(let entry):
                    ids.append(entry.product.id)
                    found[entry.product.id] = 0
                    #expect(outcomes.isEmpty)
                case .movement(let entry):
                    #expect(entry.movement.productID == ids.last)
                    #expect(entry.movement.seq == found[entry.movement.productID, default: 0] + 1)
                    found[entry.movement.productID, default: 0] += 1
                case .outcome(let entry): outcomes.append(entry.id)
                case .key: Issue.record("there is no key")
                }
            }
            #expect(found == expected && ids == ids.sorted() && ids.count == lengths.count)
            #expect(outcomes.count == 700 && outcomes == outcomes.sorted())
        }
    }

    /// An export that fails it leaves out what it cannot read.
    @Test("What cannot be read is told", arguments: ["product", "outcome"])
    func damage(table: String) async throws {
        try await withStore { store in
            let product = try await store.create(try Sample.creation(try Sample.catalogue("A-1"))).product
            _ = try? await store.move(try Sample.purchase(9, of: .id(product.id), key: "k-1"))
            let sql = ["product": "UPDATE product SET currency = 'XXX'", "outcome": "UPDATE outcome SET record = '['"]
            try await store.pool.writeWithoutTransaction { try $0.execute(sql: sql[table] ?? "") }
            let error = await #expect(throws: TransferError.self) { try await store.readEverything { _ in } }
            guard case .source(let detail)? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(detail.hasPrefix(table))
        }
    }

    /// Fails where the rows beside it are refused too, with each load.
    @Test("A bulk load refuses the row of a product that cannot be read, and does the others")
    func damageInBulkLoad() async throws {
        try await withStore { store in
            for sku in ["A-1", "B-1"] { _ = try await store.create(try Sample.creation(try Sample.catalogue(sku))) }
            try await store.pool.writeWithoutTransaction {
                try $0.execute(sql: "UPDATE product SET currency = 'XXX' WHERE sku = 'A-1'")
            }
            let results = await store.upsert(try ["A-1", "B-1"].map { try Sample.row($0, name: "Other") })
            #expect(results.map { (try? $0.get())?.status } == [nil, .updated])
            #expect(try await store.product(.sku(try SKU("B-1")))?.catalogue.name.text == "Other")
        }
    }

    private func withStore(_ body: (SQLiteStore) async throws -> Void) async throws {
        try await withTemporaryDirectory { directory in
            let store = try SQLiteStore(path: directory + "/inventory.sqlite", logger: Logger(label: "test"))
            try await body(store)
            await store.close()
        }
    }
}
