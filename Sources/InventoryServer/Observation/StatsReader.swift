import FoundationEssentials
import InventoryKit

/// Puts all figures together.
struct StatsReader: Sendable {
    let observer: RequestObserver
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
            inFlight: observer.underWay,
            latency: observer.traffic.latencyCounts.sorted { $0.key < $1.key }.map { [UInt64($0.key), $0.value] },
            requestsPerSecond: history.requestsPerSecond(over: .seconds(10)), cache: figures,
            residentBytes: Self.residentBytes)
        snapshot.requests = observer.traffic.requests
        snapshot.responses = observer.traffic.responses
        snapshot.latencyP50Ns = LatencyBuckets.percentile(0.5, of: minute)
        snapshot.latencyP99Ns = LatencyBuckets.percentile(0.99, of: minute)
        return snapshot
    }

    /// What proc(5) says of this process; 0 where there is no such file.
    private static var residentBytes: Int64 {
        guard let data = try? Data(contentsOf: URL(filePath: "/proc/self/statm")) else { return 0 }
        let fields = String(decoding: data, as: UTF8.self).split(separator: " ")
        return fields.count > 1 ? (Int64(fields[1]) ?? 0) &* 4_096 : 0
    }
}
