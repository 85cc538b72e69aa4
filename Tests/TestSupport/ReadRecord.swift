package import InventoryKit
import Synchronization

/// One call to a product, when it was made, and what it was answered.
package struct ReadRecord: Sendable {
    package enum Action: Sendable {
        case read
        /// A change of its stock under a key of its own.
        case stock
        /// The same stock change once more, with the same key. It moves the stock only where no earlier one did.
        case stockAgain
        /// A change of its catalogue fields.
        case catalogue
    }

    package enum Outcome: Hashable, Sendable {
        /// The state of the product that the answer tells of; a write is acknowledged by it.
        case answered(ETag)
        /// A write that happened, and the answer does not tell which state it made.
        case acknowledged
        /// It did not happen and never will.
        case refused
        /// No answer, or one that promises nothing: a write may have happened, or may happen yet.
        case unknown
    }

    /// Where a read was answered from, by its `X-Cache`.
    package enum Source: String, Sendable { case hit, miss, bypass }

    package let product: Int
    package let daemon: Int
    package let action: Action

    /// Before the first byte of it was sent.
    package let began: ContinuousClock.Instant

    /// After the last byte of the answer had come, or when it was known that none will.
    package let ended: ContinuousClock.Instant
    package let outcome: Outcome
    package let source: Source?

    package init(
        product: Int, daemon: Int, action: Action, began: ContinuousClock.Instant, ended: ContinuousClock.Instant,
        outcome: Outcome, source: Source? = nil
    ) {
        self.product = product
        self.daemon = daemon
        self.action = action
        self.began = began
        self.ended = ended
        self.outcome = outcome
        self.source = source
    }
}

extension ReadRecord {
    package var isRead: Bool { if case .read = action { true } else { false } }

    /// The state that it told of.
    package var state: ETag? { if case .answered(let state) = outcome { state } else { nil } }

    /// Whether it is a write that its client knows to have happened.
    package var isAcknowledged: Bool { !isRead && (state != nil || outcome == .acknowledged) }

    package var duration: Duration { ended - began }
}

extension ReadRecord.Outcome {
    /// What a reply says; `nil` is none that came.
    package init(_ reply: HTTPTestClient.Reply?) {
        guard let reply else {
            self = .unknown
            return
        }
        switch reply.status {
        case 200..<300:
            self = reply.header("ETag").flatMap { ETag(quoted: $0) }.map(Self.answered) ?? .unknown
        case 409, 412, 422: self = .refused
        default: self = .unknown
        }
    }
}

/// All calls to some products while something happens, noted down as they end.
package final class ReadHistory: Sendable {
    private struct State {
        var records: [ReadRecord] = []
        var counts: [ReadRecord.Source: Int] = [:]
        var acknowledged = 0
        var unknownWrites = 0
    }

    /// The state of each product before the first call.
    package let openings: [ETag]
    private let state = Mutex(State())

    package init(openings: [ETag]) {
        self.openings = openings
    }

    package var records: [ReadRecord] { state.withLock { $0.records } }

    /// Calls so far.
    package var count: Int { state.withLock { $0.records.count } }

    /// Writes acknowledged so far.
    package var acknowledged: Int { state.withLock { $0.acknowledged } }

    /// Writes so far of which nobody knows what came.
    package var unknownWrites: Int { state.withLock { $0.unknownWrites } }

    /// Reads so far that were answered from there.
    package func count(of source: ReadRecord.Source) -> Int { state.withLock { $0.counts[source] ?? 0 } }

    package func add(_ record: ReadRecord) {
        state.withLock { state in
            state.records.append(record)
            if let source = record.source { state.counts[source, default: 0] += 1 }
            guard !record.isRead else { return }
            if record.isAcknowledged { state.acknowledged += 1 }
            if record.outcome == .unknown { state.unknownWrites += 1 }
        }
    }

    /// What all calls that have ended by now amount to.
    package var verdict: ReadVerdict { ReadVerdict(records, openings: openings) }
}
