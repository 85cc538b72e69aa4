package import InventoryKit

/// Whether anybody was answered with less than had been acknowledged before he asked, or with what nobody wrote.
///
/// A product's `version` and `stock_version` only ever grow, each write by one in one of them, so an answer is stale
/// where either is less than in some acknowledgement that came before the question was asked.
package struct ReadVerdict: Sendable {
    /// Answers that tell of less than was acknowledged before, in words. There must be none.
    package private(set) var stale: [String] = []

    /// Answers that tell of more than had been begun to be written, in words. There must be none.
    package private(set) var fromNowhere: [String] = []

    /// Reads that go back behind another one that was over before they began, around a write that was not acknowledged
    /// then. This may happen.
    package private(set) var goingBack = 0

    package private(set) var reads = 0
    package private(set) var hits = 0
    package private(set) var misses = 0
    package private(set) var bypasses = 0

    /// Reads without an answer.
    package private(set) var unansweredReads = 0
    package private(set) var acknowledgedWrites = 0
    package private(set) var refusedWrites = 0
    package private(set) var unknownWrites = 0

    /// Of those that were acknowledged.
    package private(set) var longestWrite = Duration.zero

    package init(_ records: [ReadRecord], openings: [ETag]) {
        for record in records { count(record) }
        let ofProduct = Dictionary(grouping: records, by: \.product)
        for (product, records) in ofProduct.sorted(by: { $0.key < $1.key }) {
            let opening = openings.indices.contains(product) ? openings[product] : ETag(version: 0, stockVersion: 0)
            judge(records, opening)
        }
    }

    /// Nothing that must not be.
    package var isClean: Bool { stale.isEmpty && fromNowhere.isEmpty }

    private mutating func count(_ record: ReadRecord) {
        guard record.isRead else {
            switch record.outcome {
            case .answered, .acknowledged:
                acknowledgedWrites += 1
                longestWrite = max(longestWrite, record.duration)
            case .refused: refusedWrites += 1
            case .unknown: unknownWrites += 1
            }
            return
        }
        reads += 1
        switch record.source {
        case .hit: hits += 1
        case .miss: misses += 1
        case .bypass: bypasses += 1
        case nil: break
        }
        if record.state == nil { unansweredReads += 1 }
    }

    // MARK: One product

    /// Something that happened at one moment: a call begins, or ends.
    private struct Event {
        let time: ContinuousClock.Instant
        let record: Int
        let isEnd: Bool

        /// At the same moment beginnings come first: such calls are not one after the other.
        static func isEarlier(_ one: Self, _ other: Self) -> Bool {
            one.time == other.time ? !one.isEnd && other.isEnd : one.time < other.time
        }
    }

    /// Goes through everything that happened to a product in the order of time.
    private mutating func judge(_ records: [ReadRecord], _ opening: ETag) {
        let events = records.indices
            .flatMap { index in
                [
                    Event(time: records[index].began, record: index, isEnd: false),
                    Event(time: records[index].ended, record: index, isEnd: true),
                ]
            }
            .sorted(by: Event.isEarlier)
        var acknowledged = HighMark(opening)
        var seen = HighMark(opening)
        var written = Ceiling(opening)
        // What was acknowledged, and seen, when each call began.
        var before: [(acknowledged: HighMark, seen: HighMark)?] = Array(repeating: nil, count: records.count)
        for event in events {
            let record = records[event.record]
            guard event.isEnd else {
                before[event.record] = (acknowledged, seen)
                written.begin(record)
                continue
            }
            guard let before = before[event.record] else { continue }
            guard let state = record.state else {
                if record.isAcknowledged { acknowledged.raise(past: before.acknowledged, by: event.record, record) }
                continue
            }
            if let mark = before.acknowledged.mark(above: state) {
                stale.append(Self.complaint(record, "less than", mark, opening, records))
            } else if record.isRead, before.seen.mark(above: state) != nil {
                goingBack += 1
            }
            if !written.allows(state) {
                fromNowhere.append("\(Self.words(record, opening, records)), and at most \(written) was written")
            }
            if record.isRead {
                seen.raise(to: state, by: event.record)
            } else {
                acknowledged.raise(to: state, by: event.record)
            }
        }
    }

    /// The most that was told so far of each of the two versions, and by which call.
    private struct HighMark {
        private var version: (value: Int64, record: Int?)
        private var stock: (value: Int64, record: Int?)

        init(_ opening: ETag) {
            version = (opening.version, nil)
            stock = (opening.stockVersion, nil)
        }

        mutating func raise(to state: ETag, by record: Int) {
            if state.version > version.value { version = (state.version, record) }
            if state.stockVersion > stock.value { stock = (state.stockVersion, record) }
        }

        /// A write of which it is known only that it happened made one more than what was acknowledged before it began.
        mutating func raise(past before: HighMark, by index: Int, _ record: ReadRecord) {
            let isCatalogue = if case .catalogue = record.action { true } else { false }
            let isStock = if case .stock = record.action { true } else { false }
            raise(
                to: ETag(
                    version: before.version.value + (isCatalogue ? 1 : 0),
                    stockVersion: before.stock.value + (isStock ? 1 : 0)),
                by: index)
        }

        /// The call that told of more than this state, if there is one. The one of the opening is no call.
        func mark(above state: ETag) -> Mark? {
            if state.version < version.value { return Mark(record: version.record) }
            if state.stockVersion < stock.value { return Mark(record: stock.record) }
            return nil
        }
    }

    private struct Mark {
        let record: Int?
    }

    /// The most that can have been written so far, if all that was begun was done, once, except what was refused.
    private struct Ceiling: CustomStringConvertible {
        private var version: Int64
        private var stock: Int64

        init(_ opening: ETag) {
            version = opening.version
            stock = opening.stockVersion
        }

        var description: String { "c\(version)-s\(stock)" }

        mutating func begin(_ record: ReadRecord) {
            guard record.outcome != .refused else { return }
            switch record.action {
            case .stock: stock += 1
            case .catalogue: version += 1
            case .read, .stockAgain: break
            }
        }

        func allows(_ state: ETag) -> Bool { state.version <= version && state.stockVersion <= stock }
    }

    // MARK: In words

    private static func complaint(
        _ record: ReadRecord, _ relation: String, _ mark: Mark, _ opening: ETag, _ records: [ReadRecord]
    ) -> String {
        let other = mark.record.map { words(records[$0], opening, records) } ?? "the opening \(opening.quoted)"
        return "\(words(record, opening, records)), \(relation) \(other)"
    }

    private static func words(_ record: ReadRecord, _ opening: ETag, _ records: [ReadRecord]) -> String {
        let start = records.first?.began ?? record.began
        let state = record.state?.quoted ?? (record.isAcknowledged ? "done" : "nothing")
        let source = record.source.map { " (\($0.rawValue))" } ?? ""
        return "product \(record.product), daemon \(record.daemon): \(record.action)\(source) "
            + "\(ms(record.began - start)) to \(ms(record.ended - start)) said \(state)"
    }

    private static func ms(_ time: Duration) -> String {
        let (seconds, attoseconds) = time.components
        return "\(seconds * 1_000 + attoseconds / 1_000_000_000_000_000) ms"
    }
}

extension ReadVerdict: CustomStringConvertible {
    /// The figures, for people.
    package var description: String {
        """
        \(reads) reads (\(hits) hits, \(misses) misses, \(bypasses) bypasses, \(unansweredReads) unanswered), \
        \(acknowledgedWrites) writes acknowledged, \(refusedWrites) refused, \(unknownWrites) unknown, \
        the longest \(Self.ms(longestWrite)); \(stale.count) stale, \(fromNowhere.count) from nowhere, \
        \(goingBack) going back
        """
    }
}
