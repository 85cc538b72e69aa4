/// What operators ask of a store as a whole.
package protocol StoreAdministration: InventorySource {
    /// This very store, to be imported into while it is empty. Whoever asked closes it.
    func makeDestination() -> any InventoryDestination

    /// Makes a copy of the store as it is now, which is whole and has been looked through, while it is written to.
    ///
    /// - Parameter goesOn: asked now and then; the copy is given up when it says no.
    /// - Throws: ``BackupError``.
    func makeCopy(while goesOn: @escaping @Sendable () -> Bool) async throws(BackupError) -> any StoreCopy

    /// Derives anew what a product has that follows from its other fields, where it is not what follows from them.
    ///
    /// - Parameter dryRun: only tells.
    func mend(_ id: ProductID, dryRun: Bool) async throws(InventoryError) -> LedgerRepair.Finding

    /// Sets a product's stock to what its ledger leads to.
    ///
    /// - Parameters:
    ///   - product: as it was seen, with the wrong stock; where it is another by now, nothing happens.
    ///   - last: the last movement of its ledger, which has been found whole.
    /// - Returns: the product as it is then; nothing where it has not happened.
    func restore(_ product: Product, to last: Movement) async throws(InventoryError) -> Product?
}

/// A copy of a store, as the bytes of one file. It takes room on the disk for as long as this object lives.
package protocol StoreCopy: Sendable {
    /// In bytes.
    var size: Int64 { get }

    /// Some bytes from that place on; none at the end. It blocks.
    ///
    /// - Throws: ``BackupError/failed(_:)``.
    func bytes(from offset: Int64, atMost count: Int) throws(BackupError) -> [UInt8]
}

/// Why there is no copy of a store, in words for the operator.
package enum BackupError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Another tool is for that.
    case unsupported(String)

    /// One is being made, or fetched.
    case underWay

    /// In bytes, on the disk of that directory.
    case noRoom(needed: Int64, free: Int64, directory: String)

    /// The service stops.
    case calledOff
    case failed(String)

    package var description: String {
        switch self {
        case .unsupported(let detail): detail
        case .underWay: "Another backup is being made or fetched. Wait for it, and try again."
        case .noRoom(let needed, let free, let directory):
            "The copy takes \(needed >> 20) MiB in \(directory) until it has been fetched, and \(free >> 20) MiB are free. "
                + "Make room, or stop the daemon and copy the file."
        case .calledOff: "The service is stopping, so there is no backup."
        case .failed(let detail): "The store cannot be copied: \(detail)."
        }
    }
}
