import InventoryKit

/// The generic cell rate algorithm (ITU-T I.371): one number, the theoretical arrival time of the next call of somebody
/// who keeps exactly to the rate. Whoever is further ahead of it than the burst allows has to wait.
///
/// Times are microseconds of any clock that is the same for all calls.
struct CellRate {
    var arrival: Int64 = 0

    /// Takes as many of the calls as are free.
    ///
    /// - Returns: how many, and how it stands then.
    mutating func take(
        _ wanted: Int64, under policy: RatePolicy, now: Int64
    ) -> (granted: Int64, decision: RateDecision) {
        let tolerance = policy.burst * policy.interval
        // Nobody is further ahead than the burst, unless the rate has been raised since, or the clock set back.
        let base = min(max(arrival, now), now + tolerance)
        let free = max(0, (now + tolerance - base) / policy.interval)
        let granted = min(free, wanted)
        arrival = base + granted * policy.interval
        let standing = RateStanding(ahead: arrival - now, policy: policy)
        return (granted, standing.decision(isAllowed: granted > 0))
    }
}

/// How far a caller is ahead of the rate, in microseconds.
struct RateStanding {
    let ahead: Int64
    let policy: RatePolicy

    func decision(isAllowed: Bool) -> RateDecision {
        let tolerance = policy.burst * policy.interval
        return RateDecision(
            isAllowed: isAllowed, remaining: max(0, (tolerance - ahead) / policy.interval), resetAfter: max(0, ahead),
            retryAfter: isAllowed ? 0 : max(1, ahead + policy.interval - tolerance)
        )
    }
}
