import InventoryKit
import NIOCore
import TestSupport
import Testing

private func readBack(_ product: Product) throws -> JSONDocument {
    try JSONDocument(parsing: Array(ProductDocument(product).body.readableBytesView))
}

/// The product's own document with some members replaced or added.
private func readBack(_ product: Product, with members: [String: JSON]) throws -> JSONDocument {
    guard case .object(let own) = try readBack(product).root else { throw InvalidValue("a product is no object") }
    return JSONDocument(root: .object(own.merging(members) { $1 }))
}

private func patch(_ text: String) throws -> CatalogueChange {
    let revision = try Revision.merging(anID(), with: parse(text), expectedETags: nil)
    guard case .merge(let change) = revision.change else { throw InvalidValue("a patch replaces the whole product") }
    return change
}

@Suite("A product sent back as it was read")
struct ReadBackTests {
    @Test("is the same catalogue, by PUT and by PATCH", arguments: seeds)
    func unchanged(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        for round in 0..<40 {
            let product = try random.product()
            let document = try readBack(product)
            let replaced = try Revision.replacing(product.id, with: document, expectedETags: [product.etag])
            let merged = try Revision.merging(product.id, with: document, expectedETags: [product.etag])
            let catalogues = [try replaced.decide(on: product), try merged.decide(on: product)]
            #expect(catalogues == [product.catalogue, product.catalogue], "seed \(seed), round \(round)")
        }
    }

    @Test("carries its version and its stock as conditions, and the ETags along")
    func conditions() throws {
        let product = try aProduct()
        let revision = try Revision.replacing(product.id, with: readBack(product), expectedETags: [product.etag])
        #expect(revision.id == product.id)
        #expect(revision.expectedVersion == 3)
        #expect(revision.claimedStock == Revision.ClaimedStock(onHand: 40, reserved: 2, available: 38))
        #expect(revision.expectedETags == [product.etag])
    }

    @Test("does not mind what the stock's version and the times have become")
    func ignored() throws {
        let product = try aProduct()
        let others: [String: JSON] = [
            "stock_version": .integer(1), "created_at": "then", "updated_at": .null, "archived_at": .integer(0),
        ]
        let document = try readBack(product, with: others)
        let result = try Revision.replacing(product.id, with: document, expectedETags: nil).decide(on: product)
        #expect(result == product.catalogue)
    }

    @Test(
        "with another stock is refused, for that is what adjust is for",
        arguments: ["on_hand", "reserved", "available"]
    )
    func otherStock(member: String) throws {
        let product = try aProduct()
        let document = try readBack(product, with: ["stock": .object([member: .integer(7)])])
        let replaced = try Revision.replacing(product.id, with: document, expectedETags: nil)
        let merged = try Revision.merging(product.id, with: document, expectedETags: nil)
        for revision in [replaced, merged] {
            #expect(throws: InventoryError.refused(.useAdjust(current: product.stock), replayed: false)) {
                try revision.decide(on: product)
            }
        }
    }

    @Test("with another version has been overtaken")
    func otherVersion() throws {
        let product = try aProduct()
        let document = try readBack(product, with: ["version": .integer(2)])
        let revision = try Revision.replacing(product.id, with: document, expectedETags: nil)
        #expect(throws: InventoryError.preconditionFailed(current: product.etag)) { try revision.decide(on: product) }
    }

    @Test("has to have the id of the path, be it in capitals")
    func id() throws {
        let product = try aProduct()
        let capitals = try readBack(product, with: ["id": "6655AABBCCDDEEFF00112233"])
        let result = try Revision.replacing(product.id, with: capitals, expectedETags: nil).decide(on: product)
        #expect(result == product.catalogue)
        for id in ["000000000000000000000001", "", .integer(1)] as [JSON] {
            let document = try readBack(product, with: ["id": id])
            let put = pointers { try Revision.replacing(product.id, with: document, expectedETags: nil) }
            let patch = pointers { try Revision.merging(product.id, with: document, expectedETags: nil) }
            #expect(put == ["/id"])
            #expect(patch == ["/id"])
        }
    }
}

@Suite("The body that replaces a product")
struct ReplacingFormTests {
    @Test("puts defaults where it says nothing, so that nothing of the old product stays")
    func defaults() throws {
        let product = try aProduct(aCatalogue(most: 3))
        let document = try parse(#"{"sku": "A", "name": "n", "price": {"amount": 1, "currency": "GBP"}}"#)
        let result = try Revision.replacing(product.id, with: document, expectedETags: nil).decide(on: product)
        let expected = Catalogue(sku: try SKU("A"), name: try ProductName("n"), price: try money(1))
        #expect(result == expected)
    }

    @Test("is refused for all its faults at once")
    func allFaults() throws {
        let document = try parse(
            """
            {"name": null, "price": {"amount": "1"}, "stock": {"on_hand": "40", "sold": 1}, "version": "3", "id": "x",
             "attributes": {"a": null}, "etag": 1}
            """
        )
        let id = try anID()
        let places = pointers { try Revision.replacing(id, with: document, expectedETags: nil) }
        #expect(
            places == [
                "/attributes/a", "/etag", "/id", "/name", "/price/amount", "/price/currency", "/sku", "/stock/on_hand",
                "/stock/sold", "/version",
            ]
        )
    }
}

@Suite("A merge patch of a product")
struct MergingFormTests {
    @Test("that is empty changes nothing, as do null for id, version and stock")
    func empty() throws {
        let change = try patch("{}")
        let nulls = try patch(#"{"id": null, "version": null, "stock": null}"#)
        #expect(change == CatalogueChange())
        #expect(nulls == CatalogueChange())
    }

    @Test("removes what may be absent where it says null")
    func removes() throws {
        let names = ["description", "low_stock_threshold", "max_per_order", "attributes"]
        let change = try patch("{\(names.map { "\"\($0)\": null" }.joined(separator: ", "))}")
        var expected = CatalogueChange()
        expected.description = .empty
        expected.lowStockThreshold = .some(nil)
        expected.maxPerOrder = .some(nil)
        expected.attributes = .removeAll
        #expect(change == expected)
    }

    @Test("cannot remove what a product has to have", arguments: ["sku", "name", "price"])
    func keeps(member: String) throws {
        let document = try parse("{\"\(member)\": null}")
        let id = try anID()
        let told = faults { try Revision.merging(id, with: document, expectedETags: nil) }
        #expect(told == [Fault(at: "/\(member)", "cannot be removed")])
    }

    @Test("merges the price and the attributes member by member")
    func nested() throws {
        let change = try patch(#"{"price": {"amount": 300}, "attributes": {"colour": "red", "size": null}}"#)
        var expected = CatalogueChange()
        expected.price = CatalogueChange.PriceChange(amount: 300)
        expected.attributes = .merge(["colour": "red", "size": nil])
        #expect(change == expected)
        let currency = try patch(#"{"price": {"currency": "EUR"}}"#)
        let euros = try Currency("EUR")
        #expect(currency.price == CatalogueChange.PriceChange(currency: euros))
    }

    @Test("is refused for all its faults at once")
    func allFaults() throws {
        let document = try parse(
            """
            {"sku": "", "sku": " ", "name": null, "price": {"amount": null, "currency": "X", "x": 1}, "colour": "red",
             "attributes": {"": null, "a": 1}, "max_per_order": 0, "stock": 1}
            """
        )
        let id = try anID()
        let places = pointers { try Revision.merging(id, with: document, expectedETags: nil) }
        #expect(
            places == [
                "/attributes/", "/attributes/a", "/colour", "/max_per_order", "/name", "/price/amount",
                "/price/currency", "/price/x", "/sku", "/stock",
            ]
        )
    }
}
