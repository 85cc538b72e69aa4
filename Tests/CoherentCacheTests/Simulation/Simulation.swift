import InventoryKit

/// Three daemons, one MongoDB and Redis, in virtual time, with faults, and clients who read and write at random. All
/// chance comes from the seed.
///
/// What is checked: a read returns at least the version that was acknowledged before it began; and when all faults are
/// over, each daemon serves from the cache again and writes.
final class Simulation {
    enum Path: Int {
        case mongo, redis
    }

    /// How a message may be late: so many in a hundred by up to so much.
    struct Slowness {
        var chance = 0
        var longest: Int64 = 0
    }

    /// What came of it.
    struct Verdict: Sendable {
        var reads = 0
        var hits = 0
        var writes = 0
        /// Writes that were not acknowledged though MongoDB had them.
        var failures = 0
        /// How long the slowest acknowledgement took, from the request's arrival.
        var slowest: Int64 = 0
        var events = 0
        var stale: String?
        /// When the cache was in use again everywhere after the last fault; `nil`: never.
        var recovery: Int64?
    }

    static let daemonCount = 3
    /// How long it may take after the last fault until everybody hits: a killed writer's mark keeps a product out of the
    /// cache for 15 s.
    static let patience: Int64 = 25_000_000_000

    let left: Rule?
    let scenario: Scenario
    var dice: Dice
    var agenda: Agenda
    let mongo: SimulatedMongo
    private(set) var daemons: [SimulatedDaemon] = []
    /// All Redis servers there are or were; the first one is there from the beginning.
    var servers: [SimulatedRedis] = []
    /// Which server a daemon's new connections go to.
    var route: [SimulatedRedis] = []
    /// Whether messages pass, and how late, by path and daemon; requests and replies alike.
    var isCut = Array(repeating: Array(repeating: false, count: daemonCount), count: 2)
    var slowness = Array(repeating: Array(repeating: Slowness(), count: daemonCount), count: 2)
    private(set) var lastConnection: UInt64 = 0
    private var lastToken = 0
    /// When the last command over a connection arrives: TCP keeps their order.
    private var lastArrival: [UInt64: Int64] = [:]

    private var acknowledged: [Int]
    private var verdict = Verdict()
    private var hitsAtCalm = Array(repeating: 0, count: daemonCount)
    private var written: Set<Int> = []
    var isCalm = false
    private var isOver = false

    init(seed: UInt64, scenario: Scenario, without rule: Rule? = nil) {
        left = rule
        self.scenario = scenario
        dice = Dice(seed: seed)
        agenda = Agenda(end: scenario.duration + Self.patience)
        mongo = SimulatedMongo(products: scenario.products, without: rule)
        acknowledged = mongo.versions
        servers = [SimulatedRedis(id: nextToken(), without: rule)]
        route = Array(repeating: servers[0], count: Self.daemonCount)
        daemons = (0..<Self.daemonCount).map { SimulatedDaemon(place: $0, in: self) }
    }

    func run() -> Verdict {
        mongo.document = SwitchDocument(
            generation: "\(servers[0].run)/\(nextToken())", claim: dice.percent(scenario.startsOn) ? "" : "-/0", beat: 0
        )
        for daemon in daemons { daemon.start() }
        for _ in 0..<scenario.clients { think() }
        copyRegularly()
        scheduleFaults()
        agenda.add(at: scenario.duration) { [unowned self] in calm() }
        while !isOver, let body = agenda.next() { body() }
        verdict.events = agenda.count
        verdict.hits = daemons.reduce(0) { $0 + $1.hits }
        return verdict
    }

    func nextToken() -> Int {
        lastToken += 1
        return lastToken
    }

    func nextConnection() -> UInt64 {
        lastConnection += 1
        return lastConnection
    }

    private func copyRegularly() {
        for server in servers where server.isUp { server.keepCopy() }
        guard !isCalm else { return }
        agenda.add(at: agenda.now + dice.between(100.ms, 500.ms)) { [unowned self] in copyRegularly() }
    }

    /// From now on nothing breaks any more.
    private func calm() {
        isCalm = true
        for (place, daemon) in daemons.enumerated() { hitsAtCalm[place] = daemon.hits }
        written = []
    }

    // MARK: Messages

    func send(_ path: Path, of place: Int, over connection: UInt64 = 0, _ body: @escaping () -> Void) {
        guard !isCut[path.rawValue][place] else { return }
        var time = agenda.now + delay(path, place)
        if connection != 0 {
            time = max(time, lastArrival[connection] ?? 0)
            lastArrival[connection] = time + 1
        }
        agenda.add(at: time) { [unowned self] in
            if !isCut[path.rawValue][place] { body() }
        }
    }

    func reply(_ path: Path, to place: Int, _ body: @escaping () -> Void) { send(path, of: place, body) }

    private func delay(_ path: Path, _ place: Int) -> Int64 {
        let slow = slowness[path.rawValue][place]
        if slow.chance > 0, dice.percent(slow.chance) { return dice.between(1.ms, slow.longest) }
        return dice.between(100.us, path == .mongo ? 3.ms : 500.us)
    }

    // MARK: Clients

    private func think() {
        guard !isOver else { return }
        agenda.add(at: agenda.now + dice.between(1.ms, scenario.pause)) { [unowned self] in act() }
    }

    private func act() {
        let daemon = daemons[dice.below(Self.daemonCount)]
        let product = dice.below(scenario.products)
        guard daemon.isRunning else { return think() }
        if dice.percent(scenario.writes) {
            write(nextToken(), product, at: daemon, attempts: 3)
        } else {
            read(product, at: daemon)
        }
    }

    /// Goes on when `body` has called back, or after a while without that.
    private func once<Value>(_ then: @escaping (Value?) -> Void) -> (Value?) -> Void {
        var isDone = false
        agenda.add(at: agenda.now + 8_000.ms) {
            if !isDone { then(nil) }
            isDone = true
        }
        return { value in
            if !isDone { then(value) }
            isDone = true
        }
    }

    private func read(_ product: Int, at daemon: SimulatedDaemon) {
        let (required, start) = (acknowledged[product], agenda.now)
        let done: (Int?) -> Void = once { [unowned self] version in
            if let version {
                verdict.reads += 1
                if version < required, verdict.stale == nil {
                    verdict.stale = "at \(start / 1_000_000) ms daemon \(daemon.place) read \(version), not \(required)"
                    isOver = true
                }
            }
            noteRecovery(daemon)
            think()
        }
        daemon.perform(daemon.epoch) { daemon.read(product, done: done) }
    }

    private func write(_ key: Int, _ product: Int, at daemon: SimulatedDaemon, attempts: Int) {
        let start = agenda.now
        let done: (Int?) -> Void = once { [unowned self] version in
            if let version {
                verdict.writes += 1
                verdict.slowest = max(verdict.slowest, agenda.now - start)
                acknowledged[product] = max(acknowledged[product], version)
                written.insert(daemon.place)
            } else if mongo.outcomes[key] != nil {
                verdict.failures += 1
            }
            // Half of those who do not know ask again.
            let other = daemons[dice.below(Self.daemonCount)]
            guard version == nil || dice.percent(5), attempts > 1, other.isRunning, dice.percent(70) else {
                return think()
            }
            write(key, product, at: other, attempts: attempts - 1)
        }
        daemon.perform(daemon.epoch) { daemon.write(key, product, done: done) }
    }

    /// All is well when every daemon has hit and has written.
    private func noteRecovery(_ daemon: SimulatedDaemon) {
        guard isCalm, !isOver, written.count == Self.daemonCount else { return }
        for (place, daemon) in daemons.enumerated() where daemon.hits == hitsAtCalm[place] { return }
        verdict.recovery = agenda.now - scenario.duration
        isOver = true
    }
}
