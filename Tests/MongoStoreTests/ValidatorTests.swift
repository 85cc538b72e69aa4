import InventoryKit
import MongoStore
import StoreContract
import TestSupport
import Testing

/// What holds at mongosh as well. Were a rule missing in the database, these commands would be done: each is right in
/// everything but the one thing.
@Suite("The database refuses by itself what must never be")
struct ValidatorTests {
    @Test("whoever asks for it", arguments: Command.refused)
    func isRefused(_ command: Command) async throws {
        try await withProduct { shell, product in
            let before = try await everything(shell)
            let failure = await #expect(throws: MongoShell.Failure.self) {
                try await shell.run(command.text(product.id.text))
            }
            #expect(failure?.code == command.code && failure?.isFromServer == true, "\(String(describing: failure))")
            #expect(try await everything(shell) == before)
        }
    }

    /// Else the others could be refused for something that they are not about.
    @Test("and takes the same where it is right", arguments: Command.accepted)
    func isAccepted(_ command: Command) async throws {
        try await withProduct { shell, product in
            let before = try await everything(shell)
            try await shell.run(command.text(product.id.text))
            #expect(try await everything(shell) != before)
        }
    }

    /// A product with 5 units, all of whose movements are filed, and no daemon that would change anything.
    private func withProduct(_ body: (MongoShell, Product) async throws -> Void) async throws {
        let server = try await MongoServer.shared()
        let fixture = MongoStoreFixture { server.url(database: $0) }
        let store = try await fixture.makeMongoStore()
        let product = try await store.create(try Sample.creation(try Sample.catalogue("A-1"), opening: 5)).product
        await store.close()
        try await body(MongoShell(url: fixture.url), product)
        try await fixture.discard()
    }

    private func everything(_ shell: MongoShell) async throws -> [JSON] {
        var documents: [JSON] = []
        for collection in ["products", "movements"] {
            documents += try await shell.run(#"{"find": "\#(collection)", "sort": {"_id": 1}}"#)["cursor"]["firstBatch"]
                .items
        }
        return documents
    }
}

extension ValidatorTests {
    /// A command as a person would type it, about a product of 5 units with the SKU A-1 and one movement.
    struct Command: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let code: Int
        let text: @Sendable (_ product: String) -> String

        static let refused = [
            update("units on hand below none", set(onHand: "-1", reserved: "0", available: "-1")),
            update("everything below none", set(onHand: "-2", reserved: "-1", available: "-1")),
            update(
                "a sale by hand of more than there is",
                #"{"$inc": {"on_hand": \#(long("-6")), "available": \#(long("-6"))}}"#),
            update("more reserved than on hand", set(onHand: "5", reserved: "6", available: "-1")),
            update(
                "more reserved than on hand, and nothing available", set(onHand: "5", reserved: "6", available: "0")),
            update("available units that are not the difference", set(onHand: "5", reserved: "1", available: "5")),
            update("units on hand alone", #"{"$set": {"on_hand": \#(long("4"))}}"#),
            update("units on hand as a double", #"{"$set": {"on_hand": {"$numberDouble": "5.0"}}}"#),
            update("units on hand as a short integer", #"{"$set": {"on_hand": {"$numberInt": "5"}}}"#),
            update(
                "more units than JSON can tell",
                set(onHand: "9007199254740992", reserved: "0", available: "9007199254740992")),
            update("no units on hand", #"{"$unset": {"on_hand": ""}}"#),
            update("no stock", #"{"$unset": {"on_hand": "", "reserved": "", "available": ""}}"#),
            Command(testDescription: "a product without stock", code: 121) { _ in
                insert(product("B-1", stock: ""), into: "products")
            },
            Command(testDescription: "a product with a SKU that another holds", code: 11_000) { _ in
                insert(product("A-1"), into: "products")
            },
            Command(testDescription: "a movement with a balance below none", code: 121) { id in
                insert(movement(of: id, seq: "2", onHand: "-1"), into: "movements")
            },
            Command(testDescription: "a movement with a double for a balance", code: 121) { id in
                insert(
                    movement(of: id, seq: "2").replacing(long("4"), with: #"{"$numberDouble": "4.0"}"#),
                    into: "movements")
            },
            Command(testDescription: "a second movement with the same number", code: 11_000) { id in
                insert(movement(of: id, seq: "1"), into: "movements")
            },
        ]

        static let accepted = [
            update("another stock", set(onHand: "4", reserved: "1", available: "3")),
            update("no stock at all", set(onHand: "0", reserved: "0", available: "0")),
            Command(testDescription: "a product with a SKU of its own", code: 0) { _ in
                insert(product("B-1"), into: "products")
            },
            Command(testDescription: "a movement with the next number", code: 0) { id in
                insert(movement(of: id, seq: "2"), into: "movements")
            },
            Command(testDescription: "a movement of another product", code: 0) { _ in
                insert(movement(of: "00000000000000000000000b", seq: "1"), into: "movements")
            },
        ]

        // MARK: Parts

        private static func update(_ name: String, _ update: String) -> Command {
            Command(testDescription: name, code: 121) { id in
                #"{"update": "products", "updates": [{"q": {"_id": {"$oid": "\#(id)"}}, "u": \#(update)}]}"#
            }
        }

        private static func long(_ number: String) -> String { #"{"$numberLong": "\#(number)"}"# }

        private static func stock(_ onHand: String, _ reserved: String, _ available: String) -> String {
            #""on_hand": \#(long(onHand)), "reserved": \#(long(reserved)), "available": \#(long(available))"#
        }

        private static func set(onHand: String, reserved: String, available: String) -> String {
            #"{"$set": {\#(stock(onHand, reserved, available))}}"#
        }

        private static func insert(_ document: String, into collection: String) -> String {
            #"{"insert": "\#(collection)", "documents": [\#(document)]}"#
        }

        private static func product(_ sku: String, stock: String? = nil) -> String {
            let time = #"{"$date": "2026-01-31T09:30:00Z"}"#
            let key = sku.lowercased()
            return """
                {"_id": {"$oid": "00000000000000000000000a"}, "sku": "\(sku)", "sku_key": "\(key)",
                 "held_skus": ["\(key)"], "name": "Lamp", "name_key": "lamp", "description": "", "terms": [],
                 "price": {"amount": \(long("255")), "currency": "GBP"}, "low": false, "version": \(long("1")),
                 \(stock ?? self.stock("0", "0", "0") + ",")
                 "stock_version": \(long("0")), "created_at": \(time), "updated_at": \(time), "live": true,
                 "gen": \(long("7")), "ops": []}
                """
        }

        private static func movement(of product: String, seq: String, onHand: String = "4") -> String {
            """
            {"_id": "by hand", "product_id": {"$oid": "\(product)"}, "seq": \(long(seq)), "kind": "adjust",
             "sku": "A-1", "d_on_hand": \(long("-1")), "d_reserved": \(long("0")), "on_hand": \(long(onHand)),
             "reserved": \(long("0")), "actor": "admin", "request_id": "r",
             "at": {"$date": "2026-01-31T09:30:00Z"}}
            """
        }
    }
}
