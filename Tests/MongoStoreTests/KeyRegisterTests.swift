import InventoryKit
import StoreContract
import TestSupport
import Testing

@testable import MongoStore

@Suite("API keys in MongoDB")
struct KeyRegisterTests {
    /// It fails where one record that cannot be read keeps all others from being, or its owner from having a key again.
    @Test("A record that cannot be read concerns its owner alone, is told once, and gives way to a new one")
    func damaged() async throws {
        try await BackDoor.withStore { door, store in
            let shop = try StoreContract.key("shop")
            #expect(try await store.save(shop, replacing: nil))
            try await MongoShell(url: door.fixture.url).run(
                #"{"insert": "\#(Collection.keys)", "documents": [{"_id": "ci"}], "bypassDocumentValidation": true}"#)
            for _ in 0..<3 { #expect(try await store.keys() == [shop]) }
            #expect(door.log.alarms == ["An API key cannot be read"])
            // Whoever takes all of them elsewhere must not lose one without a word.
            await #expect(throws: (any Error).self) {
                try await door.run { connection in _ = try MongoStore.keys(over: connection) }
            }
            let other = try StoreContract.key("ci")
            #expect(try await store.save(other, replacing: nil))
            #expect(try await store.keys() == [other, shop])
            #expect(try await store.save(try StoreContract.key("ci"), replacing: nil) == false)
        }
    }
}
