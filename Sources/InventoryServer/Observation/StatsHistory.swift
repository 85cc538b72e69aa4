import InventoryKit
import Synchronization

/// The figures of the last minute, a sample each second, from which rates and hit rates over a time are told.
final class StatsHistory: Sendable {
    private struct Sample {
        let time: ContinuousClock.Instant
        let cache: CacheStatistics
        let requests: UInt64
        let latencies: [Int: UInt64]
    }

    private static let samplesMax = 61

    private let samples = Mutex<[Sample]>([])
    private let observer: RequestObserver
    private let cache: any ProductCache

    init(observer: RequestObserver, cache: any ProductCache) {
        self.observer = observer
        self.cache = cache
    }

    /// Takes samples until it is cancelled.
    func run() async {
        while !Task.isCancelled {
            let sample = now()
            samples.withLock { samples in
                if samples.count >= Self.samplesMax { samples.removeFirst() }
                samples.append(sample)
            }
            try? await Task.sleep(for: .seconds(1))
        }
    }

    private func now() -> Sample {
        Sample(
            time: .now, cache: cache.statistics, requests: observer.traffic.requests.total,
            latencies: observer.traffic.latencyCounts)
    }

    /// The part of reads that the cache answered within the time; nothing where nothing was read.
    func hitRate(over time: Duration) -> Double? {
        Self.hitRate(from: oldest(within: time)?.cache ?? CacheStatistics(), to: cache.statistics)
    }

    static func hitRate(from old: CacheStatistics, to new: CacheStatistics) -> Double? {
        let reads = new.reads &- old.reads
        return reads == 0 ? nil : Double(new.hits &- old.hits) / Double(reads)
    }

    /// Reads a second that the cache answered within the time.
    func hitsPerSecond(over time: Duration) -> Double {
        rate(over: time, from: { $0.cache.hits }, to: cache.statistics.hits)
    }

    func requestsPerSecond(over time: Duration) -> Double {
        rate(over: time, from: { $0.requests }, to: observer.traffic.requests.total)
    }

    /// How many answers took how long within the time.
    func latencyCounts(over time: Duration) -> [Int: UInt64] {
        let old = oldest(within: time)?.latencies ?? [:]
        return observer.traffic.latencyCounts.reduce(into: [:]) { counts, bucket in
            let more = bucket.value &- (old[bucket.key] ?? 0)
            if more > 0 { counts[bucket.key] = more }
        }
    }

    private func rate(over time: Duration, from: (Sample) -> UInt64, to new: UInt64) -> Double {
        guard let old = oldest(within: time) else { return 0 }
        let seconds = (ContinuousClock.now - old.time) / .seconds(1)
        return seconds > 0 ? Double(new &- from(old)) / seconds : 0
    }

    private func oldest(within time: Duration) -> Sample? {
        let start = ContinuousClock.now - time - .milliseconds(500)
        return samples.withLock { samples in samples.first { $0.time >= start } }
    }
}

extension CacheStatistics {
    fileprivate var hits: UInt64 { products.hits &+ absent.hits }
    fileprivate var reads: UInt64 { products.reads &+ absent.reads }
}
