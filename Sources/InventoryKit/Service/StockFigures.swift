import Synchronization

/// What became of the stock since the process began, counted without locks. Replays count as such and as nothing else.
package final class StockFigures: Sendable {
    package struct Totals: Sendable, Equatable {
        package var purchases: UInt64 = 0
        package var unitsSold: UInt64 = 0

        /// Adjustments and counts.
        package var corrections: UInt64 = 0
        package var replays: UInt64 = 0

        /// Purchases, adjustments and counts that the state did not allow, by the name of the reason.
        package var refusals: [String: UInt64] = [:]
    }

    private static let reasons = [
        "insufficient-stock", "stock-limit", "over-max-per-order", "price-changed", "stock-changed", "archived",
        "other",
    ]

    private final class Counter: Sendable {
        let value = Atomic<UInt64>(0)
        func add(_ count: UInt64 = 1) { value.add(count, ordering: .relaxed) }
        var total: UInt64 { value.load(ordering: .relaxed) }
    }

    private let purchases = Counter()
    private let units = Counter()
    private let corrections = Counter()
    private let replays = Counter()
    private let refusals = StockFigures.reasons.map { _ in Counter() }

    package init() {}

    package var totals: Totals {
        Totals(
            purchases: purchases.total, unitsSold: units.total, corrections: corrections.total, replays: replays.total,
            refusals: Dictionary(zip(Self.reasons, refusals.map(\.total))) { $1 })
    }

    func count(_ outcome: StockOutcome, of change: StockCommand.Change) {
        guard !outcome.replayed else { return replays.add() }
        guard case .purchase(let quantity, _) = change else { return corrections.add() }
        purchases.add()
        units.add(UInt64(clamping: quantity.units))
    }

    func count(_ error: InventoryError) {
        let reason: String
        switch error {
        case .refused(_, replayed: true): return replays.add()
        case .refused(let refusal, _): reason = refusal.record[0].string ?? "other"
        case .archived: reason = "archived"
        default: return
        }
        let index = Self.reasons.firstIndex(of: reason) ?? Self.reasons.count - 1
        refusals[index].add()
    }
}
