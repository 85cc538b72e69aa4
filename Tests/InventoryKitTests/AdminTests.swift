import InventoryKit
import Testing

@Suite("Patterns of SKUs")
struct SKUPatternTests {
    @Test(
        "match as a shell's do, without case",
        arguments: [
            ("KIT-*", "kit-1", true), ("kit-*", "kat-1", false), ("*", "x", true), ("*-1", "a-b-1", true),
            ("?-1", "a-1", true), ("?-1", "ab-1", false), ("a*b*c", "axcyb", false), ("a*b*c", "axbyc", true),
            ("a*b*c", "axbycd", false), ("abc", "abc", true), ("abc", "abcd", false), ("**", "x", true),
        ])
    func matches(_ pattern: String, _ sku: String, _ isMatch: Bool) throws {
        #expect(try SKUPattern(pattern).matches(sku) == isMatch)
    }

    /// Fails where each star is tried in every place: then this takes longer than anybody lives.
    @Test("A hostile pattern takes no time")
    func hostile() throws {
        let pattern = try SKUPattern(String(repeating: "*a", count: 31) + "b")
        #expect(!pattern.matches(String(repeating: "a", count: 64)))
    }

    @Test("What no SKU could be like is refused", arguments: ["", "ä", String(repeating: "x", count: 65)])
    func refused(_ text: String) {
        #expect(throws: InvalidValue.self) { try SKUPattern(text) }
    }
}

@Suite("Buckets of latencies")
struct LatencyBucketsTests {
    /// Fails where a bucket is left out, or told by more than 3 % wrong.
    @Test("tell every latency to within 3 %")
    func precision() {
        var microseconds: Int64 = 1
        var last = -1
        while microseconds < 60_000_000 {
            let index = LatencyBuckets.index(of: .microseconds(microseconds))
            #expect(index >= last && index < LatencyBuckets.count)
            last = index
            let error = abs(LatencyBuckets.nanoseconds(at: index) - Double(microseconds) * 1_000)
            #expect(error <= max(500, Double(microseconds) * 1_000 * 0.03), "\(microseconds)")
            microseconds += max(1, microseconds / 50)
        }
    }

    @Test("have a place for what cannot be", arguments: [Duration.seconds(-5), .zero, .seconds(1_000_000)])
    func extremes(_ time: Duration) {
        #expect((0..<LatencyBuckets.count).contains(LatencyBuckets.index(of: time)))
    }

    @Test("give percentiles")
    func percentiles() {
        #expect(LatencyBuckets.percentile(0.5, of: [:]) == nil)
        let counts: [Int: UInt64] = [10: 98, 100: 1, 200: 1]
        #expect(LatencyBuckets.percentile(0.5, of: counts) == LatencyBuckets.nanoseconds(at: 10))
        #expect(LatencyBuckets.percentile(0.99, of: counts) == LatencyBuckets.nanoseconds(at: 100))
        #expect(LatencyBuckets.percentile(1, of: counts) == LatencyBuckets.nanoseconds(at: 200))
    }
}
