import InventoryKit
import NIOCore
import NIOPosix
import TestSupport
import Testing

@testable import CoherentCache

/// A caller's advance, driven by hand against the limit that Redis would keep.
@Suite("A caller's advance")
struct RateAccountTests {
    /// Fails where what is left of an advance is not given back: then most of these are refused.
    @Test("A caller far below its rate is never refused, however unevenly it comes, over two daemons")
    func uneven() throws {
        let policy = try RatePolicy("200/s:400")
        var shared = SharedRate(policy: policy, daemons: 2)
        for burst in 0..<60 {
            // 20 calls every 150 ms are 133 a second.
            let now = BootTime(nanoseconds: 1_000_000_000 + Int64(burst) * 150_000_000)
            for call in 0..<20 { #expect(try shared.call(daemon: call % 2, now: now), "burst \(burst)") }
        }
    }

    /// Fails where a slow caller is given an advance: what is lost of it is worth minutes.
    @Test("A caller of a slow rate gets all of its burst")
    func slow() throws {
        let policy = try RatePolicy("60/h:20")
        var shared = SharedRate(policy: policy, daemons: 1)
        for pair in 0..<10 {
            let now = BootTime(nanoseconds: 1_000_000_000 + Int64(pair) * 5_000_000_000)
            #expect(try shared.call(daemon: 0, now: now))
            #expect(try shared.call(daemon: 0, now: now))
        }
    }

    /// Fails where what is given back is counted twice, or was never taken.
    @Test("Together they never admit more than the rate and the burst allow", arguments: 0..<20 as Range<UInt64>)
    func bound(_ seed: UInt64) throws {
        let policy = try RatePolicy("200/s:100")
        var random = SeededRandom(seed: seed)
        var shared = SharedRate(policy: policy, daemons: 3)
        let start: Int64 = 1_000_000_000
        var now = start
        var admitted: Int64 = 0
        for _ in 0..<4_000 {
            now += Int64.random(in: 0...(Bool.random(using: &random) ? 200_000 : 30_000_000), using: &random)
            let daemon = Int.random(in: 0..<3, using: &random)
            if try shared.call(daemon: daemon, now: BootTime(nanoseconds: now)) { admitted += 1 }
            #expect(admitted <= policy.burst + (now - start) / 1_000 / policy.interval)
        }
        #expect(admitted > 1_000, "and they admit something")
    }

    /// Fails where the arrival that was written under the old rate is taken at its word.
    @Test("Whoever had used up a slow rate is not held to it when the rate is raised")
    func raised() throws {
        var rate = CellRate()
        let slow = try RatePolicy("60/h:20")
        #expect(rate.take(20, under: slow, now: 1_000).granted == 20)
        let fast = try RatePolicy("100/s:200")
        let decision = rate.take(1, under: fast, now: 2_000).decision
        #expect(!decision.isAllowed)
        #expect(decision.retryAfter <= fast.interval)
    }
}

/// What the script does at Redis, and what daemons make of it, at once and in one thread.
private struct SharedRate {
    let policy: RatePolicy
    private var rate = CellRate()
    private let accounts: [RateAccount]
    private let loop = MultiThreadedEventLoopGroup.singleton.any()

    init(policy: RatePolicy, daemons: Int) {
        self.policy = policy
        accounts = (0..<daemons).map { _ in RateAccount() }
    }

    mutating func call(daemon: Int, now: BootTime) throws -> Bool {
        let account = accounts[daemon]
        switch account.take(under: policy, now: now, on: loop) {
        case .decided(let decision, let question):
            answer(question, to: account, now: now)
            return decision.isAllowed
        case .wait(let decision, let question):
            answer(question, to: account, now: now)
            return try decision.wait().isAllowed
        }
    }

    private mutating func answer(_ question: RateAccount.Question?, to account: RateAccount, now: BootTime) {
        var question = question
        while let asked = question {
            rate.giveBack(asked.unspent, under: policy, now: now.microseconds)
            let (granted, decision) = rate.take(asked.calls, under: policy, now: now.microseconds)
            question = account.granted(
                granted, of: asked.calls, ahead: decision.resetAfter, under: policy, now: now)
        }
    }
}

extension CellRate {
    /// As the script takes back what is left of an advance.
    fileprivate mutating func giveBack(_ calls: Int64, under policy: RatePolicy, now: Int64) {
        arrival = max(now, arrival - calls * policy.interval)
    }
}
