import InventoryKit

@testable import CoherentCache

/// A daemon: the machine under test with everything around it that the product has, too, on a clock of its own.
final class SimulatedDaemon {
    /// A connection, as it was made.
    struct Connection {
        let number: UInt64
        let run: String
        let server: SimulatedRedis
        let incarnation: Int
    }

    unowned let world: Simulation
    let place: Int
    private(set) var machine: CacheSwitch
    private(set) var connection: Connection?
    private(set) var isRunning = true
    /// Until when nothing of it runs, though time goes on.
    var pausedUntil: Int64 = 0
    var hits = 0

    /// How fast its clock goes, in millionths, and by how much it is ahead.
    private var (rate, offset): (Int64, Int64) = (1_000_000, 0)
    /// Grows with each start: what was under way for the process before is nothing to this one.
    private(set) var epoch = 0
    private var freshFrom: UInt64 = 0
    private var isConnecting = false
    private var waiting: [(Connection?) -> Void] = []

    init(place: Int, in world: Simulation) {
        self.world = world
        self.place = place
        machine = CacheSwitch(times: .init(), rules: Self.rules(without: world.left))
    }

    private static func rules(without rule: Rule?) -> CacheSwitch.Rules {
        CacheSwitch.Rules.all.subtracting(rule?.inMachine ?? [])
    }

    // MARK: Its life

    func start() {
        isRunning = true
        rate = world.dice.between(980_000, 1_020_000)
        offset = world.dice.between(0, 1_000_000.ms)
        machine = CacheSwitch(times: .init(), rules: Self.rules(without: world.left))
        (connection, isConnecting, waiting, pausedUntil) = (nil, false, [], 0)
        renewRegularly()
        ask()
    }

    func crash() {
        isRunning = false
        epoch += 1
    }

    // MARK: Its time

    var now: Int64 { offset + world.agenda.now / 1_000_000 * rate + world.agenda.now % 1_000_000 * rate / 1_000_000 }

    /// Does it after a time by this daemon's clock.
    func after(_ duration: Int64, _ body: @escaping () -> Void) {
        let epoch = epoch
        world.agenda.add(at: world.agenda.now + duration * 1_000_000 / rate + 2) { [unowned self] in
            perform(epoch, body)
        }
    }

    /// Does it when the process runs, if it is still the same process.
    func perform(_ epoch: Int, _ body: @escaping () -> Void) {
        guard epoch == self.epoch else { return }
        guard world.agenda.now >= pausedUntil else {
            let time = pausedUntil + world.dice.between(0, 2.ms)
            return world.agenda.add(at: time) { [unowned self] in perform(epoch, body) }
        }
        body()
    }

    // MARK: Renewing

    private func renewRegularly() {
        renew()
        after(CacheSwitch.Times().renewalInterval) { [unowned self] in renewRegularly() }
    }

    func renew() {
        guard let renewal = machine.beginRenewal(token: "\(world.nextToken())", now: now) else { return }
        let epoch = epoch
        world.send(.mongo, of: place) { [unowned self] in
            let document = world.mongo.apply(renewal.update)
            world.reply(.mongo, to: place) { [unowned self] in
                perform(epoch) { [unowned self] in machine.renewalDone(renewal.number, document, now: now) }
            }
        }
    }

    func suspect(_ generation: String) {
        machine.suspect(generation: generation)
        freshFrom = world.lastConnection + 1
        disconnect()
    }

    // MARK: Redis

    /// Connects where there is no connection, and else asks whether it is still the same run.
    private func ask() {
        if let connection { askAgain(connection) } else { connect() }
        after(world.dice.between(240.ms, 260.ms)) { [unowned self] in ask() }
    }

    /// Makes a connection; or waits for the one that is being made.
    func connect(_ then: ((Connection?) -> Void)? = nil) {
        if let then { waiting.append(then) }
        guard !isConnecting else { return }
        isConnecting = true
        let (server, number) = (world.route[place], world.nextConnection())
        call(.redis, timeout: 50.ms) { () -> Connection? in
            guard server.isUp, server.isPrimary else { return nil }
            return Connection(number: number, run: server.run, server: server, incarnation: server.incarnation)
        } then: { [unowned self] made in
            isConnecting = false
            connection = made ?? nil
            if let connection {
                machine.connected(to: connection.run)
                if connection.number >= freshFrom { machine.recovered(now: now) }
            } else {
                machine.disconnected()
            }
            let told = waiting
            waiting = []
            for then in told { then(connection) }
        }
    }

    private func askAgain(_ asked: Connection) {
        command(asked, timeout: 100.ms) { server in
            server.isPrimary ? server.run : ""
        } then: { [unowned self] run in
            guard connection?.number == asked.number else { return }
            guard run == asked.run else {
                disconnect()
                connect()
                return
            }
            machine.connected(to: asked.run)
        }
    }

    /// The product has other connections to Redis yet, so the machine hears of it only when there is none to be had.
    func disconnect() { connection = nil }

    /// A command over a connection; `nil` where there is no answer in time.
    func command<Value>(
        _ over: Connection, timeout: Int64, _ perform: @escaping (SimulatedRedis) -> Value,
        then: @escaping (Value?) -> Void
    ) {
        let place = place
        call(.redis, over: over.number, timeout: timeout) { [unowned self] () -> Value? in
            guard over.server.isUp, over.server.incarnation == over.incarnation else {
                world.reply(.redis, to: place) { [unowned self] in
                    if connection?.number == over.number { disconnect() }
                }
                return nil
            }
            return perform(over.server)
        } then: { [unowned self] value in
            if let value = value ?? nil { return then(value) }
            guard world.left == .nothingIsResent else { return then(nil) }
            resend(timeout: timeout, attempts: 20, perform, then: then)
        }
    }

    /// What must not be: it is sent again over whatever connection there is next.
    private func resend<Value>(
        timeout: Int64, attempts: Int, _ perform: @escaping (SimulatedRedis) -> Value, then: @escaping (Value?) -> Void
    ) {
        guard attempts > 0 else { return then(nil) }
        guard let over = connection else {
            return after(10.ms) { [unowned self] in
                resend(timeout: timeout, attempts: attempts - 1, perform, then: then)
            }
        }
        call(.redis, over: over.number, timeout: timeout) { () -> Value? in
            guard over.server.isUp, over.server.incarnation == over.incarnation else { return nil }
            return perform(over.server)
        } then: { value in
            then(value ?? nil)
        }
    }

    /// Asks a server, and hears exactly once what came of it: `nil` where there was no answer in time.
    func call<Value>(
        _ path: Simulation.Path, over connection: UInt64 = 0, timeout: Int64, _ ask: @escaping () -> Value,
        then: @escaping (Value?) -> Void
    ) {
        let epoch = epoch
        var isAnswered = false
        world.send(path, of: place, over: connection) { [unowned self] in
            let value = ask()
            world.reply(path, to: place) { [unowned self] in
                perform(epoch) {
                    if isAnswered { return }
                    isAnswered = true
                    then(value)
                }
            }
        }
        after(timeout) {
            if isAnswered { return }
            isAnswered = true
            then(nil)
        }
    }
}
