import Crypto
import InventoryKit
import Testing

@testable import invctl

@Suite("Generated products")
struct ProductGeneratorTests {
    private let pounds: Currency

    init() throws { pounds = try Currency("GBP") }

    /// Whoever changes the words or the order of the draws changes what everybody's seed means, and says so here.
    @Test("are the same bytes on every machine")
    func digest() {
        var hash = SHA256()
        for row in ProductGenerator(count: 1_000, seed: 42, currency: pounds) { hash.update(data: row.json + [0x0A]) }
        #expect(Hex.encode(hash.finalize()) == "ee0feec442aa7fe492ed419afd749af5db24ddd162569e4db492f30e13226c7d")
    }

    @Test("do not depend on how many there are, and another seed gives others")
    func seed() {
        let few = Array(ProductGenerator(count: 50, seed: 7, currency: pounds))
        #expect(Array(ProductGenerator(count: 500, seed: 7, currency: pounds).prefix(50)) == few)
        #expect(Array(ProductGenerator(count: 50, seed: 8, currency: pounds)) != few)
        #expect(Array(ProductGenerator(count: 0, seed: 7, currency: pounds)).isEmpty)
        #expect(Array(ProductGenerator(count: -1, seed: 7, currency: pounds)).isEmpty)
    }

    @Test("are what the API takes, under SKUs that are unique")
    func valid() throws {
        var skus: Set<String> = []
        for row in ProductGenerator(count: 5_000, seed: 1, currency: pounds) {
            let batch = try BatchRow(line: row.line, JSONDocument(parsing: row.json))
            #expect(batch.sku.text == row.sku)
            let amount = try #require(batch.change.price?.amount)
            #expect((150...29_999).contains(amount))
            #expect([99, 95, 50].contains(amount % 100))
            skus.insert(batch.sku.key)
        }
        #expect(skus.count == 5_000)
    }

    @Test("can have a stock of their own and any currency, and are else the same")
    func options() throws {
        let plain = Array(ProductGenerator(count: 20, seed: 3, currency: pounds))
        let stocked = Array(
            ProductGenerator(count: 20, seed: 3, currency: try Currency("KWD"), stock: try Balance(500)))
        for (plain, stocked) in zip(plain, stocked) {
            let first = try BatchRow(line: 1, JSONDocument(parsing: plain.json))
            let second = try BatchRow(line: 1, JSONDocument(parsing: stocked.json))
            #expect(first.change.name == second.change.name)
            #expect((first.change.price?.amount).map { $0 * 10 } == second.change.price?.amount)
            #expect(second.opening?.units == 500)
        }
    }
}
