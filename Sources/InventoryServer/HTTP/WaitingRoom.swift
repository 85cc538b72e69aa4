import NIOCore

/// Those for whom there is no place at the moment. They are let in as places become free, in the order in which they came;
/// whoever has waited for ``patience`` is turned away, and for as long as somebody is, the last to come is let in first.
///
/// Under more load than can be borne a queue in the order of arrival makes everybody wait for as long as may be, so that who
/// is let in is as slow as who is not. Last in, first out keeps fast whoever is let in at all, and the others would have
/// been late in any case (Ben Maurer, "Fail at Scale", ACM Queue 13 no. 8, 2015, "adaptive LIFO"). Where all can be served in
/// time it would be unjust, and turn some away for nothing. To turn them away only after a while holds back those that ask
/// again at once; meanwhile they cost nothing but memory. Each connection has one request here at most, so connections
/// bound it.
struct WaitingRoom {
    /// How long somebody waits who is not let in: more than a store takes that has nothing else to do, and less than people
    /// notice.
    static let patience = Duration.milliseconds(250)

    struct Waiter: Sendable {
        let deadline = ContinuousClock.now + WaitingRoom.patience
        /// Places there are in all.
        let most: Int
        /// Told once whether it has a place.
        let enter: @Sendable (Bool) -> Void
    }

    /// In the order in which they came, which is that of their deadlines.
    private var waiters = CircularBuffer<Waiter>()

    /// Somebody looks after them when the first has waited for long enough.
    private var isWatched = false

    /// Until then there are more than can be served in time, as far as is known.
    private var overloadEnds: ContinuousClock.Instant?

    var count: Int { waiters.count }

    /// - Returns: whether nobody looks after those who wait yet, so that the caller has to.
    mutating func add(_ waiter: Waiter) -> Bool {
        waiters.append(waiter)
        defer { isWatched = true }
        return !isWatched
    }

    /// - Parameter take: takes a place, if there is one of so many.
    /// - Returns: whose turn it is, now with a place.
    mutating func letIn(at now: ContinuousClock.Instant, _ take: (_ most: Int) -> Bool) -> Waiter? {
        let isOverloaded = overloadEnds.map { now < $0 } ?? false
        guard let next = isOverloaded ? waiters.last : waiters.first, take(next.most) else { return nil }
        return isOverloaded ? waiters.popLast() : waiters.popFirst()
    }

    /// - Returns: who has waited for long enough, and when the next will have; nothing where nobody is left.
    mutating func turnAway(at now: ContinuousClock.Instant) -> (late: [Waiter], next: ContinuousClock.Instant?) {
        var late: [Waiter] = []
        while let first = waiters.first, first.deadline <= now {
            waiters.removeFirst()
            late.append(first)
        }
        if !late.isEmpty { overloadEnds = now + Self.patience }
        isWatched = !waiters.isEmpty
        return (late, waiters.first?.deadline)
    }
}
