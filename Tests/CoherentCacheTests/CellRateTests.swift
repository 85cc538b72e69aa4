import InventoryKit
import TestSupport
import Testing

@testable import CoherentCache

@Suite("Generic cell rate algorithm")
struct CellRateTests {
    @Test("The burst at once, then one each interval, for ever")
    func steady() throws {
        let policy = try RatePolicy("10/s:3")
        var rate = CellRate()
        var now: Int64 = 1_000_000_000
        for left in [2, 1, 0] {
            let (granted, decision) = rate.take(1, under: policy, now: now)
            #expect(granted == 1)
            #expect(decision.remaining == Int64(left))
        }
        let (refused, decision) = rate.take(1, under: policy, now: now)
        #expect(refused == 0)
        #expect(decision == RateDecision(isAllowed: false, remaining: 0, resetAfter: 300_000, retryAfter: 100_000))
        for _ in 0..<100 {
            now += 99_999
            #expect(rate.take(1, under: policy, now: now).granted == 0)
            now += 1
            #expect(rate.take(1, under: policy, now: now).granted == 1)
        }
    }

    /// Fails where rounding, or several taken at once, give more than was said.
    @Test("Never more than burst and rate allow, whatever is asked when", arguments: 0..<20)
    func bound(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let policies = ["1000/s:2000", "3/s:1", "7/m", "100/h:9", "1000000/s:1000000", "333333/s:5"]
        let policy = try RatePolicy(try #require(policies.randomElement(using: &random)))
        var rate = CellRate()
        let start = Int64.random(in: 0...2_000_000_000_000_000, using: &random)
        var (now, total) = (start, Int64(0))
        for _ in 0..<2_000 {
            now += Int64.random(in: 0...(policy.interval * 3), using: &random)
            let wanted = Int64.random(in: 1...64, using: &random)
            let (granted, decision) = rate.take(wanted, under: policy, now: now)
            total += granted
            #expect(granted <= wanted)
            #expect(total <= policy.burst + (now - start) / policy.interval)
            // Told to wait so long, one is granted then, and not a moment earlier.
            if granted == 0 {
                var copy = rate
                #expect(copy.take(1, under: policy, now: now + decision.retryAfter - 1).granted == 0)
                #expect(copy.take(1, under: policy, now: now + decision.retryAfter).granted == 1)
            }
        }
    }

    @Test("A clock that goes back lets nobody through that was refused")
    func backwards() throws {
        let policy = try RatePolicy("1/s:1")
        var rate = CellRate()
        #expect(rate.take(1, under: policy, now: 5_000_000).granted == 1)
        #expect(rate.take(1, under: policy, now: 1_000_000).granted == 0)
    }
}
