/// Where API keys are kept, for all daemons of one inventory.
///
/// There are few of them (``Bounds/keys``), so whoever checks them keeps all of them at hand.
package protocol APIKeyRegister: Sendable {
    /// All keys, ended ones too, by owner.
    func keys() async throws(InventoryError) -> [APIKey]

    /// Keeps a key, durably, if what is kept of its owner is of the version that the change was based on.
    ///
    /// - Parameter version: of the key that it takes the place of; nothing where its owner has none.
    /// - Returns: whether it did; else another change came first.
    func save(_ key: APIKey, replacing version: Int64?) async throws(InventoryError) -> Bool

    /// Notes when keys were last used. A later time stays, and an owner without a key is left out.
    func noteUses(_ uses: [KeyOwner: Timestamp]) async throws(InventoryError)
}
