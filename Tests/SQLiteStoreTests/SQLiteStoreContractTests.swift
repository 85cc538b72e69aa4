import Foundation
import InventoryKit
import Logging
import SQLiteStore
import StoreContract
import Testing

@Suite("The embedded store keeps the contract of stores")
struct SQLiteStoreContractTests {
    @Test(arguments: StoreContract.clauses)
    func keeps(_ clause: StoreContract.Clause) async throws {
        try await clause.check(on: try SQLiteStoreFixture())
    }
}

/// A directory of its own for one database file.
struct SQLiteStoreFixture: StoreFixture {
    private let directory: URL

    init() throws {
        directory = FileManager.default.temporaryDirectory.appending(path: "inventoryd-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    }

    func makeStore(clock: any WallClock) async throws -> any InventoryStore {
        try SQLiteStore(
            path: directory.appending(path: "inventory.sqlite").path, clock: clock, logger: Logger(label: "test")
        )
    }

    func discard() async throws {
        try FileManager.default.removeItem(at: directory)
    }
}
