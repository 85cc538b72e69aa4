import NIOCore
import TestSupport
import Testing

@testable import RedisClient

@Suite("The protocol's state")
struct ProtocolStateTests {
    private func ask(_ state: NumberedState, _ waiters: ClosedRange<Int>, deadline: Int64 = 20) {
        for waiter in waiters {
            #expect(state.enqueue(waiter, bytes: 10, deadline: .at(deadline)) == nil)
        }
    }

    private func feed(_ state: NumberedState, _ text: String) -> NumberedState.Actions {
        state.received(ByteBuffer(string: text))
    }

    @Test("Replies go to those who asked, in order, split at every byte")
    func everySplit() {
        let wire = Replies.wire(Replies.all)
        for split in 0...wire.count {
            let state = NumberedState()
            ask(state, 1...Replies.all.count)
            let first = state.received(ByteBuffer(bytes: wire[..<split]))
            let second = state.received(ByteBuffer(bytes: wire[split...]))
            #expect(first.close == nil && second.close == nil)
            let answers = first.answers + second.answers
            #expect(answers.map(\.waiter) == Array(1...Replies.all.count))
            #expect(answers.map(\.result) == Replies.all.map(Replies.result))
            #expect(state.outstanding == 0)
        }
    }

    @Test("A command out of time is told at once, and its late reply answers nobody")
    func lateReply() {
        let state = NumberedState()
        ask(state, 1...1, deadline: 20)
        ask(state, 2...2, deadline: 100)
        #expect(state.timePassed(now: .at(19)).answers.isEmpty)
        #expect(!state.isOverdue)
        let late = state.timePassed(now: .at(20))
        #expect(late.answers.map(\.waiter) == [1])
        #expect(late.answers.map(\.result) == [.failure(.timedOut)])
        #expect(late.close == nil)
        #expect(state.isOverdue)
        #expect(state.nextDeadline == .at(100))

        let replies = feed(state, "+first\r\n+second\r\n")
        #expect(replies.answers.map(\.waiter) == [2])
        #expect(replies.answers.map(\.result) == [.success(.status("second"))])
        #expect(!state.isOverdue)
        #expect(state.isOpen)
    }

    @Test("Time-outs of different lengths are each told in time")
    func mixedDeadlines() {
        let state = NumberedState()
        ask(state, 1...1, deadline: 1_000)
        ask(state, 2...2, deadline: 20)
        ask(state, 3...3, deadline: 100)
        #expect(state.nextDeadline == .at(20))
        #expect(state.timePassed(now: .at(20)).answers.map(\.waiter) == [2])
        #expect(state.nextDeadline == .at(100))
        #expect(state.timePassed(now: .at(100)).answers.map(\.waiter) == [3])
        #expect(state.nextDeadline == .at(1_000))
        let replies = feed(state, "+one\r\n+two\r\n+three\r\n")
        #expect(replies.answers.map(\.result) == [.success(.status("one"))])
        #expect(state.nextDeadline == nil)
    }

    /// Fails in a process that takes its own long turns for a slow Redis, and then asks the store for everything.
    @Test("A busy process gives Redis three of its turns more, up to a bound, and less again when it is not busy")
    func busy() {
        let state = NumberedState()
        state.turnEnded(after: .milliseconds(10))
        ask(state, 1...1, deadline: 20)
        #expect(state.nextDeadline == .at(50))
        #expect(state.timePassed(now: .at(49)).answers.isEmpty)
        state.turnEnded(after: .milliseconds(1))
        #expect(state.nextDeadline == .at(35))
        #expect(state.timePassed(now: .at(35)).answers.map(\.waiter) == [1])

        state.turnEnded(after: .hours(1_000_000))
        ask(state, 2...2, deadline: 20)
        #expect(state.nextDeadline == .at(220))
        for _ in 0..<64 { state.turnEnded(after: .zero) }
        #expect(state.nextDeadline == .at(20))
    }

    @Test("A reply that is overdue for a second ends the connection")
    func overdue() {
        let state = NumberedState()
        ask(state, 1...1, deadline: 20)
        ask(state, 2...2, deadline: 5_000)
        #expect(state.timePassed(now: .at(20)).close == nil)
        #expect(state.timePassed(now: .at(1_019)).close == nil)
        let end = state.timePassed(now: .at(1_020))
        #expect(end.close != nil)
        #expect(end.answers.map(\.waiter) == [2])
        #expect(!state.isOpen)
        #expect(state.enqueue(3, bytes: 1, deadline: .at(9_000)) == .notConnected)
    }

    @Test("The end answers all who wait, once")
    func closed() {
        let state = NumberedState()
        ask(state, 1...3)
        // In the middle of a reply.
        #expect(feed(state, "+one\r\n$10\r\nhal").answers.count == 1)
        let end = state.close("gone")
        #expect(end.answers.map(\.waiter) == [2, 3])
        #expect(end.answers.map(\.result) == [.failure(.closed("gone")), .failure(.closed("gone"))])
        #expect(state.close("again").answers.isEmpty)
        #expect(state.close("again").close == nil)
        #expect(feed(state, "f-open\r\n").answers.isEmpty)
        #expect(state.timePassed(now: .at(9_999)).answers.isEmpty)
    }

    @Test("A reply that nobody asked for ends the connection")
    func unasked() {
        let state = NumberedState()
        ask(state, 1...1)
        let end = feed(state, "+one\r\n+two\r\n")
        #expect(end.answers.map(\.result) == [.success(.status("one"))])
        #expect(end.close == "a reply that nobody asked for")
    }

    @Test(
        "Garbage ends the connection, and what came before it counts",
        arguments: try Replies.corpus().filter { $0.name.hasPrefix("nasty") }.map(\.name))
    func garbage(_ name: String) throws {
        let bytes = try #require(try Replies.corpus().first { $0.name == name }).bytes
        let state = NumberedState()
        ask(state, 1...20)
        var answers = feed(state, "+first\r\n").answers
        let actions = state.received(ByteBuffer(bytes: bytes))
        answers += actions.answers
        if name.contains("unfinished") || name.contains("huge-arrays") {
            #expect(actions.close == nil)
            answers += state.close("enough").answers
        } else {
            #expect(actions.close != nil)
        }
        #expect(answers.first?.result == .success(.status("first")))
        #expect(answers.map(\.waiter).sorted() == Array(1...20))
        #expect(!state.isOpen)
    }

    @Test("The queue is bounded, in commands and in bytes not sent")
    func bounds() {
        let state = NumberedState(limits: RedisLimits(commandsMax: 3, unsentBytesMax: 100))
        ask(state, 1...3)
        #expect(state.enqueue(4, bytes: 1, deadline: .at(20)) == .overloaded)
        // Out of time, it still takes its place.
        _ = state.timePassed(now: .at(20))
        #expect(state.enqueue(4, bytes: 1, deadline: .at(40)) == .overloaded)
        _ = feed(state, "+OK\r\n")
        #expect(state.enqueue(4, bytes: 71, deadline: .at(40)) == .overloaded)
        #expect(state.enqueue(4, bytes: 70, deadline: .at(40)) == nil)
        _ = feed(state, "+OK\r\n")
        #expect(state.enqueue(5, bytes: 1, deadline: .at(40)) == .overloaded)
        state.sent(100)
        #expect(state.enqueue(5, bytes: 1, deadline: .at(40)) == nil)
        let limits = RedisLimits()
        #expect(limits.commandsMax == 8_192)
        #expect(limits.unsentBytesMax == 16 << 20)
    }

    @Test("Whatever happens in whatever order, each is answered once and with its own reply", arguments: 0..<300)
    func order(_ seed: Int) {
        var random = SeededRandom(seed: UInt64(seed))
        let state = NumberedState(limits: RedisLimits(commandsMax: 50, unsentBytesMax: 1 << 20))
        var (asked, refused, now) = (0, Set<Int>(), Int64(0))
        var answered: [Int: Result<RedisValue, RedisError>] = [:]
        // What the server has got and not answered, and what of its answers is still on the way.
        var (server, wire) = ([Int](), [UInt8]())
        let note = { (actions: NumberedState.Actions) in
            for answer in actions.answers {
                #expect(answered.updateValue(answer.result, forKey: answer.waiter) == nil)
            }
        }
        while asked < 400, state.isOpen {
            switch Int.random(in: 0..<10, using: &random) {
            case 0...3:
                let timeout = [20, 100, 1_000].randomElement(using: &random) ?? 20
                if state.enqueue(asked, bytes: 1, deadline: .at(now + Int64(timeout))) == nil {
                    server.append(asked)
                } else {
                    refused.insert(asked)
                }
                asked += 1
            case 4...6 where !server.isEmpty:
                let number = server.removeFirst()
                wire += Replies.wire(.array([.integer(Int64(number)), .bytes(ByteBuffer(string: "\r\n"))]))
            case 7...8:
                let count = Int.random(in: 0...wire.count, using: &random)
                note(state.received(ByteBuffer(bytes: wire[..<count])))
                wire.removeFirst(count)
            default:
                now += Int64.random(in: 0...30, using: &random)
                note(state.timePassed(now: .at(now)))
            }
        }
        note(state.close("over"))
        #expect(Set(answered.keys) == Set(0..<asked).subtracting(refused))
        let foreign = answered.filter { number, result in
            guard case .success(let value) = result else { return false }
            return value != .array([.integer(Int64(number)), .bytes(ByteBuffer(string: "\r\n"))])
        }
        #expect(foreign.isEmpty)
    }
}
