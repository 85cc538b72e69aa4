/// The buckets that latencies are counted in: linear within each power of two of microseconds, so that each is told to
/// within 3 % over its whole range in constant memory. The idea is HdrHistogram's (Gil Tene, 2012).
package enum LatencyBuckets {
    /// Buckets to a power of two.
    private static let steps = 32
    private static let stepBits = 5

    /// Everything above, 67 s, counts as that.
    private static let microsecondsMax: UInt64 = (1 << 26) - 1

    package static let count = index(ofMicroseconds: microsecondsMax) + 1

    package static func index(of latency: Duration) -> Int {
        let (seconds, attoseconds) = latency.components
        let microseconds = max(0, seconds) &* 1_000_000 &+ max(0, attoseconds) / 1_000_000_000_000
        return index(ofMicroseconds: UInt64(microseconds))
    }

    private static func index(ofMicroseconds microseconds: UInt64) -> Int {
        let value = min(microseconds, microsecondsMax)
        guard value >= steps else { return Int(value) }
        let exponent = UInt64.bitWidth - 1 - value.leadingZeroBitCount
        return (exponent - stepBits) * steps + Int(value >> UInt64(exponent - stepBits))
    }

    /// The middle of a bucket, in nanoseconds.
    package static func nanoseconds(at index: Int) -> Double {
        guard index >= 2 * steps else { return (Double(max(0, index)) + 0.5) * 1_000 }
        let shift = min(index, count - 1) / steps - 1
        let low = UInt64(min(index, count - 1) % steps + steps) << UInt64(shift)
        return (Double(low) + Double(UInt64(1) << UInt64(shift)) / 2) * 1_000
    }

    /// A value that the given part of what was counted does not exceed, in nanoseconds; nothing where nothing was counted.
    ///
    /// - Parameters:
    ///   - part: from 0 to 1.
    ///   - counts: how many by bucket.
    package static func percentile(_ part: Double, of counts: [Int: UInt64]) -> Double? {
        let total = counts.values.reduce(0, &+)
        guard total > 0 else { return nil }
        let wanted = max(1, (Double(total) * min(max(part, 0), 1)).rounded(.up))
        var seen = 0.0
        for (index, count) in counts.sorted(by: { $0.key < $1.key }) {
            seen += Double(count)
            if seen >= wanted { return nanoseconds(at: index) }
        }
        return nil
    }
}
