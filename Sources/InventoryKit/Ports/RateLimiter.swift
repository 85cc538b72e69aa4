package import NIOCore

/// What is limited together.
package enum RateClass: String, Sendable, CaseIterable {
    case read, write, purchase
}

/// How often a caller may call: a steady rate, and how many calls at once on top of it.
package struct RatePolicy: Sendable, Hashable {
    /// Microseconds between calls at the steady rate, rounded up, so that nobody gets more than was said.
    package let interval: Int64

    /// Calls at once after a long silence.
    package let burst: Int64

    /// Reads `1000/s:2000`: calls in a second (`s`), minute (`m`) or hour (`h`), and the burst; without one, as many as
    /// come in a second, at least one.
    package init(_ text: String) throws(InvalidValue) {
        let fault = InvalidValue(
            "must be off, or like 100/s:200: calls a second (s), minute (m) or hour (h), and at once")
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        // Int64 would take a sign too.
        guard text.utf8.allSatisfy({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") }) else { throw fault }
        let rate = parts[0].split(separator: "/", omittingEmptySubsequences: false)
        let seconds: [Substring: Int64] = ["s": 1, "m": 60, "h": 3_600]
        guard parts.count <= 2, rate.count == 2, let calls = Int64(rate[0]), let period = seconds[rate[1]] else {
            throw fault
        }
        let most = Self.callsPerSecond * period
        guard (1...most).contains(calls) else { throw InvalidValue("must be 1 to 1000000 calls a second") }
        interval = (period * 1_000_000 + calls - 1) / calls
        guard parts.count == 2 else {
            burst = max(1, 1_000_000 / interval)
            return
        }
        guard let burst = Int64(parts[1]) else { throw fault }
        guard (1...Self.callsAtOnce).contains(burst) else { throw InvalidValue("must be 1 to 1000000 calls at once") }
        self.burst = burst
    }

    private static let callsPerSecond: Int64 = 1_000_000
    private static let callsAtOnce: Int64 = 1_000_000

    /// Seconds in which a used-up burst is whole again.
    package var window: Int64 { (burst * interval + 999_999) / 1_000_000 }
}

/// What became of a call.
package struct RateDecision: Sendable, Equatable {
    package let isAllowed: Bool

    /// Calls that are left now.
    package let remaining: Int64

    /// Microseconds until the burst is whole again.
    package let resetAfter: Int64

    /// Microseconds until one call will be allowed, where this one is not.
    package let retryAfter: Int64

    package init(isAllowed: Bool, remaining: Int64, resetAfter: Int64, retryAfter: Int64) {
        self.isAllowed = isAllowed
        self.remaining = remaining
        self.resetAfter = resetAfter
        self.retryAfter = retryAfter
    }
}

/// A decision, now or soon.
package enum Admission {
    case decided(RateDecision)
    /// On the event loop of who asked. It does not fail.
    case asked(EventLoopFuture<RateDecision>)
}

/// How a limiter has decided since the process began.
package struct RateLimiterStatistics: Sendable, Equatable {
    /// Calls that this daemon judged by itself.
    package let decidedAlone: UInt64

    /// Questions to what all daemons share; one is good for many calls.
    package let questions: UInt64

    /// Questions that had no answer in time.
    package let lostQuestions: UInt64

    package init(decidedAlone: UInt64, questions: UInt64, lostQuestions: UInt64) {
        self.decidedAlone = decidedAlone
        self.questions = questions
        self.lostQuestions = lostQuestions
    }
}

/// Keeps callers to their rates.
package protocol RateLimiter: Sendable {
    /// Counts one call, unless it is refused.
    ///
    /// - Parameters:
    ///   - caller: whose limit it is: an address, or the owner of an API key.
    ///   - loop: the event loop this is called on.
    func admit(
        _ caller: String, to limited: RateClass, under policy: RatePolicy, on loop: any EventLoop
    ) -> Admission

    var statistics: RateLimiterStatistics { get }
}
