import Testing

@testable import invctl

@Suite("A histogram of latencies")
struct LatencyHistogramTests {
    private func filled(_ values: [Int]) -> LatencyHistogram {
        values.reduce(into: LatencyHistogram()) { $0.record(nanoseconds: $1) }
    }

    @Test("knows nothing before the first")
    func empty() {
        let histogram = LatencyHistogram()
        #expect(histogram.percentile(50) == nil)
        #expect(histogram.mean == nil)
        #expect(histogram.max == 0)
        #expect(plain(histogram.draw(width: 40, height: 5)) == ["nothing recorded"])
    }

    @Test("tells every value from 1 µs to 60 s to within 1.6 %")
    func precision() throws {
        var value = 1_000.0
        while value <= 60e9 {
            let exact = Int(value)
            // Between others, so that the smallest and the largest do not mend the answer.
            let found = try #require(filled([0, exact, .max]).percentile(50))
            #expect(abs(Double(found - exact)) / Double(exact) < 0.016)
            value *= 1.003
        }
    }

    @Test("finds percentiles as a sorted list does")
    func percentiles() throws {
        var random = SystemRandomNumberGenerator()
        let values = (0..<5_000).map { _ in Int.random(in: 1_000...1 << Int.random(in: 11...34, using: &random)) }
        let sorted = values.sorted()
        let histogram = filled(values)
        for percent in [0, 1, 25, 50, 90, 99, 99.9, 100] as [Double] {
            let rank = max(1, Int((percent / 100 * Double(sorted.count)).rounded(.up)))
            let exact = sorted[rank - 1]
            let found = try #require(histogram.percentile(percent))
            #expect(abs(Double(found - exact)) / Double(exact) < 0.016)
        }
        #expect(histogram.percentile(100) == sorted.last)
        #expect(histogram.max == sorted.last)
        #expect(histogram.count == 5_000)
        #expect(histogram.buckets.reduce(0) { $0 + $1.count } == 5_000)
    }

    @Test("is the same merged from parts")
    func merging() {
        let (left, right) = ([5_000, 9_000_000, 77], [1_000_000_000, 20])
        var merged = filled(left)
        merged.merge(filled(right))
        merged.merge(LatencyHistogram())
        let whole = filled(left + right)
        #expect(merged.count == 5)
        #expect(merged.mean == whole.mean)
        for percent in [0.0, 20, 50, 99, 100] { #expect(merged.percentile(percent) == whole.percentile(percent)) }
    }

    @Test("bears values and percentiles out of range")
    func hostile() {
        let histogram = filled(Hostile.integers)
        #expect(histogram.max == .max)
        #expect(histogram.percentile(-1) == histogram.percentile(0))
        #expect(histogram.percentile(.infinity) == .max)
        #expect(histogram.percentile(.nan) == nil)
        #expect(filled([-5]).percentile(50) == 0)
    }

    @Test("is drawn within its size, all of it counted", arguments: [true, false])
    func drawing(utf8: Bool) {
        let values = (0..<2_000).map { 20_000 + $0 * $0 * 500 } + Hostile.integers
        for histogram in [filled([1]), filled([412_000]), filled(values), filled([.max])] {
            for width in [1, 10, 40, 80, 200] {
                for height in [0, 1, 2, 5, 16, 60] {
                    let lines = histogram.draw(width: width, height: height, utf8: utf8)
                    #expect(lines.count <= max(height, 2) && lines.allSatisfy { $0.width <= width })
                }
            }
        }
    }

    @Test("marks the rows of its percentiles")
    func marks() {
        let values =
            Array(repeating: 300_000, count: 89) + Array(repeating: 3_000_000, count: 9) + [900_000_000, 1_000_000_000]
        let lines = filled(values).draw(width: 80, height: 8, utf8: false).map {
            $0.rendered(colour: false, utf8: false)
        }
        #expect(lines.first?.hasPrefix(" 100 us  ####") == true)
        #expect(lines.first?.hasSuffix("89   89.0 %  p50") == true)
        #expect(lines.filter { $0.contains("p90") }.count == 2)
        #expect(lines.last == "p50 301 us  p90 3.0 ms  p99 902 ms  p99.9 1.00 s  max 1.00 s  count 100")
    }
}
