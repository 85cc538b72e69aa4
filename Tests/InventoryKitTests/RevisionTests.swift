import InventoryKit
import Testing

/// What a revision can be refused for, in the order in which a client is told.
enum RevisionObstacle: Int, CaseIterable, Sendable {
    case archived, etag, version, stock, invalid
}

@Suite("A revision of a product")
struct RevisionTests {
    private let elsewhere = ETag(version: 9, stockVersion: 9)

    private func revision(
        _ change: CatalogueChange = CatalogueChange(), etags: [ETag]? = nil, version: Int64? = nil,
        stock: Revision.ClaimedStock? = nil
    ) throws -> Revision {
        Revision(
            id: try anID(), change: .merge(change), expectedETags: etags, expectedVersion: version, claimedStock: stock
        )
    }

    @Test("replaces the catalogue, or merges into it")
    func changes() throws {
        let product = try aProduct()
        let other = try aCatalogue(sku: "OTHER", threshold: nil, attributes: [:])
        let replaced = try Revision(id: product.id, change: .replace(other)).decide(on: product)
        #expect(replaced == other)

        var change = CatalogueChange()
        change.name = try ProductName("Another")
        let merged = try revision(change).decide(on: product)
        var expected = product.catalogue
        expected.name = try ProductName("Another")
        #expect(merged == expected)
    }

    @Test("of an archived product is refused")
    func archived() throws {
        let product = try aProduct(archivedAt: noon)
        let revision = try revision()
        #expect(throws: InventoryError.archived(product.id, at: noon)) { try revision.decide(on: product) }
    }

    @Test("needs the product in one of the states that it expects")
    func etags() throws {
        let product = try aProduct()
        let other = try revision(etags: [elsewhere])
        let none = try revision(etags: [])
        let stockMoved = try revision(etags: [ETag(version: 3, stockVersion: 16)])
        for revision in [other, none, stockMoved] {
            #expect(throws: InventoryError.preconditionFailed(current: product.etag)) {
                try revision.decide(on: product)
            }
        }
        let oneOfTwo = try revision(etags: [elsewhere, product.etag]).decide(on: product)
        #expect(oneOfTwo == product.catalogue)
    }

    @Test(
        "needs the catalogue version that it expects, whatever the stock did",
        arguments: [2, 4, 0, -1, 17] as [Int64]
    )
    func version(other: Int64) throws {
        let product = try aProduct()
        let revision = try revision(version: other)
        #expect(throws: InventoryError.preconditionFailed(current: product.etag)) { try revision.decide(on: product) }
        let expected = try self.revision(version: 3).decide(on: product)
        #expect(expected == product.catalogue)
    }

    @Test("cannot change the stock: each figure that it carries has to be what there is")
    func stock() throws {
        let product = try aProduct(onHand: 40, reserved: 2)
        let agreeing: [Revision.ClaimedStock] = [
            .init(), .init(onHand: 40), .init(reserved: 2), .init(available: 38),
            .init(onHand: 40, reserved: 2, available: 38),
        ]
        for claim in agreeing {
            let result = try revision(stock: claim).decide(on: product)
            #expect(result == product.catalogue)
        }
        let others: [Revision.ClaimedStock] = [
            .init(onHand: 41), .init(reserved: 3), .init(available: 40), .init(onHand: 40, reserved: 2, available: 40),
            .init(onHand: 41, reserved: 3, available: 38), .init(onHand: -1), .init(onHand: .min, available: .max),
        ]
        for claim in others {
            let revision = try revision(stock: claim)
            #expect(throws: InventoryError.refused(.useAdjust(current: product.stock), replayed: false)) {
                try revision.decide(on: product)
            }
        }
    }

    @Test("to what is no valid catalogue is refused with the place")
    func invalid() throws {
        let product = try aProduct()
        var change = CatalogueChange()
        change.price = CatalogueChange.PriceChange(amount: -1)
        let revision = try revision(change)
        let places = pointers { try revision.decide(on: product) }
        #expect(places == ["/price/amount"])
    }

    /// Everything from `first` on is wrong at once; what comes first is what is told.
    @Test("that is wrong in several ways is refused for the first of them", arguments: RevisionObstacle.allCases)
    func precedence(first: RevisionObstacle) throws {
        func has(_ obstacle: RevisionObstacle) -> Bool { obstacle.rawValue >= first.rawValue }
        let product = try aProduct(archivedAt: has(.archived) ? noon : nil)
        var change = CatalogueChange()
        if has(.invalid) { change.price = CatalogueChange.PriceChange(amount: -1) }
        let revision = try revision(
            change, etags: has(.etag) ? [elsewhere] : [product.etag], version: has(.version) ? 9 : 3,
            stock: Revision.ClaimedStock(onHand: has(.stock) ? 9 : 40)
        )
        let error = #expect(throws: InventoryError.self) { try revision.decide(on: product) }
        switch first {
        case .archived: #expect(error == .archived(product.id, at: noon))
        case .etag, .version: #expect(error == .preconditionFailed(current: product.etag))
        case .stock: #expect(error == .refused(.useAdjust(current: product.stock), replayed: false))
        case .invalid:
            let places = pointers { try revision.decide(on: product) }
            #expect(places == ["/price/amount"])
        }
    }
}
