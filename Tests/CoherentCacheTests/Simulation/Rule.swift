@testable import CoherentCache

/// What the protocol is made of. A simulation can leave one out.
enum Rule: CaseIterable, Sendable {
    // Leases inside Redis.
    case fillNeedsItsLease, endIsSent, endRevokesLeases, endBeforeReplay
    case writeThroughAlone, writeThroughRegistered, writeThroughNew, endOfStrangersCounts

    // The switch.
    case usersWait, usersNeedTheLease, leaseFromSending, turnWaits, turnMatchesClaim, claimIsRandom
    case otherRunVetoes, suspectVetoes, writersWait, writersNeedTheLease, runsAreCompared, lateRepliesAreDropped

    // Who drives both.
    case looksAfterCommit, namespaceIsNew, nothingIsResent, runNamesReplication

    /// The same rule in the machine, where it is one of the machine's.
    var inMachine: CacheSwitch.Rules {
        switch self {
        case .usersWait: .usersWait
        case .usersNeedTheLease: .usersNeedTheLease
        case .leaseFromSending: .leaseFromSending
        case .turnWaits: .turnWaits
        case .otherRunVetoes: .otherRunVetoes
        case .suspectVetoes: .suspectVetoes
        case .writersWait: .writersWait
        case .writersNeedTheLease: .writersNeedTheLease
        case .runsAreCompared: .runsAreCompared
        case .lateRepliesAreDropped: .lateRepliesAreDropped
        default: []
        }
    }

    /// Where to begin looking for a run that misses it: the rarest one of all would take a while from the beginning.
    var firstSeed: UInt64 { self == .leaseFromSending ? 500 : 0 }

    /// Faults among which the rule is missed soon.
    var scenario: Scenario {
        var scenario = Scenario()
        switch self {
        case .fillNeedsItsLease, .endRevokesLeases, .writeThroughRegistered, .endOfStrangersCounts:
            scenario.faults = [.eviction, .slowRedis]
            (scenario.duration, scenario.startsOn, scenario.products) = (3_000.ms, 100, 1)
            (scenario.pause, scenario.clients) = (15.ms, 6)
        case .endIsSent, .writeThroughAlone, .writeThroughNew, .usersWait, .writersWait: break
        case .endBeforeReplay: scenario.faults = [.cutRedis, .crash, .slowRedis]
        case .usersNeedTheLease, .writersNeedTheLease:
            scenario.faults = [.cutRedis, .cutMongo, .pause]
            scenario.faultCount = 4...8
        case .leaseFromSending, .lateRepliesAreDropped:
            scenario.beReading(products: 3, startsOn: 100)
            scenario.faults = [.cutRedis, .cutRedis, .slowMongo]
            (scenario.isSlow, scenario.faultCount, scenario.duration) = (true, 2...4, 5_000.ms)
            scenario.tail = self == .leaseFromSending ? 480.ms : 1_500.ms
        case .turnWaits: scenario.faults = [.slowMongo, .cutMongo, .refusal, .cutRedis]
        case .turnMatchesClaim:
            scenario.beReading(products: 2, startsOn: 0)
            (scenario.faults, scenario.isSlow, scenario.faultCount) = ([.cutRedis, .slowMongo], true, 1...2)
        case .claimIsRandom:
            scenario.beReading(products: 2, startsOn: 0)
            (scenario.faults, scenario.isSlow, scenario.faultCount) = ([.refusal, .cutMongo], true, 3...6)
        case .otherRunVetoes: scenario.faults = [.failover, .restart]
        case .suspectVetoes:
            (scenario.faults, scenario.faultCount, scenario.longest) = ([.refusal], 1...2, 6_000.ms)
        case .runsAreCompared, .nothingIsResent, .runNamesReplication:
            scenario.faults = self == .runNamesReplication ? [.demotion] : [.failover, .restart, .split]
            (scenario.longest, scenario.products, scenario.writes) = (1_000.ms, 4, 20)
            (scenario.startsOn, scenario.clients) = (100, 6)
        case .looksAfterCommit:
            scenario.faults = [.slowMongo, .pause, .cutRedis]
            (scenario.faultCount, scenario.startsOn, scenario.products) = (4...8, 50, 1)
        case .namespaceIsNew:
            scenario.faults = [.failover, .restart, .demotion]
            (scenario.longest, scenario.products, scenario.writes) = (1_000.ms, 6, 15)
        }
        return scenario
    }
}

extension Scenario {
    /// Many readers and few writers: what is old stays in the cache until somebody reads it.
    fileprivate mutating func beReading(products: Int, startsOn: Int) {
        (self.products, self.startsOn) = (products, startsOn)
        (writes, clients, pause) = (10, 8, 30.ms)
    }
}
