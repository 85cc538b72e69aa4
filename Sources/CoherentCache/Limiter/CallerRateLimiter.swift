package import InventoryKit
package import NIOCore
package import RedisClient
import Synchronization

/// Limits callers: all daemons together where they share a Redis that answers, else each daemon by itself.
package final class CallerRateLimiter: RateLimiter {
    /// Callers that each shard remembers at most: two halves, of which the older is forgotten when the newer is full. Who is
    /// forgotten begins anew here; with Redis, nobody is forgotten there.
    private static let callersPerHalf = 4_096
    private static let shardCount = 16

    private struct Key: Hashable {
        let caller: String
        let limited: RateClass
        let policy: RatePolicy
    }

    private struct Accounts {
        var newer: [Key: RateAccount] = [:]
        var older: [Key: RateAccount] = [:]
    }

    private final class Shard: Sendable {
        let accounts = Mutex(Accounts())
    }

    private let shards = (0..<CallerRateLimiter.shardCount).map { _ in Shard() }
    private let redis: RedisClient?
    private let breaker = Breaker()
    private let here = Atomic<UInt64>(0)
    private let asked = Atomic<UInt64>(0)
    private let lost = Atomic<UInt64>(0)

    private let timeout: TimeAmount

    /// - Parameters:
    ///   - redis: nothing where every daemon judges alone.
    ///   - timeout: how long a call waits for Redis before this daemon judges it alone.
    package init(redis: RedisClient?, timeout: TimeAmount = .milliseconds(20)) {
        self.redis = redis
        self.timeout = timeout
    }

    package func admit(
        _ caller: String, to limited: RateClass, under policy: RatePolicy, on loop: any EventLoop
    ) -> Admission {
        let now = BootTime.now()
        let key = Key(caller: caller, limited: limited, policy: policy)
        let account = account(of: key)
        guard let connection = redis?.connection(on: loop), connection.isOpen, !connection.isOverdue,
            breaker.allows(at: now)
        else {
            here.add(1, ordering: .relaxed)
            return .decided(account.takeHere(under: policy, now: now))
        }
        switch account.take(under: policy, now: now, on: loop) {
        case .decided(let decision, let wanted):
            if let wanted { ask(for: wanted, key, account, over: connection) }
            return .decided(decision)
        case .wait(let decision, let wanted):
            if let wanted { ask(for: wanted, key, account, over: connection) }
            return .asked(decision)
        }
    }

    package var statistics: RateLimiterStatistics {
        RateLimiterStatistics(
            decidedAlone: here.load(ordering: .relaxed), questions: asked.load(ordering: .relaxed),
            lostQuestions: lost.load(ordering: .relaxed))
    }

    private func ask(
        for wanted: RateAccount.Question, _ key: Key, _ account: RateAccount, over connection: RedisConnection
    ) {
        let (policy, sent) = (key.policy, BootTime.now())
        asked.add(1, ordering: .relaxed)
        Self.script.run(
            over: connection, keys: ["rl:\(key.limited.rawValue):{\(key.caller)}"],
            [
                RedisArgument(Int(policy.interval)), RedisArgument(Int(policy.burst)), RedisArgument(Int(wanted.calls)),
                RedisArgument(Int(wanted.unspent)),
            ],
            timeout: timeout
        ) { result in
            if case .failure(.timedOut) = result { self.breaker.trip(sent: sent, at: .now()) }
            guard case .success(.array(let figures)) = result, figures.count == 2,
                case .integer(let granted) = figures[0], case .integer(let ahead) = figures[1]
            else {
                self.lost.add(1, ordering: .relaxed)
                return account.lost(under: policy, now: .now())
            }
            let more = account.granted(granted, of: wanted.calls, ahead: ahead, under: policy, now: .now())
            if let more { self.ask(for: more, key, account, over: connection) }
        }
    }

    private func account(of key: Key) -> RateAccount {
        let shard = shards[Int(UInt(bitPattern: key.hashValue) % UInt(Self.shardCount))]
        return shard.accounts.withLock { accounts in
            if let account = accounts.newer[key] { return account }
            let account = accounts.older[key] ?? RateAccount()
            if accounts.newer.count >= Self.callersPerHalf {
                accounts.older = accounts.newer
                accounts.newer = [:]
            }
            accounts.newer[key] = account
            return account
        }
    }

    /// ``CellRate`` at Redis, by its clock, so that all daemons count together. First it takes back what is left of an
    /// advance. Answers how many calls were granted, and how far the caller is ahead of the rate then. Microseconds of this century are exact in a double.
    private static let script = RedisScript(
        """
        local time = redis.call('TIME')
        local now = time[1] * 1000000 + time[2]
        local interval, burst, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
        local most = now + burst * interval
        local arrival = tonumber(redis.call('GET', KEYS[1]) or 0)
        if arrival > most then arrival = most end
        arrival = arrival - tonumber(ARGV[4]) * interval
        if arrival < now then arrival = now end
        local free = math.floor((most - arrival) / interval)
        local granted = math.max(0, math.min(free, wanted))
        if granted > 0 then
            arrival = arrival + granted * interval
            redis.call('SET', KEYS[1], string.format('%.0f', arrival), 'PX', math.ceil((arrival - now) / 1000))
        end
        return { granted, arrival - now }
        """
    )
}
