import Foundation
import NIOCore
import TestSupport
import Testing

@testable import RedisClient

#if canImport(Glibc)
import Glibc
#endif

@Suite("Fuzzing")
struct FuzzTests {
    /// How long it runs, beside the other tests.
    private static let duration = Duration.seconds(60)

    @Test(
        "A minute of broken streams: each command is answered once, however the stream is split, and the end is final")
    func minute() async throws {
        let corpus = try Replies.corpus().map(\.bytes)
        let seed = UInt64.random(in: .min ... .max)
        let outcome = await withCheckedContinuation { continuation in
            // A thread of its own, which yields to everything else on the machine.
            Thread.detachNewThread {
                #if canImport(Glibc)
                setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 10)
                #endif
                continuation.resume(returning: StreamFuzzer(corpus: corpus, seed: seed).run(for: Self.duration))
            }
        }
        #expect(outcome.faults.isEmpty, "seed \(seed)")
        #expect(outcome.rounds > 100)
        // A fuzzer that only ever sees the first error, or none, finds nothing.
        #expect(outcome.survivors > 0 && outcome.ends > 0 && outcome.answers > 0)
    }
}

/// Breaks streams of replies in many ways and watches what parser and state make of them.
final class StreamFuzzer {
    struct Outcome: Sendable {
        var rounds = 0
        var answers = 0
        var ends = 0
        var survivors = 0
        /// The first few.
        var faults: [String] = []
    }

    /// So that an unfinished line is never one that is too long, which depends on how it is split.
    private static let streamBytesMax = 16 << 10

    private let corpus: [[UInt8]]
    private var random: SeededRandom
    private var outcome = Outcome()

    init(corpus: [[UInt8]], seed: UInt64) {
        self.corpus = corpus
        random = SeededRandom(seed: seed)
    }

    func run(for duration: Duration) -> Outcome {
        let end = ContinuousClock.now + duration
        while ContinuousClock.now < end, outcome.faults.isEmpty {
            let stream = mutated()
            let commands = Int.random(in: 0...60, using: &random)
            compareSplits(stream, commands: commands)
            live(stream)
            outcome.rounds += 1
        }
        return outcome
    }

    private func check(_ condition: Bool, _ what: String, _ stream: [UInt8]) {
        guard !condition else { return }
        outcome.faults.append("\(what): \(String(reflecting: String(decoding: stream.prefix(2_000), as: UTF8.self)))")
    }

    // MARK: Streams

    private func mutated() -> [UInt8] {
        var stream = corpus.randomElement(using: &random) ?? []
        for _ in 0..<Int.random(in: 0...6, using: &random) {
            mutate(&stream)
            if stream.count > Self.streamBytesMax { stream.removeLast(stream.count - Self.streamBytesMax) }
        }
        return stream
    }

    private func mutate(_ stream: inout [UInt8]) {
        let place = Int.random(in: 0...stream.count, using: &random)
        let end = min(stream.count, place + Int.random(in: 0...20, using: &random))
        switch Int.random(in: 0..<8, using: &random) {
        case 0 where place < stream.count: stream[place] ^= 1 << UInt8.random(in: 0...7, using: &random)
        case 1: stream.insert(UInt8.random(in: .min ... .max, using: &random), at: place)
        case 2: stream.removeSubrange(place..<end)
        case 3: stream.insert(contentsOf: stream[place..<end], at: place)
        case 4: stream += corpus.randomElement(using: &random) ?? []
        case 5: stream.insert(contentsOf: corpus.randomElement(using: &random) ?? [], at: place)
        case 6:
            let nasties = ["-1", "0", "9223372036854775807", "67108865", "\r\n", "*1\r\n", "$0\r\n\r\n", "+", "\0"]
            stream.replaceSubrange(place..<end, with: Array((nasties.randomElement(using: &random) ?? "").utf8))
        default: stream.removeLast(stream.count - place)
        }
    }

    private func pieces(of stream: [UInt8]) -> [ArraySlice<UInt8>] {
        var (rest, pieces) = (stream[...], [ArraySlice<UInt8>]())
        let largest = [1, 3, 40, 1_000].randomElement(using: &random) ?? 1
        while !rest.isEmpty {
            let count = min(rest.count, Int.random(in: 1...largest, using: &random))
            pieces.append(rest.prefix(count))
            rest = rest.dropFirst(count)
        }
        return pieces
    }

    // MARK: What must hold

    /// The same stream as a whole and in pieces: the same answers, and an end in both or in none.
    private func compareSplits(_ stream: [UInt8], commands: Int) {
        let whole = answers(to: [stream[...]], commands: commands, stream)
        let split = answers(to: pieces(of: stream), commands: commands, stream)
        check(whole.replies == split.replies, "other answers when it is split", stream)
        check(whole.isOpen == split.isOpen, "another end when it is split", stream)
        outcome.answers += whole.replies.count
        if whole.isOpen { outcome.survivors += 1 } else { outcome.ends += 1 }
    }

    private func answers(
        to pieces: [ArraySlice<UInt8>], commands: Int, _ stream: [UInt8]
    ) -> (replies: [Result<RedisValue, RedisError>], isOpen: Bool) {
        let state = NumberedState()
        for number in 0..<commands { _ = state.enqueue(number, bytes: 1, deadline: .at(1_000)) }
        var (told, replies) = ([Int](), [Result<RedisValue, RedisError>]())
        func note(_ actions: NumberedState.Actions) {
            for answer in actions.answers {
                told.append(answer.waiter)
                if case .failure(.closed) = answer.result { continue }
                replies.append(answer.result)
            }
        }
        for piece in pieces {
            note(state.received(ByteBuffer(bytes: piece)))
            check(state.unreadBytes <= stream.count, "more unread than there is", stream)
        }
        let isOpen = state.isOpen
        note(state.close("over"))
        check(told == Array(0..<commands), "answered out of order, or not once", stream)
        return (replies, isOpen)
    }

    /// Commands, bytes and time in any order.
    private func live(_ stream: [UInt8]) {
        let state = NumberedState(limits: RedisLimits(commandsMax: 20, unsentBytesMax: 1_000))
        var (asked, now, told) = (Set<Int>(), Int64(0), [Int: Int]())
        func note(_ actions: NumberedState.Actions) {
            for answer in actions.answers { told[answer.waiter, default: 0] += 1 }
            check((actions.close == nil) || !state.isOpen, "closed and open", stream)
        }
        for (number, piece) in pieces(of: stream).enumerated() {
            let wasOpen = state.isOpen
            let refusal = state.enqueue(
                number, bytes: 10, deadline: .at(now + Int64.random(in: 0...50, using: &random)))
            if refusal == nil { asked.insert(number) }
            check(wasOpen ? refusal != .notConnected : refusal == .notConnected, "another refusal", stream)
            check(state.outstanding <= 20, "more waiting than allowed", stream)
            let actions = state.received(ByteBuffer(bytes: piece))
            check(wasOpen || (actions.answers.isEmpty && actions.close == nil), "alive after its end", stream)
            note(actions)
            if Bool.random(using: &random) { state.sent(10) }
            now += Int64.random(in: 0...40, using: &random)
            note(state.timePassed(now: .at(now)))
        }
        note(state.close("over"))
        check(Set(told.keys) == asked && told.values.allSatisfy { $0 == 1 }, "not answered once each", stream)
    }
}
