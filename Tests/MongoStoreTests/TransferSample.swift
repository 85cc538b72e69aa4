import InventoryKit
import StoreContract
import Testing

/// What is asked of a store that can be asked again.
struct KeyedRequest: Sendable {
    /// What was answered, but for whether it had been before.
    enum Answer: Equatable {
        case moved(Movement, Product)
        case created(Product)
        case loaded([Result<Upserted, InventoryError>])
        case refused(Refusal)
        case failed(InventoryError)
    }

    let name: String

    /// Asks; `replayed` is `nil` where the answer does not tell.
    let ask: @Sendable (any InventoryStore) async -> (answer: Answer, replayed: Bool?)

    static func move(_ command: StockCommand) -> KeyedRequest {
        KeyedRequest(name: "\(command.kind) \(command.product.canonical)") { store in
            do {
                let outcome = try await store.move(command)
                return (.moved(outcome.movement, outcome.product), outcome.replayed)
            } catch { return answer(error) }
        }
    }

    static func creation(_ creation: Creation) -> KeyedRequest {
        KeyedRequest(name: "creation of \(creation.catalogue.sku.text)") { store in
            do {
                let created = try await store.create(creation)
                return (.created(created.product), created.replayed)
            } catch { return answer(error) }
        }
    }

    static func row(_ row: UpsertRow) -> KeyedRequest {
        KeyedRequest(name: "row of \(row.sku.text)") { store in (.loaded(await store.upsert([row])), nil) }
    }

    private static func answer(_ error: any Error) -> (Answer, Bool?) {
        switch error {
        case InventoryError.refused(let refusal, let replayed): (.refused(refusal), replayed)
        case let error as InventoryError: (.failed(error), nil)
        default: (.failed(.notFound("\(error)")), nil)
        }
    }
}

/// A store with everything in it that can be in one.
struct TransferSample {
    private static let nasty = ["$on_hand", "$$ROOT", "$", "a.b.c", "{\"$gt\": \"\"}", "e\u{301} 👩‍👩‍👧‍👦 \u{202E}"]

    /// Everything that can be in a store.
    ///
    /// - Returns: requests with keys, answered already.
    func fill(_ store: any InventoryStore) async throws -> [KeyedRequest] {
        var requests: [KeyedRequest] = []
        func ask(_ request: KeyedRequest) async {
            _ = await request.ask(store)
            requests.append(request)
        }
        for (place, text) in Self.nasty.enumerated() {
            let attributes = ["$set": text, "a.b": "", text: "value"]
            let catalogue = try Sample.catalogue(
                "N-\(place)", name: text, description: "\(text)\n\t\(text)", price: Bounds.exactInteger,
                currency: "JPY",
                threshold: 3, most: 7, attributes: attributes)
            await ask(KeyedRequest.creation(try Sample.creation(catalogue, opening: Int64(place), key: "k-\(place)")))
            let target = ProductReference.sku(try SKU("N-\(place)"))
            await ask(
                KeyedRequest.move(try Sample.purchase(1, of: target, reference: text, actor: text, key: "k-\(place)")))
        }
        let busy = try await store.create(try Sample.creation(try Sample.catalogue("Busy"), opening: 2_000)).product
        for number in 0..<60 {
            try await withThrowingTaskGroup { group in
                for _ in 0..<20 {
                    group.addTask {
                        _ = try await store.move(try Sample.purchase(1, of: .id(busy.id), reference: "order \(number)"))
                    }
                }
                try await group.waitForAll()
            }
        }
        try await moveAndRefuse(busy, store, ask)
        try await reuse(store, ask)
        return requests
    }

    private func moveAndRefuse(
        _ busy: Product, _ store: any InventoryStore, _ ask: (KeyedRequest) async -> Void
    ) async throws {
        let (id, sku) = (ProductReference.id(busy.id), ProductReference.sku(busy.catalogue.sku))
        for target in [id, sku] {
            await ask(KeyedRequest.move(try Sample.purchase(2, of: target, reference: "order 7", key: "p-1")))
            await ask(KeyedRequest.move(try Sample.adjust(-1, of: target, reason: .lost, key: "a-1")))
            await ask(KeyedRequest.move(try Sample.purchase(5_000, of: target, key: "short")))
            await ask(KeyedRequest.move(try Sample.purchase(1, of: target, at: try Sample.money(1), key: "price")))
            await ask(KeyedRequest.move(try Sample.count(1, expecting: 0, of: target, key: "count")))
        }
        let stock = try #require(try await store.product(id)).stock.onHand
        await ask(KeyedRequest.move(try Sample.count(stock, expecting: stock, of: id, key: "same")))
        _ = try? await store.move(try Sample.purchase(5_000, of: id))
        let limited = try await store.create(try Sample.creation(try Sample.catalogue("Few", most: 2), opening: 5))
            .product
        await ask(KeyedRequest.move(try Sample.purchase(3, of: .id(limited.id), key: "over")))
        let full = try Sample.creation(try Sample.catalogue("Full"), opening: Bounds.exactInteger)
        await ask(
            KeyedRequest.move(try Sample.adjust(1, of: .id(try await store.create(full).product.id), key: "full")))
        await ask(KeyedRequest.move(try Sample.adjust(Bounds.delta, of: sku, reason: .receive, key: "many")))
        // Of the same key another request.
        await ask(KeyedRequest.move(try Sample.purchase(3, of: id, key: "p-1")))
        await ask(KeyedRequest.move(try Sample.purchase(1, of: id, key: "short")))

        await ask(KeyedRequest.row(try Sample.row("R-1", opening: 5, line: 1, key: "load")))
        await ask(KeyedRequest.row(try Sample.row("R-2", line: 2, key: "load")))
        await ask(KeyedRequest.row(try Sample.row("R-1", name: "Loaded", opening: 9, line: 3, key: "load")))
        await ask(KeyedRequest.row(try Sample.row("R-2", line: 4, key: "load")))
        let product = try #require(try await store.product(.sku(try SKU("R-1"))))
        _ = try await store.revise(Revision(id: product.id, change: .merge(try Sample.change(sku: "R-3", amount: 9))))
        await ask(KeyedRequest.creation(try Sample.creation(try Sample.catalogue("busy"), opening: 1, key: "taken")))
        await ask(KeyedRequest.creation(try Sample.creation(try Sample.catalogue("Empty"), key: "empty")))
    }

    /// A SKU that three products have had, one after the other.
    private func reuse(_ store: any InventoryStore, _ ask: (KeyedRequest) async -> Void) async throws {
        for (round, sku) in ["S-1", "s-1", "S-1"].enumerated() {
            let creation = try Sample.creation(try Sample.catalogue(sku), opening: 10, key: "s-\(round)")
            await ask(KeyedRequest.creation(creation))
            await ask(KeyedRequest.move(try Sample.purchase(2, of: .sku(try SKU("S-1")), key: "round-\(round)")))
            await ask(KeyedRequest.move(try Sample.purchase(11, of: .sku(try SKU("S-1")), key: "refused-\(round)")))
            if round < 2 { _ = try await store.archive(creation.id, expectedETags: nil) }
        }
        let gone = try Sample.creation(try Sample.catalogue("Gone"), opening: 4, key: "gone")
        await ask(KeyedRequest.creation(gone))
        await ask(KeyedRequest.move(try Sample.purchase(1, of: .sku(try SKU("Gone")), key: "gone")))
        await ask(KeyedRequest.move(try Sample.purchase(9, of: .sku(try SKU("Gone")), key: "gone-too-far")))
        _ = try await store.archive(gone.id, expectedETags: nil)
    }
}
