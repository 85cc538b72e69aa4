package import InventoryKit

/// A place where one store can live, empty at first. All that a kind of store has to bring to be held to
/// ``StoreContract``:
///
///     @Test(arguments: StoreContract.clauses)
///     func keeps(_ clause: StoreContract.Clause) async throws {
///         try await clause.check(on: try SomeStoreFixture())
///     }
package protocol StoreFixture: Sendable {
    /// Opens the store of this place; after a `close` once more, with everything that it had told before.
    func makeStore(clock: any WallClock) async throws -> any InventoryStore

    /// Removes the place. No store of it is open any more.
    func discard() async throws
}
