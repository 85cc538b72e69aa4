import InventoryKit
import Testing

@testable import CoherentCache

/// The design's sentences, one by one. Times are in milliseconds.
@Suite("The switch")
struct CacheSwitchTests {
    /// The machine is changed within expectations, too.
    private final class State {
        var machine = CacheSwitch()
        var count = 0
    }

    private let state = State()
    private var machine: CacheSwitch {
        get { state.machine }
        nonmutating _modify { yield &state.machine }
    }

    // MARK: Renewing

    @Test("The first renewal looks, whatever Redis is")
    func firstLooks() {
        machine.connected(to: "r")
        #expect(begin(token: "1", now: 0)?.update == .look(generationIfNew: "-/1", claimIfNew: "-/1"))
    }

    @Test("It looks on while the generation is of its run")
    func looksOn() {
        turnedOn("r/g", run: "r", at: 0)
        #expect(update(at: 250) == .look(generationIfNew: "-/1", claimIfNew: "-/1"))
    }

    @Test("It vetoes a generation of another run, and one without a run, and says whose it is")
    func vetoesOthers() {
        turnedOn("r/g", run: "s", at: 0)
        #expect(update(at: 250) == .veto(claim: "s/1", generationIfNew: "-/1"))
        machine.disconnected()
        #expect(update(at: 1_000) == .veto(claim: "-/2", generationIfNew: "-/2"))
    }

    @Test("While it is off it vetoes claims of other runs, and leaves one of its own alone")
    func vetoesClaims() {
        machine.connected(to: "r")
        see("r/g", claim: "s/c", sent: 0, seen: 1)
        #expect(update(at: 250) == .veto(claim: "r/1", generationIfNew: "-/1"))
        see("r/g", claim: "r/1", sent: 1_000, seen: 1_001)
        #expect(update(at: 1_250) == .look(generationIfNew: "-/2", claimIfNew: "-/2"))
    }

    @Test("It switches on, with a generation of its run, when the claim has stood for 1.5 s since it was seen")
    func turnsOn() {
        machine.connected(to: "r")
        see("q/g", claim: "r/c", sent: 0, seen: 100)
        #expect(update(at: 1_599) == .look(generationIfNew: "-/1", claimIfNew: "-/1"))
        see("q/g", claim: "r/c", sent: 1_700, seen: 1_701)
        #expect(update(at: 1_702) == .turnOn(claimSeen: "r/c", generation: "r/2"))
    }

    @Test("A new claim begins the 1.5 s anew")
    func newClaim() {
        machine.connected(to: "r")
        see("q/g", claim: "r/c", sent: 0, seen: 0)
        see("q/g", claim: "r/d", sent: 1_000, seen: 1_000)
        #expect(update(at: 2_499) == .look(generationIfNew: "-/1", claimIfNew: "-/1"))
    }

    @Test("Who has found another claim than the one that was seen looks next, or would never see who was faster")
    func noMatch() throws {
        machine.connected(to: "r")
        see("q/g", claim: "r/c", sent: 0, seen: 0)
        let turn = try #require(begin(token: "1", now: 1_500.ms))
        #expect(turn.update == .turnOn(claimSeen: "r/c", generation: "r/1"))
        machine.renewalDone(turn.number, nil, now: 1_501.ms)
        #expect(update(at: 1_750) == .look(generationIfNew: "-/1", claimIfNew: "-/1"))
    }

    @Test("One renewal is under way at a time, until it has timed out; its reply is dropped then")
    func oneAtATime() throws {
        machine.connected(to: "r")
        let first = try #require(begin(token: "1", now: 0))
        #expect(begin(token: "2", now: 499.ms) == nil)
        let second = try #require(begin(token: "3", now: 500.ms))
        machine.renewalDone(first.number, SwitchDocument(generation: "r/g", claim: "", beat: 1), now: 501.ms)
        #expect(machine.document == nil)
        machine.renewalFailed(first.number)
        #expect(begin(token: "4", now: 502.ms) == nil, "the second one is under way")
        machine.renewalFailed(second.number)
        #expect(begin(token: "5", now: 503.ms) != nil)
    }

    @Test("A reply after the time-out is dropped, also when no other renewal has begun")
    func late() throws {
        let renewal = try #require(begin(token: "1", now: 0))
        machine.renewalDone(renewal.number, SwitchDocument(generation: "r/g", claim: "", beat: 1), now: 500.ms)
        #expect(machine.document == nil)
    }

    // MARK: Suspicion

    @Test("A suspected generation is vetoed, even when Redis is well again before that")
    func suspicion() {
        turnedOn("r/g", run: "r", at: 0)
        machine.suspect(generation: "r/g")
        #expect(update(at: 100) == .veto(claim: "r/1", generationIfNew: "-/1"))
        machine.recovered(now: 110.ms)
        #expect(update(at: 1_000) == .veto(claim: "r/2", generationIfNew: "-/2"))
        see("r/h", claim: "", sent: 2_000, seen: 2_000)
        #expect(update(at: 2_100) == .look(generationIfNew: "-/3", claimIfNew: "-/3"))
    }

    @Test("Suspicion of a generation that is gone is nothing")
    func oldSuspicion() {
        turnedOn("r/h", run: "r", at: 0)
        machine.suspect(generation: "r/g")
        #expect(!machine.isSuspect)
    }

    @Test("Redis is trusted again at once, then after 2, 4 … 60 s, and at once after five quiet minutes")
    func holds() {
        machine.connected(to: "r")
        var (time, expected) = (0, [0, 2, 4, 8, 16, 32, 60, 60])
        for hold in expected {
            time += 100_000
            suspectOnce(at: time)
            #expect(machine.holdUntil == (time + hold * 1_000).ms)
        }
        expected = [0, 2]
        time += 300_000
        for hold in expected {
            suspectOnce(at: time)
            #expect(machine.holdUntil == (time + hold * 1_000).ms)
            time += 1_000
        }
    }

    @Test("Many failures under one generation are one suspicion")
    func oneSuspicion() {
        suspectOnce(at: 1_000)
        for time in 1_001...1_010 {
            machine.suspect(generation: machine.document?.generation ?? "")
            machine.recovered(now: time.ms)
        }
        #expect(machine.holdUntil == 1_000.ms)
    }

    @Test("As long as Redis is not trusted it is vetoed")
    func holding() {
        machine.connected(to: "r")
        suspectOnce(at: 1_000)
        suspectOnce(at: 2_000)
        see("r/new", claim: "", sent: 3_000, seen: 3_000)
        #expect(update(at: 3_999) == .veto(claim: "r/1", generationIfNew: "-/1"))
        #expect(update(at: 4_500) == .look(generationIfNew: "-/2", claimIfNew: "-/2"))
    }

    // MARK: Using

    @Test("Usable from 1.05 s after it was seen on, until 1 s after the last renewal was sent")
    func usable() {
        see("r/g", claim: "", sent: 0, seen: 10)
        see("r/g", claim: "", sent: 900, seen: 1_300)
        #expect(machine.usable(over: "r", now: 1_059.ms) == nil)
        #expect(machine.usable(over: "r", now: 1_060.ms) == "r/g")
        #expect(machine.usable(over: "r", now: 1_899.ms) == "r/g")
        #expect(machine.usable(over: "r", now: 1_900.ms) == nil)
        #expect(machine.usable(over: "s", now: 1_500.ms) == nil)
        #expect(machine.usable(over: "", now: 1_500.ms) == nil)
    }

    @Test("Another generation, off, and a document never seen are not usable")
    func unusable() {
        #expect(machine.usable(over: "r", now: 0) == nil)
        turnedOn("r/g", run: "r", at: 0)
        see("r/h", claim: "", sent: 2_000, seen: 2_000)
        #expect(machine.usable(over: "r", now: 2_001.ms) == nil)
        see("r/h", claim: "r/c", sent: 3_000, seen: 3_000)
        see("r/h", claim: "r/c", sent: 4_900, seen: 4_900)
        #expect(machine.usable(over: "r", now: 5_000.ms) == nil)
    }

    // MARK: Settling

    private let connection = CacheSwitch.Connection(number: 7, run: "r")

    @Test("On: END, and the body may go along only from who registered over the same connection and generation")
    func end() {
        turnedOn("r/g", run: "r", at: 0)
        let own = CacheSwitch.Registration(connection: 7, generation: "r/g")
        for (registration, may) in [
            (own, true), (nil, false), (.init(connection: 6, generation: "r/g"), false),
            (.init(connection: 7, generation: "r/f"), false),
        ] {
            let step = machine.settle(connection: connection, registration: registration, now: 1.ms)
            #expect(step == .end(generation: "r/g", mayWriteThrough: may))
        }
    }

    @Test("On, and no connection to that run: renew, and look again after 10 ms")
    func noConnection() {
        turnedOn("r/g", run: "r", at: 0)
        let other = CacheSwitch.Connection(number: 8, run: "s")
        #expect(machine.settle(connection: nil, registration: nil, now: 1.ms) == .renew(until: 11.ms))
        #expect(machine.settle(connection: other, registration: nil, now: 1.ms) == .renew(until: 11.ms))
        #expect(machine.step(afterFailedEnd: 5.ms) == .renew(until: 15.ms))
    }

    @Test("Without a valid lease nothing is known: renew")
    func noLease() {
        #expect(machine.settle(connection: connection, registration: nil, now: 1.ms) == .renew(until: 11.ms))
        see("r/g", claim: "r/c", sent: 0, seen: 0)
        #expect(machine.settle(connection: connection, registration: nil, now: 2_000.ms) == .renew(until: 2_010.ms))
    }

    @Test("Off: done 1.05 s after that was seen; before, END if there is a connection, else wait for it")
    func off() {
        see("r/g", claim: "r/c", sent: 0, seen: 50)
        see("r/g", claim: "r/d", sent: 900, seen: 900)
        let end = CacheSwitch.Step.end(generation: "r/g", mayWriteThrough: false)
        #expect(machine.settle(connection: connection, registration: nil, now: 1_000.ms) == end)
        #expect(machine.settle(connection: nil, registration: nil, now: 1_080.ms) == .renew(until: 1_090.ms))
        #expect(machine.settle(connection: nil, registration: nil, now: 1_095.ms) == .renew(until: 1_100.ms))
        #expect(machine.settle(connection: nil, registration: nil, now: 1_100.ms) == .done)
    }

    // MARK: Parts

    private func begin(token: String, now: Int64) -> CacheSwitch.Renewal? {
        state.machine.beginRenewal(token: token, now: now)
    }

    /// The update of the next renewal, which then fails.
    private func update(at time: Int) -> SwitchUpdate? {
        state.count += 1
        guard let renewal = begin(token: "\(state.count)", now: time.ms) else { return nil }
        machine.renewalFailed(renewal.number)
        return renewal.update
    }

    private func see(_ generation: String, claim: String, sent: Int, seen: Int) {
        guard let renewal = begin(token: "t", now: sent.ms) else {
            Issue.record("a renewal is under way")
            return
        }
        machine.renewalDone(
            renewal.number, SwitchDocument(generation: generation, claim: claim, beat: 1), now: seen.ms)
    }

    private func turnedOn(_ generation: String, run: String, at time: Int) {
        machine.connected(to: run)
        see(generation, claim: "", sent: time, seen: time)
    }

    private func suspectOnce(at time: Int) {
        see("r/g\(time)", claim: "", sent: time, seen: time)
        machine.suspect(generation: "r/g\(time)")
        machine.recovered(now: time.ms)
    }
}
