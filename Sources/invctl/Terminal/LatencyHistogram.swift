/// Durations counted in buckets that grow with them, in constant memory, after the idea of Gil Tene's HdrHistogram:
/// each power of two is divided into 64 equal buckets, so that a percentile is off by less than 1.6 %. What is shorter than
/// 512 ns shares one bucket, what is longer than 68 s the last.
struct LatencyHistogram: Sendable {
    private static let subBits = 6
    private static let lowestExponent = 9
    private static let highestExponent = 35

    private var counts = [Int](
        repeating: 0, count: 1 + (highestExponent - lowestExponent + 1) << subBits)

    private(set) var count = 0
    private var sum = 0.0
    private(set) var least = 0

    /// Exact, in nanoseconds; 0 when nothing was recorded.
    private(set) var max = 0

    /// In nanoseconds; nil when nothing was recorded.
    var mean: Double? { count > 0 ? sum / Double(count) : nil }

    /// A negative duration counts as none: a clock was set.
    mutating func record(nanoseconds: Int) {
        let value = Swift.max(nanoseconds, 0)
        let index = Self.index(of: value)
        counts[index] = counts[index].plus(1)
        least = count == 0 ? value : min(least, value)
        count = count.plus(1)
        sum += Double(value)
        max = Swift.max(max, value)
    }

    mutating func merge(_ other: Self) {
        guard other.count > 0 else { return }
        for index in counts.indices { counts[index] = counts[index].plus(other.counts[index]) }
        least = count == 0 ? other.least : min(least, other.least)
        count = count.plus(other.count)
        sum += other.sum
        max = Swift.max(max, other.max)
    }

    /// The duration that this share of all does not exceed, in nanoseconds.
    /// - Parameter percent: from 0 to 100.
    /// - Returns: nil when nothing was recorded.
    func percentile(_ percent: Double) -> Int? {
        guard count > 0, !percent.isNaN else { return nil }
        let share = min(Swift.max(percent / 100, 0), 1)
        let rank = min(Swift.max(Figures.whole((share * Double(count)).rounded(.up)), 1), count)
        guard rank < count else { return max }
        var seen = 0
        for (index, number) in counts.enumerated() {
            seen = seen.plus(number)
            if seen >= rank { return min(Swift.max(Self.middle(of: index), least), max) }
        }
        return max
    }

    /// What was recorded, by increasing duration: the middle of each bucket in nanoseconds, and how many.
    var buckets: [(nanoseconds: Int, count: Int)] {
        counts.indices.filter { counts[$0] > 0 }.map {
            (min(Swift.max(Self.middle(of: $0), least), max), counts[$0])
        }
    }

    private static func index(of value: Int) -> Int {
        let exponent = Int.bitWidth - 1 - value.leadingZeroBitCount
        guard exponent >= lowestExponent else { return 0 }
        guard exponent <= highestExponent else { return (highestExponent - lowestExponent + 1) << subBits }
        let sub = (value >> (exponent - subBits)) & (1 << subBits - 1)
        return 1 + (exponent - lowestExponent) << subBits + sub
    }

    private static func middle(of index: Int) -> Int {
        guard index > 0 else { return 1 << (lowestExponent - 1) }
        let exponent = (index - 1) >> subBits + lowestExponent
        let width = 1 << (exponent - subBits)
        return 1 << exponent + ((index - 1) & (1 << subBits - 1)) * width + width / 2
    }
}

extension Int {
    /// The sum, or the largest number there is.
    fileprivate func plus(_ other: Int) -> Int {
        let (sum, isOver) = addingReportingOverflow(other)
        return isOver ? .max : sum
    }
}
