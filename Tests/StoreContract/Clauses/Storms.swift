import InventoryKit
import TestSupport
import Testing

extension StoreContract {
    static let storms = [
        Clause("After a storm of changes the ledger adds up to what was told", stormAddsUp),
        Clause("Buyers who send again and again get one unit each, and no more than there are", retriesDoNotOversell),
    ]

    /// A store that fails it loses, doubles or invents movements under load, or tells somebody of a change that the
    /// ledger does not know.
    package func stormAddsUp() async throws {
        var products: [Product] = []
        for number in 0..<4 { products.append(try await given("A-\(number)", opening: 20, most: 12)) }
        let told = try await atOnce(8) { [products] task in
            var numbers = SeededRandom(seed: UInt64(task))
            var told: [Told] = []
            for _ in 0..<60 {
                clock.advance(milliseconds: Int64.random(in: -20...30, using: &numbers))
                let command = try await stormCommand(on: products, using: &numbers)
                told.append(Told(id: command.origin.id, outcome: await move(command)))
            }
            return told
        }.flatMap(\.self)

        #expect(told.compactMap(\.outcome.failure).allSatisfy { $0.refusal != nil })
        #expect(try await LedgerAudit.violations(in: store, pageSize: 7) == [])
        let ledger = try await listing(MovementQuery(limit: Bounds.pageSize)).filter { $0.kind != .opening }
        let movements = Dictionary(uniqueKeysWithValues: ledger.map { ($0.id, $0) })
        let answers = Dictionary(grouping: told, by: \.id)
        for (id, answers) in answers {
            let happened = answers.compactMap(\.outcome.success)
            #expect(happened.allSatisfy { $0.movement == movements[id] }, "what was told is what the ledger says")
            #expect(Set(answers.map(\.decision)).count == 1, "all repetitions are told the same")
            #expect(answers.filter { !$0.isReplayed }.count == 1, "one of them happened, the others are told of it")
        }
        #expect(Set(told.compactMap(\.outcome.success?.movement.id)) == Set(movements.keys))
        // A storm in which nothing happens, is refused or is repeated would show nothing.
        #expect(movements.count > 50 && answers.count < told.count && told.contains { $0.outcome.failure != nil })
    }

    /// A store that fails it looks a key up before the stock is decided, and not once more with it.
    package func retriesDoNotOversell() async throws {
        let product = try await given("A-1", opening: 3)
        let told = try await atOnce(100) { number in
            let command = try Sample.purchase(of: .sku(product.catalogue.sku), key: "buyer-\(number % 20)")
            return Told(id: command.origin.id, outcome: await move(command))
        }
        let byBuyer = Dictionary(grouping: told, by: \.id).values
        #expect(byBuyer.count == 20)
        for answers in byBuyer {
            #expect(Set(answers.map(\.decision)).count == 1)
            #expect(answers.filter { !$0.isReplayed }.count == 1)
        }
        #expect(byBuyer.filter { $0[0].outcome.success != nil }.count == 3)
        let refusal = Refusal.insufficientStock(requested: 1, current: .empty)
        #expect(told.compactMap(\.outcome.failure).allSatisfy { $0.refusal?.refusal == refusal })
        #expect(try await stock(of: product.id) == StockMoment(stock: .empty, stockVersion: 4))
    }

    /// Every third command comes with one of a few keys, and is then the same whenever that key comes.
    private func stormCommand(on products: [Product], using numbers: inout SeededRandom) async throws -> StockCommand {
        guard Int.random(in: 0..<3, using: &numbers) == 0 else {
            let product = products[Int.random(in: 0..<4, using: &numbers)]
            return try Self.randomCommand(on: try await self.product(product.id), using: &numbers)
        }
        let key = Int.random(in: 0..<40, using: &numbers)
        var keyed = SeededRandom(seed: UInt64(1_000 + key))
        return try Self.randomCommand(on: products[key % 4], using: &keyed, key: "key-\(key)")
    }
}

/// What somebody was told about a request.
private struct Told: Sendable {
    let id: OperationID
    let outcome: Result<StockOutcome, InventoryError>

    var isReplayed: Bool {
        switch outcome {
        case .success(let outcome): outcome.replayed
        case .failure(let error): error.refusal?.replayed ?? false
        }
    }

    /// What has to be the same whenever it is told.
    var decision: Decision {
        switch outcome {
        case .success(let outcome): .happened(outcome.movement)
        case .failure(.refused(let refusal, _)): .refused(refusal)
        case .failure(let error): .failed(error)
        }
    }

    enum Decision: Hashable {
        case happened(Movement)
        case refused(Refusal)
        case failed(InventoryError)
    }
}
