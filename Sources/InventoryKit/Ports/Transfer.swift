/// An entry of everything that an inventory has, on its way from one store to another.
///
/// Entries have one order, in every file and from every store: each product, by id, followed by its movements, by `seq`;
/// after them all the outcomes, by id; last the API keys, by owner. So whoever reads them can check every ledger while
/// holding one movement.
package enum InventoryEntry: Hashable, Sendable {
    case product(ProductEntry)
    case movement(MovementEntry)
    case outcome(OutcomeEntry)

    /// Who had a key goes on with it: it is kept by the digests of its secrets.
    case key(APIKey)
}

/// A product with what the stores keep beside it.
package struct ProductEntry: Hashable, Sendable {
    package let product: Product

    /// What was asked for when a request that can be repeated created it.
    package let fingerprint: String?

    /// When the stock last moved; none where it never did.
    package let movedAt: Timestamp?

    package init(product: Product, fingerprint: String?, movedAt: Timestamp?) {
        self.product = product
        self.fingerprint = fingerprint
        self.movedAt = movedAt
    }
}

/// A movement with what the stores keep beside it.
package struct MovementEntry: Hashable, Sendable {
    package let movement: Movement

    /// What was asked for, where the request can be repeated.
    package let fingerprint: String?

    package init(movement: Movement, fingerprint: String?) {
        self.movement = movement
        self.fingerprint = fingerprint
    }
}

/// An answer that left no movement and is remembered for a repetition: a refusal, or a row of a bulk load.
package struct OutcomeEntry: Hashable, Sendable {
    package let id: OperationID
    package let fingerprint: String

    /// A ``Refusal/record``, or what a row did and to which product.
    package let record: JSON

    /// From then on it is forgotten.
    package let expiresAt: Timestamp

    package init(id: OperationID, fingerprint: String, record: JSON, expiresAt: Timestamp) {
        self.id = id
        self.fingerprint = fingerprint
        self.record = record
        self.expiresAt = expiresAt
    }

    /// How long such an answer is remembered.
    package static let lifetimeInMilliseconds: Int64 = 7 * 24 * 3_600 * 1_000
}

/// A store that hands out everything it has.
package protocol InventorySource: Sendable {
    /// Reads everything, whatever is sold meanwhile, in batches of bounded size: each product with its ledger as it is at
    /// one moment, and nothing older than the call.
    ///
    /// - Parameter take: gets the entries in their order; what it throws ends the reading.
    /// - Throws: ``TransferError/source(_:)``, and what `take` throws.
    func readEverything(
        _ take: ([InventoryEntry]) async throws(TransferError) -> Void
    ) async throws(TransferError)
}

/// A store that takes over everything another one had. It is empty before, and nobody else writes to it meanwhile.
package protocol InventoryDestination: Sendable {
    /// What it is, for people: `the database 127.0.0.1:27017/inventory`.
    var name: String { get }

    /// Looks whether an import may begin. It writes nothing.
    ///
    /// - Throws: ``TransferError/occupied(_:)`` or ``TransferError/unfinishedImport(_:)``.
    func check() async throws(TransferError)

    /// Marks it as being imported into. While the mark is there no other import begins and no daemon serves from it, so
    /// that one that broke off is never taken for a whole one.
    ///
    /// - Throws: ``TransferError/occupied(_:)`` or ``TransferError/unfinishedImport(_:)``, with nothing changed.
    func begin() async throws(TransferError)

    /// Takes entries over; when it returns they are durable. An owner who has an API key already keeps that one.
    ///
    /// - Throws: ``TransferError/doubled(_:)``, ``TransferError/destination(_:)``.
    func insert(_ entries: [InventoryEntry]) async throws(TransferError)

    /// Reads the products and movements back, in the order of entries: movements whose product is not there too.
    func readBack(
        _ take: ([InventoryEntry]) async throws(TransferError) -> Void
    ) async throws(TransferError)

    /// How many outcomes it holds that will be remembered beyond that time.
    func outcomeCount(expiringAfter time: Timestamp) async throws(TransferError) -> Int64

    /// Whose API keys it holds.
    func keyOwners() async throws(TransferError) -> Set<KeyOwner>

    /// Takes the mark away: from now on it may be served from.
    func finish() async throws(TransferError)

    /// Lets go of it. No call may follow.
    func close() async
}
