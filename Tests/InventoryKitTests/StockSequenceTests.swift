import InventoryKit
import TestSupport
import Testing

@Suite("A long run of stock commands")
struct StockSequenceTests {
    /// No outcome is predicted here by a second copy of the rules. Instead each one is held against what it claims: a
    /// change must break no rule, and a refusal must be true.
    @Test("keeps every balance in its bounds and the ledger without gaps", arguments: seeds)
    func randomCommands(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var product = try start(&random)
        let beginning = product
        var lastMovementAt: Timestamp?
        var movements: [Movement] = []
        var refusals: Set<String> = []
        for step in 0..<2_000 {
            if random.int(0...20) == 0 {
                // Elsewhere somebody reserves and releases units.
                product.stock = try StockLevel(
                    onHand: product.stock.onHand, reserved: random.int64(0...min(product.stock.onHand, 20))
                )
            }
            let place = "seed \(seed), step \(step)"
            let command = try aCommand(change(for: product, &random))
            let now = Timestamp(milliseconds: noon.milliseconds + random.int64(-5_000...5_000))
            do throws(InventoryError) {
                let movement = try command.decide(on: product, lastMovementAt: lastMovementAt, now: now)
                check(movement, after: product, lastMovementAt, now, place)
                #expect(brokenRule(command.change, on: product) == nil, "\(place), \(command.change)")
                product.stock = movement.stock
                product.stockVersion = movement.seq
                lastMovementAt = movement.at
                movements.append(movement)
            } catch {
                guard case .refused(let refusal, replayed: _) = error else { throw error }
                #expect(isTrue(refusal, of: product), "\(place), \(command.change), \(refusal)")
                refusals.insert(code(of: refusal))
            }
        }
        let total = movements.reduce(beginning.stock.onHand) { $0 + $1.delta }
        #expect(total == product.stock.onHand, "seed \(seed)")
        #expect(product.stockVersion == beginning.stockVersion + Int64(movements.count), "seed \(seed)")
        // The run would say little if nearly everything happened, or nearly nothing did.
        #expect(movements.count > 200, "seed \(seed)")
        #expect(refusals == ["insufficient", "limit", "over", "price", "changed"], "seed \(seed)")
    }

    private func start(_ random: inout SeededRandom) throws -> Product {
        let onHand = random.bool() ? random.int64(0...50) : most - random.int64(0...50)
        return try aProduct(aCatalogue(most: 15), onHand: onHand, reserved: min(onHand, 3))
    }

    private func change(for product: Product, _ random: inout SeededRandom) throws -> StockCommand.Change {
        let onHand = product.stock.onHand
        switch random.int(0...5) {
        case 0, 1:
            let price = try random.pick([nil, nil, product.catalogue.price, money(254)])
            return .purchase(try Quantity(random.int64(1...18)), expectedUnitPrice: price)
        case 2: return .adjust(try StockDelta(random.int64(1...40)))
        case 3: return .adjust(try StockDelta(random.int64(-60 ... -1)))
        case 4:
            // Leaps between both ends of the range, for that is where the rules are.
            let near = min(most, max(0, onHand + random.int64(-10...10)))
            let counted = random.pick([near, random.int64(0...50), most - random.int64(0...50)])
            return .count(try Balance(counted), expectedOnHand: try Balance(onHand))
        default:
            return .count(try Balance(random.int64(0...50)), expectedOnHand: try Balance(random.int64(0...50)))
        }
    }

    private func check(
        _ movement: Movement, after product: Product, _ lastMovementAt: Timestamp?, _ now: Timestamp, _ place: String
    ) {
        let stock = movement.stock
        #expect(0 <= stock.reserved && stock.reserved <= stock.onHand && stock.onHand <= most, "\(place)")
        #expect(stock.onHand == product.stock.onHand + movement.delta, "\(place)")
        #expect(stock.reserved == product.stock.reserved + movement.reservedDelta, "\(place)")
        #expect(movement.seq == product.stockVersion + 1, "\(place)")
        #expect(movement.at >= now && movement.at >= lastMovementAt ?? now, "\(place)")
    }

    /// A rule, besides those about balances, that the change would break.
    private func brokenRule(_ change: StockCommand.Change, on product: Product) -> String? {
        switch change {
        case .purchase(let quantity, let price):
            if let price, price != product.catalogue.price { return "another price" }
            return quantity.units > 15 ? "over 15 in one order" : nil
        case .adjust: return nil
        case .count(_, let expected): return expected.units == product.stock.onHand ? nil : "other books"
        }
    }

    private func isTrue(_ refusal: Refusal, of product: Product) -> Bool {
        switch refusal {
        case .insufficientStock(let requested, let current):
            current == product.stock && requested > current.available
        case .stockLimit(let delta, let current): current == product.stock && current.onHand + delta > most
        case .overMaxPerOrder(let requested, let limit): limit == 15 && requested > 15
        case .priceChanged(let expected, let current): current == product.catalogue.price && expected != current
        case .stockChanged(let expected, let current): current == product.stock && expected != current.onHand
        case .skuTaken, .useAdjust: false
        }
    }

    private func code(of refusal: Refusal) -> String {
        switch refusal {
        case .insufficientStock: "insufficient"
        case .stockLimit: "limit"
        case .overMaxPerOrder: "over"
        case .priceChanged: "price"
        case .stockChanged: "changed"
        case .skuTaken, .useAdjust: "other"
        }
    }
}
