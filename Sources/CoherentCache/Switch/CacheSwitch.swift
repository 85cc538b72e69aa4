package import InventoryKit

/// Whether this daemon may use the shared cache now, and what a writer has to do before it may acknowledge.
///
/// Leases inside Redis settle every race inside one healthy Redis. This settles the rest: a writer that cannot reach
/// Redis while another daemon can, two primaries, a copy that is behind. One document (``SwitchDocument``) says for all
/// whether the cache is on, and every daemon holds a lease on what it last saw of it (Gray and Cheriton, "Leases",
/// SOSP 1989). So a cached read costs a few comparisons here.
///
/// A pure state machine: times, random tokens and what has happened come in, and what is to be done goes out. Its
/// driver has the clock, the connections and the register. Times are nanoseconds since the machine started, by a clock
/// that goes on while the machine sleeps, read when the call is made.
package struct CacheSwitch: Sendable {
    /// The document as it was last seen; `nil` before it was seen first.
    package private(set) var document: SwitchDocument?

    /// The run of Redis that this daemon is connected to; `nil` while there is none.
    package private(set) var run: String?

    /// Whether Redis did not take an END, twice, so that the document must not say on until that is known to be over.
    package private(set) var isSuspect = false

    /// Until when this daemon keeps the cache off, because Redis has come and gone.
    package private(set) var holdUntil: Int64 = 0

    private let times: Times
    private let rules: Rules

    /// The run that ``document``'s generation belongs to.
    private var generationRun: Substring = ""
    /// When generation or state was first seen as it is.
    private var since: Int64 = 0
    private var claimSince: Int64 = 0
    private var leaseEnd: Int64 = 0

    private var renewal: (number: UInt64, start: Int64)?
    private var lastNumber: UInt64 = 0

    /// The generation under which an END failed last.
    private var suspected: String?
    private var owesHold = false
    private var nextHold: Int64 = 0
    private var lastSuspicion: Int64 = 0

    /// - Parameter times: all daemons on one database need the same.
    package init(times: Times = Times()) { self.init(times: times, rules: .all) }

    /// With some of its rules taken out, to see that each is needed.
    init(times: Times, rules: Rules) {
        self.times = times
        self.rules = rules
    }

    // MARK: Renewing

    /// A renewal to be sent: the update, and the number under which its outcome is to be told.
    package struct Renewal: Sendable, Equatable {
        package let number: UInt64
        package let update: SwitchUpdate
    }

    /// Begins to renew the lease; `nil` while a renewal is under way that has not timed out. To be called regularly
    /// (``Times/renewalInterval``), and when ``settle(connection:registration:now:)`` asks for it.
    ///
    /// - Parameter token: random, and never used before by anybody. It must have no "/" in it.
    package mutating func beginRenewal(token: String, now: Int64) -> Renewal? {
        if let renewal, now < renewal.start + times.renewalTimeout { return nil }
        lastNumber &+= 1
        renewal = (lastNumber, now)
        return Renewal(number: lastNumber, update: update(token: token, now: now))
    }

    private func update(token: String, now: Int64) -> SwitchUpdate {
        let mine = "\(run ?? Self.noRun)/\(token)"
        let nobodys = "\(Self.noRun)/\(token)"
        guard let document else { return .look(generationIfNew: nobodys, claimIfNew: nobodys) }
        if mustVeto(document, now: now) { return .veto(claim: mine, generationIfNew: nobodys) }
        if !document.isOn, now >= claimSince + (rules.contains(.turnWaits) ? times.delay : 0) {
            return .turnOn(claimSeen: document.claim, generation: mine)
        }
        return .look(generationIfNew: nobodys, claimIfNew: nobodys)
    }

    private func mustVeto(_ document: SwitchDocument, now: Int64) -> Bool {
        guard let run, now >= holdUntil else { return true }
        let isSuspected = isSuspect || document.isOn && document.generation == suspected
        if isSuspected, rules.contains(.suspectVetoes) { return true }
        let other = Self.run(of: document.isOn ? document.generation : document.claim)
        return other != run && rules.contains(.otherRunVetoes)
    }

    /// The renewal's reply. That of one that has timed out is dropped, since nobody knows any more how it stands to
    /// those after it.
    ///
    /// - Parameter seen: the document after the update; `nil` where the update matched none.
    package mutating func renewalDone(_ number: UInt64, _ seen: SwitchDocument?, now: Int64) {
        guard let start = takeRenewal(number, now: now) else { return }
        guard let seen else {
            // The claim is another by now, perhaps since somebody else has switched on. The next renewal has to look.
            claimSince = now
            return
        }
        let old = document
        document = seen
        // From the sending: at any time after it somebody may have switched off, though the reply says on.
        leaseEnd = (rules.contains(.leaseFromSending) ? start : now) + times.lease
        if old?.generation != seen.generation || old?.isOn != seen.isOn { since = now }
        if old?.claim != seen.claim { claimSince = now }
        generationRun = Self.run(of: seen.generation)
    }

    /// The renewal has come to nothing, or may have. The lease runs on.
    package mutating func renewalFailed(_ number: UInt64) {
        if renewal?.number == number { renewal = nil }
    }

    /// Ends the renewal, and returns when it was sent; `nil` if it is none that is still waited for.
    private mutating func takeRenewal(_ number: UInt64, now: Int64) -> Int64? {
        guard let renewal else { return nil }
        if rules.contains(.lateRepliesAreDropped) {
            guard renewal.number == number else { return nil }
            self.renewal = nil
            return now < renewal.start + times.renewalTimeout ? renewal.start : nil
        }
        self.renewal = nil
        return renewal.start
    }

    // MARK: Redis

    /// A connection to Redis has said (`INFO`) which run it belongs to; again whenever it is asked again.
    package mutating func connected(to run: String) { self.run = run }

    /// No connection to Redis is left.
    package mutating func disconnected() { run = nil }

    /// Redis took an END of that generation neither at once nor over a fresh connection. Whoever tells it renews next.
    ///
    /// The generation has to go, even if Redis seems well again before anybody could switch it off. That many writers
    /// fail under it is one suspicion.
    package mutating func suspect(generation: String) {
        guard generation == document?.generation else { return }
        isSuspect = true
        guard generation != suspected else { return }
        suspected = generation
        owesHold = true
    }

    /// `INFO` has worked on a connection that was made after ``suspect(generation:)``.
    ///
    /// Whoever suspects Redis often waits longer and longer before trusting it, for it must not switch the cache on and
    /// off all day.
    package mutating func recovered(now: Int64) {
        guard isSuspect else { return }
        isSuspect = false
        guard owesHold else { return }
        owesHold = false
        if now >= lastSuspicion + times.quiet { nextHold = 0 }
        lastSuspicion = now
        holdUntil = now + nextHold
        nextHold = nextHold == 0 ? times.firstHold : min(nextHold * 2, times.longestHold)
    }

    // MARK: Using the cache

    /// The generation under whose keys the cache may be used over a connection to that run; `nil` where it may not.
    ///
    /// To be asked once, after the request has arrived; the connection and the generation belong together from then on.
    package func usable(over run: String, now: Int64) -> String? {
        guard let document, document.isOn else { return nil }
        guard now >= since + times.wait || !rules.contains(.usersWait) else { return nil }
        guard now < leaseEnd || !rules.contains(.usersNeedTheLease) else { return nil }
        guard generationRun == run || !rules.contains(.runsAreCompared) else { return nil }
        return document.generation
    }

    // MARK: Settling a write

    /// A connection, by a number that none other has or will have, and the run that it belongs to.
    package struct Connection: Sendable, Equatable {
        package let number: UInt64
        package let run: String

        package init(number: UInt64, run: String) {
            self.number = number
            self.run = run
        }
    }

    /// That BEGIN was answered in time over that connection, under that generation.
    package struct Registration: Sendable, Equatable {
        package let connection: UInt64
        package let generation: String

        package init(connection: UInt64, generation: String) {
            self.connection = connection
            self.generation = generation
        }
    }

    /// What a writer has to do next.
    package enum Step: Sendable, Equatable {
        /// Acknowledge.
        case done
        /// END under that generation, over the connection that was asked about. If it is answered in time: acknowledge.
        /// Else once more over a fresh one of the same run, else ``CacheSwitch/suspect(generation:)``, renew, and ask again.
        ///
        /// - Parameter mayWriteThrough: whether END may put the new body in the old one's place, if nobody else wrote.
        case end(generation: String, mayWriteThrough: Bool)
        /// Renew, and ask again at that time.
        case renew(until: Int64)
    }

    /// What a writer has to do before it may acknowledge. To be asked when it is known that the store has the write,
    /// before every acknowledgement, also that of a repetition, until it says ``Step/done`` or the deadline has passed.
    ///
    /// - Parameters:
    ///   - connection: the one that END would go over; `nil` where there is none.
    ///   - registration: what the write's BEGIN has brought.
    package func settle(connection: Connection?, registration: Registration?, now: Int64) -> Step {
        guard let document, now < leaseEnd || !rules.contains(.writersNeedTheLease) else {
            return .renew(until: now + times.pause)
        }
        // Nobody can be using the cache.
        let isOver = now >= since + times.wait || !rules.contains(.writersWait)
        if !document.isOn, isOver { return .done }
        if let connection, generationRun == connection.run || !rules.contains(.runsAreCompared) {
            let own = Registration(connection: connection.number, generation: document.generation)
            return .end(generation: document.generation, mayWriteThrough: registration == own)
        }
        return waiting(document, now: now)
    }

    /// What a writer has to do when END was answered neither at once nor over a fresh connection.
    package func step(afterFailedEnd now: Int64) -> Step {
        document.map { waiting($0, now: now) } ?? .renew(until: now + times.pause)
    }

    private func waiting(_ document: SwitchDocument, now: Int64) -> Step {
        let isOver = since + times.wait
        return .renew(until: document.isOn || isOver <= now ? now + times.pause : min(now + times.pause, isOver))
    }
}

extension CacheSwitch {
    /// In the place of a run where there is none.
    static let noRun = "-"

    /// The run that a generation or a claim names.
    private static func run(of text: String) -> Substring { text.prefix { $0 != "/" } }
}
