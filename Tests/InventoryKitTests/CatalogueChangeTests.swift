import InventoryKit
import TestSupport
import Testing

@Suite("A change of the catalogue")
struct CatalogueChangeTests {
    private func applied(
        to catalogue: Catalogue? = nil, _ edit: (inout CatalogueChange) throws -> Void
    ) throws -> Catalogue {
        var change = CatalogueChange()
        try edit(&change)
        return try change.applied(to: try catalogue ?? aCatalogue())
    }

    @Test("that names nothing changes nothing", arguments: seeds)
    func empty(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        for _ in 0..<50 {
            let catalogue = try random.catalogue()
            let result = try CatalogueChange().applied(to: catalogue)
            #expect(result == catalogue, "seed \(seed)")
        }
    }

    /// Each field is changed alone, so a change that reached another field, or none, shows.
    @Test("sets the field it names and no other")
    func singleFields() throws {
        let catalogue = try aCatalogue()
        var expected = catalogue
        expected.sku = try SKU("85123a")
        var result = try applied { $0.sku = try SKU("85123a") }
        #expect(result == expected)

        expected = catalogue
        expected.name = try ProductName("Another")
        result = try applied { $0.name = try ProductName("Another") }
        #expect(result == expected)

        expected = catalogue
        expected.description = .empty
        result = try applied { $0.description = .empty }
        #expect(result == expected)

        expected = catalogue
        expected.lowStockThreshold = try Balance(9)
        result = try applied { $0.lowStockThreshold = try Balance(9) }
        #expect(result == expected)

        expected = catalogue
        expected.maxPerOrder = try Quantity(9)
        result = try applied { $0.maxPerOrder = try Quantity(9) }
        #expect(result == expected)
    }

    @Test("removes a bound where it says none, and keeps it where it says nothing")
    func removesBounds() throws {
        let bounded = try aCatalogue(threshold: 5, most: 3)
        let removed = try applied(to: bounded) {
            $0.lowStockThreshold = .some(nil)
            $0.maxPerOrder = .some(nil)
        }
        #expect(removed.lowStockThreshold == nil)
        #expect(removed.maxPerOrder == nil)
        let kept = try applied(to: bounded) {
            $0.lowStockThreshold = nil
            $0.maxPerOrder = nil
        }
        #expect(kept == bounded)
    }

    @Test("changes either member of the price alone")
    func price() throws {
        let amount = try applied { $0.price = CatalogueChange.PriceChange(amount: 300) }
        let currency = try applied { $0.price = CatalogueChange.PriceChange(currency: try Currency("EUR")) }
        let both = try applied { $0.price = CatalogueChange.PriceChange(amount: 1, currency: try Currency("JPY")) }
        let neither = try applied { $0.price = CatalogueChange.PriceChange() }
        let prices = [amount.price, currency.price, both.price, neither.price]
        let expected = [try money(300), try money(255, "EUR"), try money(1, "JPY"), try money(255)]
        #expect(prices == expected)
    }

    @Test("to an amount out of range is refused, at its place", arguments: [-1, 9_007_199_254_740_992] as [Int64])
    func badAmount(amount: Int64) {
        let places = pointers { try applied { $0.price = CatalogueChange.PriceChange(amount: amount) } }
        #expect(places == ["/price/amount"])
    }

    @Test("merges attributes one by one")
    func attributes() throws {
        let catalogue = try aCatalogue(attributes: ["colour": "white", "size": "L", "shape": "heart"])
        let merged = try applied(to: catalogue) {
            $0.attributes = .merge(["colour": "red", "size": nil, "material": "tin", "never there": nil])
        }
        #expect(merged.attributes.values == ["colour": "red", "shape": "heart", "material": "tin"])
        let untouched = try applied(to: catalogue) { $0.attributes = .merge([:]) }
        #expect(untouched == catalogue)
        let emptied = try applied(to: catalogue) { $0.attributes = .removeAll }
        #expect(emptied.attributes == .none)
    }

    @Test("may replace an attribute where there is no room for one more")
    func attributesAtTheBound() throws {
        let fifty = Dictionary(uniqueKeysWithValues: (0..<50).map { ("n\($0)", "v") })
        let full = try aCatalogue(attributes: fifty)
        let replaced = try applied(to: full) { $0.attributes = .merge(["n0": nil, "new": "v"]) }
        #expect(replaced.attributes.values.count == 50)
        #expect(replaced.attributes.values["new"] == "v")
        let places = pointers { try applied(to: full) { $0.attributes = .merge(["new": "v"]) } }
        #expect(places == ["/attributes"])
    }

    @Test(
        "to attributes that cannot be is refused, at their place",
        arguments: ["", "a\nb", String(repeating: "x", count: 65)]
    )
    func badAttribute(name: String) {
        let places = pointers { try applied { $0.attributes = .merge([name: "v"]) } }
        #expect(places == ["/attributes"])
    }
}

@Suite("The words that a product is found by")
struct CatalogueSearchWordsTests {
    @Test("are those of its name, SKU and description")
    func words() throws {
        let catalogue = try aCatalogue(sku: "AB-12c")
        #expect(
            catalogue.searchWords == ["white", "hanging", "heart", "t", "light", "holder", "ab", "12c", "a", "heart"])
    }
}
