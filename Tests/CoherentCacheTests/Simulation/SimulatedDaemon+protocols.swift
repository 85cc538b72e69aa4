@testable import CoherentCache

/// READ and WRITE, as the cache has them.
extension SimulatedDaemon {
    private static let redisTimeout: Int64 = 40_000_000
    private static let endTimeout: Int64 = 100_000_000
    private static let readTimeout: Int64 = 1_000_000_000
    private static let writeTimeout: Int64 = 2_500_000_000
    private static let settleTimeout: Int64 = 4_000_000_000

    private func key(_ product: Int, _ generation: String) -> SimulatedRedis.Key {
        .init(namespace: world.left == .namespaceIsNew ? "one" : generation, product: product)
    }

    // MARK: Reading

    /// - Parameter done: what was read, `nil` for a failure.
    func read(_ product: Int, done: @escaping (Int?) -> Void) {
        guard let connection, let generation = machine.usable(over: connection.run, now: now) else {
            return load(product, done: done)
        }
        let (key, token) = (key(product, generation), world.nextToken())
        command(connection, timeout: Self.redisTimeout) { [world] server -> SimulatedRedis.Lease in
            server.refuses ? .busy : server.lease(key, token: token, now: world.agenda.now)
        } then: { [unowned self] lease in
            switch lease {
            case .value(let version):
                hits += 1
                done(version)
            case .wait:
                after(5.ms) { [unowned self] in poll(key, over: connection, done: done) }
            case .busy, nil: load(product, done: done)
            case .lease:
                load(product) { [unowned self] version in
                    done(version)
                    guard let version else { return }
                    command(connection, timeout: Self.redisTimeout) { server in
                        server.fill(key, token: token, value: version)
                    } then: { _ in
                    }
                }
            }
        }
    }

    private func poll(_ key: SimulatedRedis.Key, over connection: Connection, done: @escaping (Int?) -> Void) {
        command(connection, timeout: Self.redisTimeout) { server in
            server.data[key]?.value
        } then: { [unowned self] value in
            if let version = value ?? nil { done(version) } else { load(key.product, done: done) }
        }
    }

    private func load(_ product: Int, done: @escaping (Int?) -> Void) {
        call(.mongo, timeout: Self.readTimeout) { [world] in
            world.mongo.versions[product]
        } then: {
            done($0)
        }
    }

    // MARK: Writing

    /// A write under way.
    private struct Write {
        let key: Int
        let product: Int
        let token: Int
        var registration: CacheSwitch.Registration?
        var version = 0
        var deadline: Int64 = 0
        var isReplay = false
        /// What was known before the store's write, for whoever looks only then.
        var early: CacheSwitch.Step?
        var connection: Connection?
    }

    /// - Parameter done: the version it has made, `nil` for a failure.
    func write(_ request: Int, _ product: Int, done: @escaping (Int?) -> Void) {
        var write = Write(key: request, product: product, token: world.nextToken(), connection: connection)
        guard let connection, let generation = machine.usable(over: connection.run, now: now) else {
            return commit(write, done: done)
        }
        let (key, token) = (key(product, generation), write.token)
        command(connection, timeout: Self.redisTimeout) { [world] server -> Bool in
            if !server.refuses { server.begin(key, token: token, now: world.agenda.now) }
            return !server.refuses
        } then: { [unowned self] isTaken in
            if isTaken == true {
                write.registration = .init(connection: connection.number, generation: generation)
            }
            commit(write, done: done)
        }
    }

    private func commit(_ write: Write, done: @escaping (Int?) -> Void) {
        var write = write
        if world.left == .looksAfterCommit { write.early = step(of: write) }
        call(.mongo, timeout: Self.writeTimeout) { [world] in
            (
                isReplay: world.mongo.outcomes[write.key] != nil,
                version: world.mongo.write(write.key, product: write.product)
            )
        } then: { [unowned self] outcome in
            guard let outcome else { return done(nil) }
            (write.version, write.isReplay) = (outcome.version, outcome.isReplay)
            write.deadline = now + Self.settleTimeout
            settle(write, done: done)
        }
    }

    private func step(of write: Write) -> CacheSwitch.Step {
        machine.settle(
            connection: connection.map { .init(number: $0.number, run: $0.run) }, registration: write.registration,
            now: now)
    }

    private func settle(_ write: Write, done: @escaping (Int?) -> Void) {
        if write.isReplay, world.left == .endBeforeReplay { return done(write.version) }
        guard now < write.deadline else { return done(nil) }
        var write = write
        let step = write.early ?? step(of: write)
        let over = write.early == nil ? connection : write.connection
        write.early = nil
        switch step {
        case .done: done(write.version)
        case .renew(let time): wait(write, until: time, done: done)
        case .end(let generation, let mayWriteThrough):
            guard let over else { return wait(write, until: now + 10.ms, done: done) }
            end(write, over, generation, mayWriteThrough: mayWriteThrough) { [unowned self] isDone in
                if isDone { return done(write.version) }
                if connection?.number == over.number { disconnect() }
                endAgain(write, generation, run: over.run, done: done)
            }
        }
    }

    /// Once more, over a fresh connection of the same run.
    private func endAgain(_ write: Write, _ generation: String, run: String, done: @escaping (Int?) -> Void) {
        connect { [unowned self] made in
            guard let made, made.run == run else { return giveUp(write, generation, done: done) }
            end(write, made, generation, mayWriteThrough: false) { [unowned self] isDone in
                if isDone { done(write.version) } else { giveUp(write, generation, done: done) }
            }
        }
    }

    private func giveUp(_ write: Write, _ generation: String, done: @escaping (Int?) -> Void) {
        suspect(generation)
        guard case .renew(let time) = machine.step(afterFailedEnd: now) else { return done(nil) }
        wait(write, until: time, done: done)
    }

    private func wait(_ write: Write, until time: Int64, done: @escaping (Int?) -> Void) {
        renew()
        after(max(0, time - now)) { [unowned self] in settle(write, done: done) }
    }

    private func end(
        _ write: Write, _ connection: Connection, _ generation: String, mayWriteThrough: Bool,
        then: @escaping (Bool) -> Void
    ) {
        // What a repetition brings is of the first time.
        let isNew = !write.isReplay || world.left == .writeThroughNew
        let may = (mayWriteThrough || world.left == .writeThroughRegistered) && isNew
        let key = key(write.product, generation)
        command(connection, timeout: Self.endTimeout) { [world] server -> Bool in
            guard !server.refuses else { return false }
            server.end(key, token: write.token, value: may ? write.version : nil, now: world.agenda.now)
            return true
        } then: {
            then($0 == true)
        }
    }
}
