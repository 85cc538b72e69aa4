import InventoryKit
import Testing

extension StoreContract {
    static let revising = [
        Clause("A replacement changes every field of the catalogue and nothing else", replacementChangesTheCatalogue),
        Clause("A merge changes the fields it names and no others", mergeChangesSomeFields),
        Clause("A revision that would be invalid changes nothing", invalidRevisionChangesNothing),
        Clause("A new SKU is taken and the old one freed", newSKUFreesTheOld),
        Clause("A SKU may be spelled anew by the product that has it", ownSKUIsNotTaken),
        Clause("A revision to a taken SKU is refused, with the product that has it", revisionToTakenSKUIsRefused),
        Clause("A movement keeps the SKU and the price of its time", movementKeepsItsTime),
    ]

    /// A store that fails it keeps old values where a client has put new ones, touches the stock when a description is
    /// edited, or hands out the same version for two states.
    package func replacementChangesTheCatalogue() async throws {
        let full = try Sample.catalogue(
            "A-1", name: "Old", description: "Old", price: 1, threshold: 5, most: 2, attributes: ["a": "1", "b": "2"]
        )
        let before = try await store.create(try Sample.creation(full, opening: 6)).product
        try await clock.pass()
        let bare = try Sample.catalogue("A-1", name: "New", price: 9, currency: "JPY")
        let after = try await store.revise(Revision(id: before.id, change: .replace(bare)))

        #expect(after.updatedAt > before.updatedAt)
        #expect(
            after
                == Product(
                    id: before.id, catalogue: bare, stock: before.stock, version: 2, stockVersion: 1,
                    createdAt: before.createdAt, updatedAt: after.updatedAt
                )
        )
        #expect(try await store.product(.id(before.id)) == after)
        #expect(try await product(sku: "a-1") == after)
        let restored = try await store.revise(Revision(id: before.id, change: .replace(full)))
        #expect(restored.catalogue == full && restored.version == 3 && restored.stockVersion == 1)
        #expect(try await ledger(of: before.id).count == 1)
    }

    /// A store that fails it clears what a patch did not mention, or cannot clear what it did.
    package func mergeChangesSomeFields() async throws {
        var expected = try Sample.catalogue(
            "A-1", name: "Old", description: "Old", price: 100, threshold: 5, most: 2, attributes: ["a": "1", "b": "2"]
        )
        let id = try await store.create(try Sample.creation(expected, opening: 6)).product.id
        var clearing = CatalogueChange()
        clearing.lowStockThreshold = .some(nil)
        clearing.maxPerOrder = .some(nil)
        let changes = [
            try Sample.change(name: "New"),
            try Sample.change(description: "New\nlines"),
            try Sample.change(amount: 200),
            try Sample.change(currency: "EUR"),
            try Sample.change(attributes: .merge(["a": nil, "c": "3", "$inc": "4", "x.y": "5"])),
            clearing,
            try Sample.change(attributes: .removeAll),
        ]
        for (number, change) in changes.enumerated() {
            expected = try change.applied(to: expected)
            let product = try await store.revise(Revision(id: id, change: .merge(change)))
            #expect(product.catalogue == expected)
            #expect(product.version == Int64(number) + 2 && product.stockVersion == 1 && product.stock.onHand == 6)
            #expect(try await store.product(.id(id)) == product)
        }
        #expect(
            expected
                == (try Sample.catalogue("A-1", name: "New", description: "New\nlines", price: 200, currency: "EUR")))
    }

    /// A store that fails it keeps catalogues that the model does not allow.
    package func invalidRevisionChangesNothing() async throws {
        let most = Dictionary(uniqueKeysWithValues: (0..<Bounds.attributeCount).map { ("a\($0)", "") })
        let before = try await store.create(
            try Sample.creation(try Sample.catalogue("A-1", attributes: most), opening: 1)
        ).product
        let oneMore = try Sample.change(name: "New", attributes: .merge(["one more": ""]))
        guard case .invalid(let faults)? = await revise(Revision(id: before.id, change: .merge(oneMore))).failure else {
            Issue.record("51 attributes have to be invalid")
            return
        }
        #expect(faults.map(\.pointer) == ["/attributes"])
        #expect(try await store.product(.id(before.id)) == before)
    }

    /// A store that fails it has a SKU that nobody can use any more, or two products answering to one.
    package func newSKUFreesTheOld() async throws {
        let before = try await given("A-1", opening: 5)
        let moved = try await store.revise(Revision(id: before.id, change: .merge(try Sample.change(sku: "B-1"))))
        #expect(moved.catalogue.sku.text == "B-1" && moved.version == 2 && moved.stock == before.stock)
        #expect(try await product(sku: "a-1") == nil)
        #expect(try await product(sku: "b-1") == moved)

        let successor = try await given("a-1", opening: 9)
        #expect(try await product(sku: "A-1") == successor)
        #expect(try await product(sku: "B-1") == moved)
        let sale = try await store.move(try Sample.purchase(of: .sku(try SKU("A-1"))))
        #expect(sale.product.id == successor.id && sale.movement.sku.text == "a-1")
        #expect(try await product(before.id).stock.onHand == 5)
    }

    /// A store that fails it refuses a product its own SKU.
    package func ownSKUIsNotTaken() async throws {
        let before = try await given("ab-1", opening: 1)
        let after = try await store.revise(Revision(id: before.id, change: .merge(try Sample.change(sku: "AB-1"))))
        #expect(after.catalogue.sku.text == "AB-1" && after.version == 2)
        #expect(try await product(sku: "Ab-1") == after)
    }

    /// A store that fails it lets an edit take another product's SKU, or half of the edit happen.
    package func revisionToTakenSKUIsRefused() async throws {
        let holder = try await given("A-1")
        let other = try await given("B-1", opening: 3)
        let change = try Sample.change(sku: "a-1", name: "New")
        for change in [Revision.Change.merge(change), .replace(try Sample.catalogue("a-1", name: "New"))] {
            let error = await revise(Revision(id: other.id, change: change)).failure
            #expect(error?.skuHolder?.id == holder.id && error?.skuHolder?.key == "a-1")
            #expect(error?.refusal?.replayed == false)
        }
        #expect(try await store.product(.id(other.id)) == other)
        #expect(try await product(sku: "b-1") == other)
        #expect(try await product(sku: "a-1") == holder)
    }

    /// A store that fails it rewrites history whenever the catalogue changes.
    package func movementKeepsItsTime() async throws {
        let product = try await given("A-1", opening: 5)
        let before = try await store.move(try Sample.purchase(of: .id(product.id))).movement
        let change = try Sample.change(sku: "B-1", amount: 999, currency: "EUR")
        _ = try await store.revise(Revision(id: product.id, change: .merge(change)))
        let after = try await store.move(try Sample.purchase(of: .id(product.id))).movement

        let ledger = try await ledger(of: product.id)
        #expect(ledger.suffix(2) == [before, after])
        #expect(ledger.map(\.sku.text) == ["A-1", "A-1", "B-1"])
        #expect(ledger.map(\.unitPrice) == [nil, try Sample.money(255), try Sample.money(999, "EUR")])
    }
}
