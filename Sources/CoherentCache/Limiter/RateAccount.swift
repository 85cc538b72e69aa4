import InventoryKit
import NIOCore
import Synchronization

/// One caller's standing under one policy, in this process.
///
/// With Redis it is an advance: a few calls taken there at once are spent here within a moment, and a refusal is
/// remembered until its time has come, so neither a busy caller nor an attacker costs a question for each call. At most
/// one question is under way; a busy caller's is asked before the advance is used up, so that nobody has to wait for it.
/// Without Redis it is the limit itself.
final class RateAccount: Sendable {
    /// How long an advance may be spent after the last of it was granted.
    static let advanceTime = Duration.milliseconds(100)

    /// How long after that what is left of it is given back with the next question. Later it is lost to the caller; the
    /// limit gets nothing on top.
    private static let returnTime = Duration.seconds(1)
    private static let advanceLimit: Int64 = 128

    typealias Waiter = EventLoopPromise<RateDecision>

    private struct State {
        var local = CellRate()
        var advance: Int64 = 0
        var advanceEnd = BootTime(nanoseconds: 0)
        /// How many more than are needed are asked for: grows while advances get spent, shrinks while they do not.
        var spare: Int64 = 0
        var standing = RateDecision(isAllowed: true, remaining: 0, resetAfter: 0, retryAfter: 0)
        var refusedUntil = BootTime(nanoseconds: 0)
        var waiting: [Waiter] = []
        var isAsking = false

        /// Sets about asking for so many calls and a spare.
        mutating func question(
            for calls: Int64, isBusy: Bool, _ policy: RatePolicy, now: BootTime
        ) -> Question {
            isAsking = true
            // No more than comes in anew while it may be spent: who is slow needs no advance, and loses none.
            let most = min(
                RateAccount.advanceLimit, policy.burst / 8, RateAccount.advanceTime.microseconds / policy.interval)
            spare = isBusy ? min(max(1, spare * 2), most) : spare / 2
            return Question(calls: calls + spare, unspent: surrender(now: now))
        }

        /// What is left of an advance that may not be spent any more, to be given back.
        private mutating func surrender(now: BootTime) -> Int64 {
            guard now >= advanceEnd else { return 0 }
            defer { advance = 0 }
            return now < advanceEnd + RateAccount.returnTime ? advance : 0
        }
    }

    /// What Redis is asked for: so many calls, and to take back so many.
    struct Question: Equatable {
        let calls: Int64
        let unspent: Int64
    }

    /// What to do; first Redis has to be asked for so many calls, if any.
    enum Step {
        case decided(RateDecision, ask: Question?)
        case wait(EventLoopFuture<RateDecision>, ask: Question?)
    }

    private let state = Mutex(State())

    /// The limit without Redis.
    func takeHere(under policy: RatePolicy, now: BootTime) -> RateDecision {
        state.withLock { $0.local.take(1, under: policy, now: now.microseconds).decision }
    }

    /// One call under a limit that Redis keeps.
    func take(under policy: RatePolicy, now: BootTime, on loop: any EventLoop) -> Step {
        state.withLock { state in
            if now < state.refusedUntil {
                return .decided(Self.refusal(state.standing, until: state.refusedUntil, now: now), ask: nil)
            }
            if state.advance > 0, now < state.advanceEnd {
                state.advance -= 1
                let isRunningOut = state.spare > 1 && state.advance <= state.spare / 2 && !state.isAsking
                let question = isRunningOut ? state.question(for: 0, isBusy: true, policy, now: now) : nil
                return .decided(Self.allowance(state.standing, state.advance, policy), ask: question)
            }
            let waiter = loop.makePromise(of: RateDecision.self)
            state.waiting.append(waiter)
            guard !state.isAsking else { return .wait(waiter.futureResult, ask: nil) }
            // Only who spends an advance at once gets a larger one.
            let isBusy = state.advance == 0 && now < state.advanceEnd
            return .wait(waiter.futureResult, ask: state.question(for: 1, isBusy: isBusy, policy, now: now))
        }
    }

    /// Redis has granted so many of `wanted`.
    ///
    /// - Returns: how many to ask for once more, for those who still wait.
    func granted(_ granted: Int64, of wanted: Int64, ahead: Int64, under policy: RatePolicy, now: BootTime) -> Question?
    {
        let isExhausted = granted < wanted
        let (answers, more) = state.withLock { state in
            state.standing = RateStanding(ahead: ahead, policy: policy).decision(isAllowed: !isExhausted)
            var left = granted
            var answers: [(Waiter, RateDecision)] = []
            while left > 0, !state.waiting.isEmpty {
                left -= 1
                answers.append((state.waiting.removeFirst(), Self.allowance(state.standing, left, policy)))
            }
            state.advance += left
            state.advanceEnd = now + Self.advanceTime
            if isExhausted, state.advance == 0 {
                state.refusedUntil = now + .microseconds(state.standing.retryAfter)
                let refusal = Self.refusal(state.standing, until: state.refusedUntil, now: now)
                answers += state.waiting.map { ($0, refusal) }
                state.waiting = []
            }
            state.isAsking = !state.waiting.isEmpty
            return (
                answers, state.isAsking ? Question(calls: Int64(state.waiting.count) + state.spare, unspent: 0) : nil
            )
        }
        for (waiter, decision) in answers { waiter.succeed(decision) }
        return more
    }

    /// Redis has not answered: who waits is judged here.
    func lost(under policy: RatePolicy, now: BootTime) {
        let answers = state.withLock { state in
            defer {
                state.waiting = []
                state.isAsking = false
            }
            return state.waiting.map { ($0, state.local.take(1, under: policy, now: now.microseconds).decision) }
        }
        for (waiter, decision) in answers { waiter.succeed(decision) }
    }

    private static func allowance(_ standing: RateDecision, _ advance: Int64, _ policy: RatePolicy) -> RateDecision {
        RateDecision(
            isAllowed: true, remaining: min(standing.remaining + advance, policy.burst),
            resetAfter: standing.resetAfter, retryAfter: 0)
    }

    private static func refusal(_ standing: RateDecision, until end: BootTime, now: BootTime) -> RateDecision {
        let wait = max(1, end.microseconds - now.microseconds)
        return RateDecision(
            isAllowed: false, remaining: 0, resetAfter: max(standing.resetAfter, wait), retryAfter: wait)
    }
}

extension Duration {
    fileprivate var microseconds: Int64 { Int64(self / .microseconds(1)) }
}

extension BootTime {
    var microseconds: Int64 { nanoseconds / 1_000 }
}
