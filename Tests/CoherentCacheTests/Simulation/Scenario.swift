/// What may happen in a run, and how often.
struct Scenario: Sendable {
    enum Fault: Sendable, CaseIterable {
        /// A daemon is cut off, from Redis or from MongoDB.
        case cutRedis, cutMongo
        /// A daemon's messages take long, with a long tail.
        case slowRedis, slowMongo
        /// A daemon stands still, or is killed and started again.
        case pause, crash
        /// Redis dies and comes back with data of its past.
        case restart
        /// Redis dies, and a copy that is behind takes over.
        case failover
        /// A copy that is behind is promoted while the old primary goes on, for some daemons.
        case split
        /// The primary follows another one that is behind, and is promoted again: the same process.
        case demotion
        /// Scripts fail, everything else works.
        case refusal
        case eviction, flush
        /// Somebody drops the switch's document.
        case drop
    }

    var duration: Int64 = 6_000_000_000
    var clients = 4
    var products = 2
    /// The longest pause between two calls of a client.
    var pause: Int64 = 60_000_000
    /// How many calls in a hundred are writes.
    var writes = 30
    /// In how many runs of a hundred the cache is on from the beginning.
    var startsOn = 70
    var faults: [Fault] = Fault.allCases
    var faultCount = 1...6
    /// Whether some daemon's messages to MongoDB are slow all the time.
    var isSlow = false
    /// The longest that a fault lasts, and how late a slow message may be.
    var longest: Int64 = 3_000_000_000
    var tail: Int64 = 2_500_000_000
}

extension Simulation {
    func scheduleFaults() {
        if scenario.isSlow { begin(.slowMongo, until: scenario.duration) }
        let span = scenario.faultCount.upperBound - scenario.faultCount.lowerBound + 1
        for _ in 0..<(scenario.faultCount.lowerBound + dice.below(span)) where !scenario.faults.isEmpty {
            let fault = scenario.faults[dice.below(scenario.faults.count)]
            let start = dice.between(0, scenario.duration - 10.ms)
            // Short ones as often as long ones.
            let longest = dice.percent(50) ? scenario.longest : scenario.longest / 10
            let end = min(scenario.duration, start + dice.between(10.ms, longest))
            agenda.add(at: start) { [unowned self] in begin(fault, until: end) }
        }
    }

    private func begin(_ fault: Scenario.Fault, until end: Int64) {
        let place = dice.below(Self.daemonCount)
        switch fault {
        case .cutRedis: cut(.redis, place, until: end)
        case .cutMongo: cut(.mongo, place, until: end)
        case .slowRedis: slow(.redis, place, .init(chance: 50, longest: 200.ms), until: end)
        case .slowMongo:
            let tail = dice.percent(50) ? min(480.ms, scenario.tail) : scenario.tail
            slow(.mongo, place, .init(chance: 20 + dice.below(70), longest: tail), until: end)
        case .pause: daemons[place].pausedUntil = max(daemons[place].pausedUntil, end)
        case .crash:
            guard daemons[place].isRunning else { return }
            daemons[place].crash()
            agenda.add(at: end) { [unowned self] in daemons[place].start() }
        case .refusal:
            let server = route[place]
            server.refuses = true
            agenda.add(at: end) { server.refuses = false }
        case .eviction: evict(until: end)
        case .flush: for server in servers { server.data = [:] }
        case .drop: mongo.document = nil
        case .restart, .failover, .split, .demotion: breakRedis(fault, until: end)
        }
    }

    private func cut(_ path: Path, _ place: Int, until end: Int64) {
        isCut[path.rawValue][place] = true
        agenda.add(at: end) { [unowned self] in isCut[path.rawValue][place] = false }
    }

    private func slow(_ path: Path, _ place: Int, _ slowness: Slowness, until end: Int64) {
        self.slowness[path.rawValue][place] = slowness
        agenda.add(at: end) { [unowned self] in self.slowness[path.rawValue][place] = .init() }
    }

    private func evict(until end: Int64) {
        for server in servers { server.evict(&dice) }
        let next = agenda.now + dice.between(1.ms, 20.ms)
        if next < end { agenda.add(at: next) { [unowned self] in evict(until: end) } }
    }

    private func breakRedis(_ fault: Scenario.Fault, until end: Int64) {
        let server = route[0]
        // One at a time: what is broken already stays as it is.
        guard server.isUp, server.isPrimary, route.allSatisfy({ $0 === server }), let copy = somePast(of: server)
        else { return }
        switch fault {
        case .restart:
            server.isUp = false
            server.cutConnections()
            agenda.add(at: end) { [unowned self] in server.start(id: nextToken(), data: copy) }
        case .failover:
            // The old one may be there for those who are connected to it until it is cut off for good.
            let isDead = dice.percent(50)
            if isDead { retire(server) } else { agenda.add(at: end) { [unowned self] in retire(server) } }
            let other = startCopy(copy)
            for place in 0..<Self.daemonCount {
                agenda.add(at: min(end, agenda.now + (isDead ? 0 : dice.between(0, 300.ms)))) { [unowned self] in
                    route[place] = other
                }
            }
        case .split:
            let other = startCopy(copy)
            for place in 0..<Self.daemonCount where dice.percent(50) {
                route[place] = other
                if dice.percent(50) { daemons[place].disconnect() }
            }
            agenda.add(at: end) { [unowned self] in
                // Either of them may be the one that stays.
                let (winner, loser) = dice.percent(50) ? (server, other) : (other, server)
                retire(loser)
                for place in 0..<Self.daemonCount { route[place] = winner }
            }
        default:
            server.isPrimary = false
            server.cutConnections()
            server.data = copy
            agenda.add(at: end) { [unowned self] in server.promote(replication: nextToken()) }
        }
    }

    private func somePast(of server: SimulatedRedis) -> [SimulatedRedis.Key: SimulatedRedis.Entry]? {
        server.copies.isEmpty ? nil : server.copies[dice.below(server.copies.count)]
    }

    private func startCopy(_ data: [SimulatedRedis.Key: SimulatedRedis.Entry]) -> SimulatedRedis {
        let other = SimulatedRedis(id: nextToken(), without: left)
        other.data = data
        servers.append(other)
        return other
    }

    private func retire(_ server: SimulatedRedis) {
        server.isUp = false
        server.cutConnections()
    }
}
