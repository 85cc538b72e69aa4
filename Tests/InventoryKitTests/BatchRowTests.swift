import InventoryKit
import Testing

@Suite("A row of a bulk load")
struct BatchRowTests {
    private func row(_ text: String) throws -> BatchRow { try BatchRow(line: 7, parse(text)) }

    private func upsert(_ row: BatchRow) throws -> UpsertRow {
        let origin = try aCommand(.adjust(StockDelta(1))).origin
        return UpsertRow(sku: row.sku, change: row.change, opening: row.opening, id: try anID(), origin: origin)
    }

    @Test("needs a SKU and changes only what it names")
    func least() throws {
        let row = try row(#"{"sku": "85123A"}"#)
        var expected = CatalogueChange()
        expected.sku = try SKU("85123A")
        #expect(row.line == 7)
        #expect(row.sku.text == "85123A")
        #expect(row.change == expected)
        #expect(row.opening == nil)
    }

    @Test("may name all fields")
    func whole() throws {
        let row = try row(
            """
            {"sku": "85123A", "name": "Heart", "description": "d", "price": {"amount": 255, "currency": "GBP"},
             "stock": {"on_hand": 40}, "low_stock_threshold": 5, "max_per_order": 3, "attributes": {"colour": "white"}}
            """
        )
        var expected = CatalogueChange()
        expected.sku = try SKU("85123A")
        expected.name = try ProductName("Heart")
        expected.description = try ProductDescription("d")
        expected.price = CatalogueChange.PriceChange(amount: 255, currency: try Currency("GBP"))
        expected.lowStockThreshold = try Balance(5)
        expected.maxPerOrder = try Quantity(3)
        expected.attributes = .merge(["colour": "white"])
        let opening = try Balance(40)
        #expect(row.change == expected)
        #expect(row.opening == opening)
    }

    @Test("removes what it sets to null")
    func nulls() throws {
        let row = try row(
            #"{"sku": "A", "low_stock_threshold": null, "max_per_order": null, "attributes": null, "stock": null}"#
        )
        var expected = CatalogueChange()
        expected.sku = try SKU("A")
        expected.lowStockThreshold = .some(nil)
        expected.maxPerOrder = .some(nil)
        expected.attributes = .removeAll
        #expect(row.change == expected)
        #expect(row.opening == nil)
    }

    @Test(
        "is refused at the place of its fault",
        arguments: [
            ("{}", "/sku"), (#"{"sku": null}"#, "/sku"), (#"{"sku": ""}"#, "/sku"),
            (#"{"sku": "A", "name": null}"#, "/name"), (#"{"sku": "A", "price": null}"#, "/price"),
            (#"{"sku": "A", "price": {"amount": null}}"#, "/price/amount"),
            (#"{"sku": "A", "stock": {"on_hand": -1}}"#, "/stock/on_hand"),
            (#"{"sku": "A", "stock": {"available": 1, "on_hand": 1}}"#, "/stock/available"),
            (#"{"sku": "A", "version": 1}"#, "/version"), (#"{"sku": "A", "id": "x"}"#, "/id"),
            (#"{"sku": "A", "sku": "A"}"#, "/sku"), ("[]", ""),
        ]
    )
    func fault(text: String, place: String) throws {
        let document = try parse(text)
        let places = pointers { try BatchRow(line: 1, document) }
        #expect(places == [place])
    }

    @Test("is refused for all its faults at once")
    func allFaults() throws {
        let document = try parse(
            """
            {"name": "", "price": {"currency": 1}, "attributes": {"a": 1, "b": null}, "x": 1}
            """
        )
        let places = pointers { try BatchRow(line: 1, document) }
        #expect(places == ["/attributes/a", "/name", "/price/currency", "/sku", "/x"])
    }

    @Test("that names enough can create a product")
    func creates() throws {
        let row = try row(
            """
            {"sku": "NEW", "name": "Heart", "price": {"amount": 1, "currency": "JPY"}, "stock": {"on_hand": 4},
             "attributes": {"colour": "white", "size": null}}
            """
        )
        let creation = try upsert(row).creation()
        let catalogue = Catalogue(
            sku: try SKU("NEW"), name: try ProductName("Heart"), price: try money(1, "JPY"),
            attributes: try Attributes(["colour": "white"])
        )
        #expect(creation.catalogue == catalogue)
        #expect(creation.opening.units == 4)
    }

    @Test(
        "that names too little cannot, and says all that is missing",
        arguments: [
            (#"{"sku": "A"}"#, ["/name", "/price/amount", "/price/currency"]),
            (#"{"sku": "A", "name": "n", "price": {}}"#, ["/price/amount", "/price/currency"]),
            (#"{"sku": "A", "name": "n", "price": {"amount": 1}}"#, ["/price/currency"]),
            (#"{"sku": "A", "price": {"amount": 1, "currency": "GBP"}}"#, ["/name"]),
        ] as [(String, [String])]
    )
    func missing(text: String, places: [String]) throws {
        let row = try upsert(row(text))
        let told = pointers { try row.creation() }
        #expect(told == places)
    }
}
