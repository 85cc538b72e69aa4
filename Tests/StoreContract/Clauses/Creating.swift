import InventoryKit
import Testing

extension StoreContract {
    static let creating = [
        Clause("A created product is read by id, and by SKU in any case", createdProductIsRead),
        Clause("Texts that look like something else are kept as they are", nastyTextsAreKept),
        Clause("The longest texts and the largest figures are kept as they are", extremesAreKept),
        Clause("Units to begin with are an opening movement", openingIsAMovement),
        Clause("A product that begins with nothing has no movement", emptyOpeningIsNoMovement),
        Clause("A taken SKU is refused, with the product that has it, and leaves nothing", takenSKUIsRefused),
    ]

    /// A store that fails it loses fields, confuses ids with SKUs, or sells "abc" and "ABC" as two products.
    package func createdProductIsRead() async throws {
        let catalogue = try Sample.catalogue(
            "Ab-85123a", name: "Heart", description: "Holds a\ntea light", price: 255, currency: "KWD", threshold: 0,
            most: 3, attributes: ["colour": "white", "empty": ""]
        )
        let creation = try Sample.creation(catalogue, opening: 40)
        let created = try await store.create(creation)

        #expect(!created.replayed)
        #expect(
            created.product
                == Product(
                    id: creation.id, catalogue: catalogue, stock: try StockLevel(onHand: 40, reserved: 0), version: 1,
                    stockVersion: 1, createdAt: created.product.createdAt, updatedAt: created.product.createdAt
                )
        )
        #expect(try await store.product(.id(creation.id)) == created.product)
        for spelling in ["Ab-85123a", "AB-85123A", "ab-85123a"] {
            #expect(try await product(sku: spelling) == created.product)
        }
        #expect(try await listing(ProductQuery()) == [created.product])
    }

    /// A store that fails it runs texts from outside as queries (injection), as operators or field names of its
    /// database, or normalises them.
    package func nastyTextsAreKept() async throws {
        for (number, text) in Sample.nastyTexts.enumerated() {
            let sku = "\(number)$%_'\"\\*?[{(.^"
            let catalogue = try Sample.catalogue(
                sku, name: text, description: text, attributes: [text: text, "$set": "$$ROOT", "a.b": ""]
            )
            let created = try await store.create(try Sample.creation(catalogue, opening: 5)).product
            #expect(created.catalogue == catalogue)
            let read = try await product(created.id)
            // Swift calls canonically equivalent texts equal; a store has to keep every code point.
            #expect(Self.document(of: read) == Self.document(of: created))
            #expect(Array(read.catalogue.name.text.utf8) == Array(text.utf8))
            #expect(try await product(sku: sku) == created)

            let sale = try await store.move(
                try Sample.purchase(1, of: .sku(try SKU(sku)), reference: text, actor: text)
            ).movement
            #expect(sale.reference?.text == text && sale.actor == text)
            let kept = try #require(try await store.movement(sale.id))
            #expect(kept == sale)
            #expect(Array(kept.reference?.text.utf8 ?? "".utf8) == Array(text.utf8))
            #expect(try await listing(MovementQuery(reference: sale.reference)) == [sale])
        }
        #expect(try await listing(ProductQuery()).count == Sample.nastyTexts.count)
    }

    /// A store that fails it has columns, indexes or numbers that are narrower than the contract (an index key that is
    /// too long, integers that pass through floating point).
    package func extremesAreKept() async throws {
        let wide = "\u{10FFFD}"
        let longest = try Sample.catalogue(
            String(repeating: "~", count: Bounds.skuLength), name: String(repeating: wide, count: Bounds.nameLength),
            description: String(repeating: wide, count: Bounds.descriptionLength), price: Bounds.exactInteger,
            threshold: Bounds.exactInteger, most: Bounds.quantity,
            attributes: Dictionary(
                uniqueKeysWithValues: (10..<10 + Bounds.attributeCount).map {
                    (
                        "\($0)" + String(repeating: wide, count: Bounds.attributeNameLength - 2),
                        String(repeating: wide, count: Bounds.attributeValueLength)
                    )
                }
            )
        )
        let shortest = try Sample.catalogue("!", name: "x", price: 0, threshold: 0, most: 1)
        for (catalogue, opening) in [(longest, Bounds.exactInteger), (shortest, 1)] {
            let created = try await store.create(try Sample.creation(catalogue, opening: opening)).product
            let read = try await product(created.id)
            #expect(read == created && read.catalogue == catalogue && read.stock.onHand == opening)
            #expect(try await product(sku: catalogue.sku.text) == created)
            let reference = String(repeating: wide, count: Bounds.referenceLength)
            let sale = try await store.move(try Sample.purchase(1, of: .id(created.id), reference: reference)).movement
            #expect(sale.stock.onHand == opening - 1 && sale.unitPrice == catalogue.price)
            #expect(try await store.movement(sale.id) == sale)
        }
    }

    /// A store that fails it has stock that no movement explains, so its ledger never adds up.
    package func openingIsAMovement() async throws {
        let creation = try Sample.creation(try Sample.catalogue("A-1"), opening: 7)
        let product = try await store.create(creation).product
        let opening = Movement(
            id: creation.origin.id, productID: product.id, sku: product.catalogue.sku, seq: 1, kind: .opening, delta: 7,
            stock: try StockLevel(onHand: 7, reserved: 0), actor: creation.origin.actor,
            requestID: creation.origin.requestID, at: product.createdAt
        )
        #expect(try await ledger(of: product.id) == [opening])
        #expect(try await store.movement(opening.id) == opening)
        #expect(try await listing(MovementQuery()) == [opening])
    }

    /// A store that fails it begins a ledger with a movement of nothing, or counts one that is not there.
    package func emptyOpeningIsNoMovement() async throws {
        let creation = try Sample.creation(try Sample.catalogue("A-1"), opening: 0)
        let product = try await store.create(creation).product
        #expect(product.stock == .empty && product.stockVersion == 0 && product.version == 1)
        #expect(try await ledger(of: product.id) == [])
        #expect(try await store.movement(creation.origin.id) == nil)

        let received = try await store.move(try Sample.adjust(3, of: .id(product.id), reason: .receive)).movement
        #expect(received.seq == 1 && received.stock.onHand == 3)
    }

    /// A store that fails it has two products of one SKU, tells the wrong holder, or leaves half a product behind.
    package func takenSKUIsRefused() async throws {
        let holder = try await given("Ab-1", opening: 2)
        let creation = try Sample.creation(try Sample.catalogue("aB-1", name: "Another"), opening: 9)
        let error = await create(creation).failure
        #expect(error?.skuHolder?.id == holder.id && error?.skuHolder?.key == "ab-1")
        #expect(error?.refusal?.replayed == false)

        #expect(try await store.product(.id(creation.id)) == nil)
        #expect(try await store.movement(creation.origin.id) == nil)
        #expect(try await product(sku: "AB-1") == holder)
        #expect(try await listing(ProductQuery()) == [holder])
        #expect(try await listing(MovementQuery()).count == 1)
    }

    /// The product's document: every field, byte by byte.
    static func document(of product: Product) -> [UInt8] {
        var writer = JSONWriter()
        writer.product(product)
        return writer.bytes
    }
}
