import TestSupport
import Testing

@testable import InventoryServer

@Suite("Turns of lists", .timeLimit(.minutes(1)))
struct ListTurnsTests {
    /// So patient that nobody is ever late, however slow the machine is.
    private static let forEver = Duration.seconds(3_600)

    /// Who has had a turn, in that order.
    private actor Order {
        private(set) var names: [String] = []

        func add(_ name: String) { names.append(name) }
    }

    /// Has one after another wait, until all do.
    private func wait(
        _ names: [String], for turns: ListTurns, _ order: Order, in group: inout ThrowingTaskGroup<Bool, any Error>
    ) async throws {
        for (index, name) in names.enumerated() {
            group.addTask {
                let hasTurn = await turns.take(for: String(name.prefix(1)), waitingAtMost: 100)
                if hasTurn { await order.add(name) }
                return hasTurn
            }
            try await eventually("\(name) to wait") { turns.waiting > index ? () : nil }
        }
    }

    /// Fails where whoever asks for many lists stands before all others, or where a turn is lost or made.
    @Test("Who waits has a turn in turn with the other callers, and as many are taken as there are")
    func fairness() async throws {
        let (turns, order) = (ListTurns(1, patience: Self.forEver), Order())
        #expect(await turns.take(for: "x", waitingAtMost: 100))
        try await withThrowingTaskGroup(of: Bool.self) { group in
            try await wait(["a1", "a2", "a3", "b1", "c1", "b2"], for: turns, order, in: &group)
            for count in 1...6 {
                turns.leave()
                try await eventually("turn \(count)") { await order.names.count >= count ? () : nil }
                #expect(await order.names.count == count)
            }
            for try await hasTurn in group { #expect(hasTurn) }
        }
        #expect(await order.names == ["a1", "b1", "c1", "a2", "b2", "a3"])
        turns.leave()
        #expect(await turns.take(for: "a", waitingAtMost: 0))
        #expect(await !turns.take(for: "a", waitingAtMost: 0))
    }

    /// Fails where somebody who waits for ever is kept waiting, or takes a turn with him.
    @Test("Who has waited for too long is told so, and leaves the turn to others")
    func lateness() async throws {
        let (turns, order) = (ListTurns(1, patience: .zero), Order())
        #expect(await turns.take(for: "x", waitingAtMost: 100))
        try await withThrowingTaskGroup(of: Bool.self) { group in
            try await wait(["a1", "a2", "b1"], for: turns, order, in: &group)
            turns.leave()
            for try await hasTurn in group { #expect(!hasTurn) }
        }
        #expect(turns.waiting == 0)
        #expect(await turns.take(for: "c", waitingAtMost: 0))
    }

    /// Fails where one caller can fill the whole room.
    @Test("Where no more may wait, the last of whoever has the most makes room for another caller")
    func fullness() async throws {
        let (turns, order) = (ListTurns(1, patience: Self.forEver), Order())
        #expect(await turns.take(for: "x", waitingAtMost: 3))
        try await withThrowingTaskGroup(of: Bool.self) { group in
            try await wait(["a1", "a2", "a3"], for: turns, order, in: &group)
            #expect(await !turns.take(for: "a", waitingAtMost: 3))
            let other = Task { await turns.take(for: "b", waitingAtMost: 3) }
            // The third of a's has made room.
            #expect(try await group.next() == false)
            #expect(turns.waiting == 3)
            // With two of a's and one of b's, another of b's would only take what a has no more of than b.
            #expect(await !turns.take(for: "b", waitingAtMost: 3))
            for _ in 0..<3 { turns.leave() }
            #expect(await other.value)
            for try await hasTurn in group { #expect(hasTurn) }
        }
        #expect(turns.waiting == 0)
    }
}
