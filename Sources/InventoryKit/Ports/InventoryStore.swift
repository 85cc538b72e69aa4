/// Where the truth is kept. Each change is one intention that carries all of its conditions, and a store decides it
/// as a whole: when a call returns, what it tells is durable and was decided against every change before it.
///
/// Every store passes `Tests/StoreContract`.
///
/// All calls throw ``InventoryError``; `unavailable(.outcomeUnknown)` is the only one after which a change may have
/// happened, and the same request with the same idempotency key tells whether it has.
package protocol InventoryStore: Sendable {
    // MARK: Reading

    /// The product as it is, archived ones included when asked for by id; by SKU only those that are not archived.
    func product(_ reference: ProductReference) async throws(InventoryError) -> Product?

    /// Those of the products that exist, in the order asked for.
    func products(_ ids: [ProductID]) async throws(InventoryError) -> [Product]

    func page(of query: ProductQuery) async throws(InventoryError) -> Page<Product>

    func movement(_ id: OperationID) async throws(InventoryError) -> Movement?

    /// Movements, the newest first.
    func page(of query: MovementQuery) async throws(InventoryError) -> Page<Movement>

    /// What the stock was at that moment; `nil` where there is no such product.
    func stock(of id: ProductID, at time: Timestamp) async throws(InventoryError) -> StockMoment?

    // MARK: Changing

    /// Creates a product and its opening movement, if the SKU is free.
    func create(_ creation: Creation) async throws(InventoryError) -> Created

    /// Creates or changes products by SKU, in the order of the rows, each by itself. A row that fails does not keep
    /// the others from happening.
    func upsert(_ rows: [UpsertRow]) async -> [Result<Upserted, InventoryError>]

    func revise(_ revision: Revision) async throws(InventoryError) -> Product

    /// Takes a product out of lists and sale for good and frees its SKU. A second time changes nothing.
    func archive(_ id: ProductID, expectedETags: [ETag]?) async throws(InventoryError) -> Product

    /// Changes a stock, exactly once for each identity of the command.
    func move(_ command: StockCommand) async throws(InventoryError) -> StockOutcome

    // MARK: Operating

    /// Asks the store whether it can answer, and throws why not.
    func checkReadiness() async throws(InventoryError)

    /// What it has done and has to do.
    var statistics: StoreStatistics { get }

    /// Finishes what is under way and lets go of the store. No call may follow.
    func close() async
}

/// A product to be created.
package struct Creation: Sendable {
    package let id: ProductID
    package let catalogue: Catalogue

    /// Units on the shelf to begin with; above 0 they become an `opening` movement.
    package let opening: Balance
    package let origin: Origin

    package init(id: ProductID, catalogue: Catalogue, opening: Balance, origin: Origin) {
        self.id = id
        self.catalogue = catalogue
        self.opening = opening
        self.origin = origin
    }

    /// The product as it begins, with its opening movement.
    package func begin(at now: Timestamp) -> (product: Product, opening: Movement?) {
        let stock = StockLevel(opening: opening)
        let movement =
            opening.units == 0
            ? nil
            : Movement(
                id: origin.id, productID: id, sku: catalogue.sku, seq: 1, kind: .opening, delta: opening.units,
                stock: stock,
                actor: origin.actor, requestID: origin.requestID, at: now
            )
        let product = Product(
            id: id, catalogue: catalogue, stock: stock, version: 1, stockVersion: movement?.seq ?? 0,
            createdAt: now, updatedAt: now
        )
        return (product, movement)
    }
}

package struct Created: Hashable, Sendable {
    package let product: Product
    package let replayed: Bool

    package init(product: Product, replayed: Bool) {
        self.product = product
        self.replayed = replayed
    }
}

/// A row of a bulk load: creates the product of that SKU, or changes the fields it names.
package struct UpsertRow: Sendable {
    package let sku: SKU
    package let change: CatalogueChange

    /// Units to begin with; they count only where the row creates.
    package let opening: Balance?

    /// The identity the product gets if the row creates it.
    package let id: ProductID
    package let origin: Origin

    package init(sku: SKU, change: CatalogueChange, opening: Balance?, id: ProductID, origin: Origin) {
        self.sku = sku
        self.change = change
        self.opening = opening
        self.id = id
        self.origin = origin
    }

    /// The creation that the row stands for where there is no such product.
    ///
    /// - Throws: ``InventoryError/invalid(_:)`` naming what a new product cannot do without.
    package func creation() throws(InventoryError) -> Creation {
        var faults: [Fault] = []
        func isMissing(_ pointer: String) { faults.append(Fault(at: pointer, "is required to create a product")) }
        if change.name == nil { isMissing("/name") }
        if change.price?.amount == nil { isMissing("/price/amount") }
        if change.price?.currency == nil { isMissing("/price/currency") }
        guard faults.isEmpty, let name = change.name, let amount = change.price?.amount,
            let currency = change.price?.currency
        else { throw .invalid(faults) }
        let price: Money
        do { price = try Money(amount: amount, currency: currency) } catch {
            throw .invalid([Fault(at: "/price/amount", error)])
        }
        let catalogue = try change.applied(to: Catalogue(sku: sku, name: name, price: price))
        return Creation(id: id, catalogue: catalogue, opening: opening ?? .zero, origin: origin)
    }
}

/// What became of a row.
package struct Upserted: Hashable, Sendable {
    package enum Status: String, Sendable {
        case created, updated, unchanged
    }

    package let status: Status
    package let product: Product

    /// Whether the row named a stock that did not count, because the product was there already.
    package let keptStock: Bool

    /// Whether this is the answer that the same row got before, under the same key.
    package let replayed: Bool

    package init(status: Status, product: Product, keptStock: Bool, replayed: Bool = false) {
        self.status = status
        self.product = product
        self.keptStock = keptStock
        self.replayed = replayed
    }
}
