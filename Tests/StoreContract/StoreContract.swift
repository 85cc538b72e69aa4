import InventoryKit
import Testing

/// What every store promises (``InventoryStore``), in clauses that are checked one by one, each on a store of its own.
///
/// The clauses are methods in `Clauses/`, by theme; each theme lists its own.
package struct StoreContract: Sendable {
    let store: any InventoryStore
    let clock: TestClock

    package static let clauses: [Clause] = [
        creating, reading, revising, preconditions, archiving, moving, history, races, storms, repeatedMoves,
        repeatedRefusals, repeatedCreations, upserting, repeatedRows, productPages, changingPages, productFilters,
        wordSearch, movementPages, reopening, keys,
    ].flatMap(\.self)

    /// The clauses about changes of stock.
    package static let moves: [Clause] = [moving, races, storms, repeatedMoves, repeatedRefusals].flatMap(\.self)

    /// One promise.
    package struct Clause: Sendable, CustomStringConvertible {
        package let description: String
        private let body: @Sendable (any StoreFixture) async throws -> Void

        /// - Parameter clause: is given an open store. Whatever it did, the ledger has to add up afterwards.
        init(_ description: String, _ clause: @escaping @Sendable (StoreContract) -> () async throws -> Void) {
            self.init(description) { fixture in
                try await StoreContract.withStore(of: fixture) { try await clause($0)() }
            }
        }

        /// - Parameter body: opens and closes the store itself.
        init(_ description: String, onFixture body: @escaping @Sendable (any StoreFixture) async throws -> Void) {
            self.description = description
            self.body = body
        }

        /// Checks the promise on a new store; what is not kept is recorded as an issue of the current test.
        package func check(on fixture: any StoreFixture) async throws {
            let outcome: Result<Void, any Error>
            do { outcome = .success(try await body(fixture)) } catch { outcome = .failure(error) }
            try await fixture.discard()
            try outcome.get()
        }
    }

    /// Opens the fixture's store for the length of `body`, after which its ledger has to add up.
    static func withStore(
        of fixture: any StoreFixture, clock: TestClock = TestClock(),
        _ body: @Sendable (StoreContract) async throws -> Void
    ) async throws {
        let store = try await fixture.makeStore(clock: clock)
        do {
            try await body(StoreContract(store: store, clock: clock))
            let violations = try await LedgerAudit.violations(in: store)
            #expect(violations == [], "the ledger has to add up after every clause")
        } catch {
            await store.close()
            throw error
        }
        await store.close()
    }
}
