import InventoryKit

/// Puts all figures together.
struct StatsReader: Sendable {
    let observer: RequestObserver
    let places: Places
    let history: StatsHistory
    let cache: any ProductCache
    let clock: any WallClock
    let began: ContinuousClock.Instant

    func snapshot() -> StatsSnapshot {
        let minute = history.latencyCounts(over: .seconds(60))
        var figures = StatsSnapshot.Cache(cache.condition, cache.statistics)
        figures.rate10s = history.hitRate(over: .seconds(10))
        figures.rate60s = history.hitRate(over: .seconds(60))
        figures.rateEver = StatsHistory.hitRate(from: CacheStatistics(), to: cache.statistics)
        var snapshot = StatsSnapshot(
            at: clock.now().rfc3339, uptimeSeconds: (ContinuousClock.now - began) / .seconds(1),
            inFlight: places.inUse,
            latency: observer.traffic.latencyCounts.sorted { $0.key < $1.key }.map { [UInt64($0.key), $0.value] },
            requestsPerSecond: history.requestsPerSecond(over: .seconds(10)), cache: figures,
            residentBytes: ProcessFigures.residentBytes)
        snapshot.requests = observer.traffic.requests
        snapshot.responses = observer.traffic.responses
        snapshot.latencyP50Ns = LatencyBuckets.percentile(0.5, of: minute)
        snapshot.latencyP99Ns = LatencyBuckets.percentile(0.99, of: minute)
        return snapshot
    }
}
