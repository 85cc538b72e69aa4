import InventoryKit

/// Whether the store answers, asked for many at once: everybody may ask as often as they like, with no key and under no
/// limit, and the store hears of it four times a second at most.
actor Readiness {
    private static let freshness = Duration.milliseconds(250)

    private let store: any InventoryStore
    private var last: (began: ContinuousClock.Instant, check: Task<Void, any Error>)?
    private var isUnderWay = false

    init(of store: any InventoryStore) {
        self.store = store
    }

    /// - Throws: what the store threw.
    func check() async throws {
        if let last, isUnderWay || last.began.duration(to: .now) < Self.freshness { return try await last.check.value }
        let check = Task { [store] in try await store.checkReadiness() }
        last = (.now, check)
        isUnderWay = true
        defer { isUnderWay = false }
        try await check.value
    }
}
