extension CacheSwitch {
    /// How long things last, in nanoseconds. Clocks may differ in rate by 2 % and more: ``wait`` is longer than
    /// ``lease`` for that.
    package struct Times: Sendable, Equatable {
        /// How long what was seen of the document may be relied on, from the sending of the renewal.
        package var lease: Int64 = 1_000_000_000
        /// How long after a change is seen everybody's lease on what was before has ended.
        package var wait: Int64 = 1_050_000_000
        /// How long the document says off at least, without a new claim, before somebody may switch on.
        package var delay: Int64 = 1_500_000_000
        /// How often a daemon renews its lease.
        package var renewalInterval: Int64 = 250_000_000
        /// After how long the reply to a renewal is not waited for any more.
        package var renewalTimeout: Int64 = 500_000_000
        /// How long a writer pauses before it asks again.
        package var pause: Int64 = 10_000_000
        /// How long Redis is kept off the second time that it was suspect; then twice as long each time.
        package var firstHold: Int64 = 2_000_000_000
        package var longestHold: Int64 = 60_000_000_000
        /// How long nobody must have suspected it for the first time to count as the first again.
        package var quiet: Int64 = 300_000_000_000

        package init() {}
    }

    /// The rules that keep a stale read out. The product keeps them all; tests take one out and see it fail.
    struct Rules: OptionSet, Sendable {
        let rawValue: UInt32

        static let all = Rules(rawValue: .max)
        static let usersWait = Rules(rawValue: 1 << 0)
        static let usersNeedTheLease = Rules(rawValue: 1 << 1)
        static let leaseFromSending = Rules(rawValue: 1 << 2)
        static let turnWaits = Rules(rawValue: 1 << 3)
        static let otherRunVetoes = Rules(rawValue: 1 << 4)
        static let suspectVetoes = Rules(rawValue: 1 << 5)
        static let writersWait = Rules(rawValue: 1 << 6)
        static let writersNeedTheLease = Rules(rawValue: 1 << 7)
        static let runsAreCompared = Rules(rawValue: 1 << 8)
        static let lateRepliesAreDropped = Rules(rawValue: 1 << 9)
    }
}
