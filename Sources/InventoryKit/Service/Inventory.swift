/// The use cases: what can be done with an inventory, whoever asks and whatever stores it.
///
/// It gives requests their identity, asks the store, and keeps the cache in line; rules about stock and catalogue are
/// the model's, and deciding is the store's.
package struct Inventory: Sendable {
    package let store: any InventoryStore
    package let cache: any ProductCache
    package let figures = StockFigures()
    private let clock: any WallClock

    package init(store: any InventoryStore, cache: any ProductCache, clock: any WallClock = SystemClock()) {
        self.store = store
        self.cache = cache
        self.clock = clock
    }

    // MARK: Products

    /// The document of one product, by id or by SKU.
    ///
    /// - Throws: ``InventoryError/notFound(_:)``, or what the store throws.
    package func document(_ reference: ProductReference) async throws(InventoryError) -> (
        ProductDocument, CachedDocument.Source
    ) {
        switch reference {
        case .id(let id):
            let cached = try await cached(id)
            guard let document = cached.document else { throw Self.noProduct(reference) }
            return (document, cached.source)
        case .sku(let sku):
            // A SKU may have moved to another product since it was seen, so the document itself has the last word.
            if let id = cache.hint(for: sku) {
                let cached = try await cached(id)
                if let document = cached.document, document.sellsAs(sku) { return (document, cached.source) }
            }
            let id = try await id(of: reference)
            let cached = try await cached(id)
            guard let document = cached.document, document.sellsAs(sku) else { throw Self.noProduct(reference) }
            return (document, cached.source)
        }
    }

    package func products(_ ids: [ProductID]) async throws(InventoryError) -> [Product] {
        try await store.products(ids)
    }

    package func page(of query: ProductQuery) async throws(InventoryError) -> Page<Product> {
        try await store.page(of: query)
    }

    package func create(_ draft: ProductDraft, by requester: Requester) async throws(InventoryError) -> Created {
        let now = clock.now()
        let origin = Idempotency.origin(
            of: requester, operation: "create", target: "", request: draft.canonical, now: now
        )
        let creation = Creation(
            id: productID(for: origin, now: now), catalogue: draft.catalogue, opening: draft.opening, origin: origin
        )
        let created = try await store.create(creation)
        try await cache.settle([created.product])
        return created
    }

    package func revise(_ revision: Revision) async throws(InventoryError) -> Product {
        try await cache.write(revision.id) { () async throws(InventoryError) in
            let product = try await store.revise(revision)
            return Written(outcome: product, product: product)
        }
    }

    package func archive(_ id: ProductID, expectedETags: [ETag]?) async throws(InventoryError) {
        try await cache.write(id) { () async throws(InventoryError) in
            let product = try await store.archive(id, expectedETags: expectedETags)
            return Written(outcome: (), product: product)
        }
    }

    // MARK: Stock

    package func move(
        _ reference: ProductReference, _ change: StockCommand.Change, reason: StockReason? = nil,
        note: Reference? = nil,
        by requester: Requester
    ) async throws(InventoryError) -> StockOutcome {
        let command = StockCommand(
            product: reference, change: change, reason: reason, reference: note,
            origin: Idempotency.origin(
                of: requester, operation: change.operation, target: reference.canonical,
                request: StockCommand.canonical(change: change, reason: reason, reference: note), now: clock.now()
            )
        )
        do {
            let outcome = try await cache.write(likelyID(of: reference)) { () async throws(InventoryError) in
                let outcome = try await store.move(command)
                return Written(outcome: outcome, product: outcome.product, isOwn: !outcome.replayed)
            }
            figures.count(outcome, of: change)
            return outcome
        } catch {
            figures.count(error)
            throw error
        }
    }

    /// - Throws: ``InventoryError/notFound(_:)`` when there is no such purchase, or what the store throws.
    package func purchase(_ id: OperationID) async throws(InventoryError) -> Movement {
        guard let movement = try await store.movement(id), movement.kind == .sale else {
            throw .notFound("There is no purchase \(id.text).")
        }
        return movement
    }

    package func page(of query: MovementQuery) async throws(InventoryError) -> Page<Movement> {
        try await store.page(of: query)
    }

    package func stock(of reference: ProductReference, at time: Timestamp) async throws(InventoryError) -> (
        ProductID, StockMoment
    ) {
        let id = try await id(of: reference)
        guard let moment = try await store.stock(of: id, at: time) else { throw Self.noProduct(reference) }
        return (id, moment)
    }

    /// The id behind a reference that has to name a product.
    ///
    /// - Throws: ``InventoryError/notFound(_:)``, or what the store throws.
    package func id(of reference: ProductReference) async throws(InventoryError) -> ProductID {
        guard let product = try await store.product(reference) else { throw Self.noProduct(reference) }
        return product.id
    }

    // MARK: Bulk loads

    /// Performs rows of a bulk load in their order, and says of each what became of it.
    package func load(_ rows: [BatchRow], by requester: Requester) async -> [Result<Upserted, InventoryError>] {
        let now = clock.now()
        let results = await store.upsert(
            rows.map { row in
                let origin = Idempotency.origin(
                    of: requester, operation: "batch", target: "", line: row.line, request: row.canonical, now: now
                )
                return UpsertRow(
                    sku: row.sku, change: row.change, opening: row.opening, id: productID(for: origin, now: now),
                    origin: origin
                )
            }
        )
        do { try await cache.settle(results.compactMap { try? $0.get().product }) } catch {
            return results.map { $0.flatMap { _ in .failure(error) } }
        }
        return results
    }

    // MARK: Parts

    private func cached(_ id: ProductID) async throws(InventoryError) -> CachedDocument {
        try await cache.document(id) { () async throws(InventoryError) in try await store.product(.id(id)) }
    }

    /// The product whose cached document a command will make out of date, as far as is known without asking the store.
    /// What the command acts on the store decides.
    private func likelyID(of reference: ProductReference) -> ProductID? {
        switch reference {
        case .id(let id): id
        case .sku(let sku): cache.hint(for: sku)
        }
    }

    /// With a key the product's identity is made from the request's, so that a repetition meets it.
    private func productID(for origin: Origin, now: Timestamp) -> ProductID {
        origin.isRepeatable ? ProductID(of: origin.id) : ProductID(at: now)
    }

    /// What is told of a reference that names no product.
    package static func noProduct(_ reference: ProductReference) -> InventoryError {
        .notFound("There is no product \(reference.canonical).")
    }
}
