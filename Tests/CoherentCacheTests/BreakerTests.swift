import Testing

@testable import CoherentCache

@Suite("Circuit breaker")
struct BreakerTests {
    private static let start = BootTime(nanoseconds: 1_000_000_000_000)

    private static func at(_ milliseconds: Int) -> BootTime { start + .milliseconds(milliseconds) }

    /// Fails in a breaker that opens at once: one moment in which a machine was busy would cost all reads.
    @Test("One failure alone keeps nobody away")
    func single() {
        let breaker = Breaker()
        breaker.trip(sent: Self.at(0), at: Self.at(20))
        #expect(breaker.allows(at: Self.at(20)))
    }

    @Test("Those that were under way together are one failure")
    func together() {
        let breaker = Breaker()
        for _ in 0..<100 { breaker.trip(sent: Self.at(0), at: Self.at(20)) }
        #expect(breaker.allows(at: Self.at(20)))
    }

    @Test("Failure after failure keeps readers away twice as long, up to a bound")
    func again() {
        let breaker = Breaker()
        var (now, pauses) = (0, [Int]())
        for _ in 0..<9 {
            breaker.trip(sent: Self.at(now), at: Self.at(now + 20))
            now += 20
            var pause = 0
            while !breaker.allows(at: Self.at(now + pause)) { pause += 10 }
            pauses.append(pause)
            now += pause
        }
        #expect(pauses == [0, 50, 100, 200, 400, 800, 1_600, 2_000, 2_000])
    }

    @Test("After a while without failures the next one is the first")
    func forgets() {
        let breaker = Breaker()
        for number in 0..<5 { breaker.trip(sent: Self.at(number * 3_000), at: Self.at(number * 3_000 + 20)) }
        #expect(breaker.allows(at: Self.at(4 * 3_000 + 20)))
    }
}
