import InventoryKit
import Testing

extension StoreContract {
    static let history = [
        Clause("The stock of any moment can be told", stockOfAnyMoment),
        Clause("Before its first movement a product had nothing", nothingBeforeTheFirstMovement),
        Clause("A ledger's time does not run back when the clock does", timeDoesNotRunBack),
    ]

    /// A store that fails it answers `at=` with the stock of another moment: off by one, or the wrong one of two
    /// movements of the same millisecond.
    package func stockOfAnyMoment() async throws {
        let product = try await given("A-1", opening: 10)
        let other = try await given("B-1", opening: 77)
        for delta: Int64 in [-1, -2, 5, -4] {
            try await clock.pass()
            // Two that may well have the same time.
            _ = try await store.move(try Sample.adjust(delta, of: .id(product.id)))
            _ = try await store.move(try Sample.adjust(1, of: .id(product.id)))
            _ = try await store.move(try Sample.adjust(100, of: .id(other.id)))
        }
        _ = try await store.archive(product.id, expectedETags: nil)

        let ledger = try await ledger(of: product.id)
        let moments = ledger.flatMap { [$0.at.plus(milliseconds: -1), $0.at, $0.at.plus(milliseconds: 1)] }
        for moment in moments + [TestClock.start.later, Timestamp(milliseconds: 0)] {
            let last = ledger.last { $0.at <= moment }
            let expected = StockMoment(stock: last?.stock ?? .empty, stockVersion: last?.seq ?? 0)
            #expect(try await store.stock(of: product.id, at: moment) == expected)
        }
        #expect(
            try await store.stock(of: product.id, at: TestClock.start.later)
                == StockMoment(stock: try StockLevel(onHand: 12, reserved: 0), stockVersion: 9)
        )
    }

    /// A store that fails it takes a product without movements for one that is not there.
    package func nothingBeforeTheFirstMovement() async throws {
        let nothing = StockMoment(stock: .empty, stockVersion: 0)
        let product = try await given("A-1", opening: 0)
        for moment in [product.createdAt.plus(milliseconds: -1), product.createdAt, TestClock.start.later] {
            #expect(try await store.stock(of: product.id, at: moment) == nothing)
        }
        try await clock.pass()
        let received = try await store.move(try Sample.adjust(5, of: .id(product.id), reason: .receive)).movement
        #expect(try await store.stock(of: product.id, at: received.at.plus(milliseconds: -1)) == nothing)
        #expect(
            try await store.stock(of: product.id, at: received.at)
                == StockMoment(stock: received.stock, stockVersion: 1)
        )
    }

    /// A store that fails it has a ledger that contradicts itself after a clock was corrected.
    package func timeDoesNotRunBack() async throws {
        let product = try await given("A-1", opening: 10)
        var last = try #require(try await ledger(of: product.id).last)
        for step: Int64 in [60_000, -90_000, 1, -3_600_000] {
            clock.advance(milliseconds: step)
            let movement = try await store.move(try Sample.purchase(of: .id(product.id))).movement
            #expect(movement.at >= last.at && movement.seq == last.seq + 1)
            last = movement
        }
        #expect(
            try await store.stock(of: product.id, at: last.at) == StockMoment(stock: last.stock, stockVersion: 5)
        )
    }
}
