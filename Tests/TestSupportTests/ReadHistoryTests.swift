import InventoryKit
import TestSupport
import Testing

/// A verdict that finds nothing proves nothing unless it finds what is there.
@Suite("Read history")
struct ReadHistoryTests {
    /// The clock of a test: it stands, and times are given from its start.
    private static let start = ContinuousClock.now

    private static func call(
        _ action: ReadRecord.Action, _ began: Int, _ ended: Int, _ outcome: ReadRecord.Outcome, product: Int = 0,
        source: ReadRecord.Source? = nil
    ) -> ReadRecord {
        ReadRecord(
            product: product, daemon: 0, action: action, began: start + .milliseconds(began),
            ended: start + .milliseconds(ended), outcome: outcome, source: source)
    }

    private static func state(_ version: Int64, _ stock: Int64) -> ReadRecord.Outcome {
        .answered(ETag(version: version, stockVersion: stock))
    }

    private static func verdict(_ records: ReadRecord...) -> ReadVerdict {
        let history = ReadHistory(openings: Array(repeating: ETag(version: 1, stockVersion: 1), count: 2))
        // Calls are noted as they end, which is not the order in which they began.
        for record in records.sorted(by: { $0.ended < $1.ended }) { history.add(record) }
        return history.verdict
    }

    // MARK: Stale

    @Test("A read that began after an acknowledgement and tells of less is stale, in either version")
    func stale() {
        for (write, version, stock) in [(ReadRecord.Action.stock, 1, 2), (.catalogue, 2, 1)] as [(_, Int64, Int64)] {
            let verdict = Self.verdict(
                Self.call(write, 0, 10, Self.state(version, stock)),
                Self.call(.read, 11, 12, Self.state(version, stock), source: .miss),
                Self.call(.read, 13, 14, Self.state(1, 1), source: .hit))
            #expect(verdict.stale.count == 1, "\(verdict.stale)")
            #expect(verdict.stale.first?.contains("read (hit) 13 ms to 14 ms said \"c1-s1\"") == true)
            #expect(verdict.stale.first?.contains("0 ms to 10 ms said \"c\(version)-s\(stock)\"") == true)
            #expect(!verdict.isClean)
        }
    }

    @Test("The newer of one version does not make up for the older of the other")
    func mixed() {
        let verdict = Self.verdict(
            Self.call(.stock, 0, 10, Self.state(1, 2)), Self.call(.catalogue, 20, 40, Self.state(2, 2)),
            Self.call(.read, 21, 22, Self.state(2, 1)))
        #expect(verdict.stale.count == 1, "\(verdict.stale)")
    }

    @Test("It is stale however long ago the acknowledgement was, and whatever was acknowledged since")
    func late() {
        let verdict = Self.verdict(
            Self.call(.stock, 0, 10, Self.state(1, 3)),
            // Acknowledged later and older: it took long to be answered.
            Self.call(.stock, 0, 50, Self.state(1, 2)), Self.call(.read, 60, 61, Self.state(1, 2)))
        #expect(verdict.stale.count == 1, "\(verdict.stale)")
        #expect(verdict.stale.first?.contains("0 ms to 10 ms") == true)
    }

    @Test("Less than the product had from the start is stale")
    func beforeTheStart() {
        #expect(Self.verdict(Self.call(.read, 0, 1, Self.state(1, 0))).stale.count == 1)
    }

    @Test("A write that is answered with less than was acknowledged before it is stale too")
    func staleWrite() {
        let verdict = Self.verdict(
            Self.call(.stock, 0, 10, Self.state(1, 2)), Self.call(.stockAgain, 11, 20, Self.state(1, 1)))
        #expect(verdict.stale.count == 1)
    }

    @Test("A repetition is acknowledged with what it says")
    func repetition() {
        let verdict = Self.verdict(
            Self.call(.stock, 0, 10, .unknown), Self.call(.stockAgain, 20, 30, Self.state(1, 2)),
            Self.call(.read, 15, 16, Self.state(1, 1)), Self.call(.read, 31, 32, Self.state(1, 1)))
        #expect(verdict.stale.count == 1)
        #expect(verdict.stale.first?.contains("31 ms") == true)
    }

    @Test("An acknowledgement without a state counts for one more than was acknowledged before it began")
    func stateless() {
        let verdict = Self.verdict(
            Self.call(.catalogue, 0, 10, Self.state(3, 1)), Self.call(.catalogue, 0, 11, .unknown),
            Self.call(.catalogue, 0, 12, .unknown), Self.call(.catalogue, 20, 30, .acknowledged),
            // Before it was acknowledged, then enough, then one too few.
            Self.call(.read, 21, 22, Self.state(3, 1)), Self.call(.read, 31, 32, Self.state(4, 1)),
            Self.call(.read, 33, 34, Self.state(3, 1)))
        #expect(verdict.stale.count == 1)
        #expect(verdict.stale.first?.contains("33 ms") == true)
        #expect(verdict.acknowledgedWrites == 2)
        #expect(verdict.fromNowhere == [])
    }

    @Test("Products have nothing to do with each other")
    func otherProduct() {
        let verdict = Self.verdict(
            Self.call(.stock, 0, 10, Self.state(1, 2), product: 1), Self.call(.read, 11, 12, Self.state(1, 1)))
        #expect(verdict.isClean)
        let own = Self.verdict(
            Self.call(.stock, 0, 10, Self.state(1, 2), product: 1),
            Self.call(.read, 11, 12, Self.state(1, 1), product: 1))
        #expect(own.stale.count == 1)
    }

    // MARK: Not stale

    @Test("What is under way at the same time may be answered in any order")
    func concurrent() {
        let verdict = Self.verdict(
            Self.call(.stock, 0, 10, Self.state(1, 2)),
            // Began before the acknowledgement came, or at that very moment.
            Self.call(.read, 9, 30, Self.state(1, 1)), Self.call(.read, 10, 11, Self.state(1, 1)),
            // Told of the write before its writer was.
            Self.call(.read, 1, 2, Self.state(1, 2)),
            Self.call(.stock, 12, 40, Self.state(1, 3)), Self.call(.stock, 13, 20, Self.state(1, 4)),
            // The later of the two has been acknowledged only.
            Self.call(.read, 21, 22, Self.state(1, 4)))
        #expect(verdict.isClean, "\(verdict.stale) \(verdict.fromNowhere)")
    }

    @Test("A read that goes back behind another one around a write under way is counted, and is no fault")
    func goingBack() {
        let verdict = Self.verdict(
            Self.call(.stock, 0, 100, Self.state(1, 2)), Self.call(.read, 10, 11, Self.state(1, 2)),
            Self.call(.read, 12, 13, Self.state(1, 1)),
            // Under way at the same time as the one that saw more.
            Self.call(.read, 5, 40, Self.state(1, 1)))
        #expect(verdict.isClean)
        #expect(verdict.goingBack == 1)
    }

    // MARK: Writes that nobody knows of

    @Test("A write that failed may show at any time afterwards, or never")
    func failed() {
        let verdict = Self.verdict(
            Self.call(.stock, 0, 10, .unknown), Self.call(.read, 11, 12, Self.state(1, 1)),
            Self.call(.read, 13, 14, Self.state(1, 2)), Self.call(.stock, 20, 30, .unknown),
            Self.call(.read, 31, 32, Self.state(1, 2)),
            // It is done only now.
            Self.call(.stock, 40, 50, Self.state(1, 3)), Self.call(.read, 51, 52, Self.state(1, 4)))
        #expect(verdict.isClean, "\(verdict.stale) \(verdict.fromNowhere)")
        #expect(verdict.unknownWrites == 2)
        #expect(verdict.acknowledgedWrites == 1)
    }

    // MARK: From nowhere

    @Test("What nobody had begun to write when the answer came is from nowhere")
    func nowhere() {
        let future = Self.verdict(
            Self.call(.read, 0, 1, Self.state(1, 2)), Self.call(.stock, 2, 3, Self.state(1, 2)))
        #expect(future.fromNowhere.count == 1)
        #expect(future.fromNowhere.first?.contains("at most c1-s1") == true)
        #expect(future.stale == [])
        // A stock change is no change of the catalogue.
        let other = Self.verdict(
            Self.call(.stock, 0, 1, Self.state(1, 2)), Self.call(.read, 2, 3, Self.state(2, 1)))
        #expect(other.fromNowhere.count == 1)
    }

    @Test("A change that is done twice is from nowhere")
    func twice() {
        let verdict = Self.verdict(
            Self.call(.catalogue, 0, 10, .acknowledged), Self.call(.read, 20, 21, Self.state(3, 1)))
        #expect(verdict.fromNowhere.count == 1)
        #expect(verdict.stale == [])
    }

    @Test("A refused write has written nothing, and a repetition nothing more")
    func nothingWritten() {
        let refused = Self.verdict(
            Self.call(.stock, 0, 1, .refused), Self.call(.read, 2, 3, Self.state(1, 2)))
        #expect(refused.fromNowhere.count == 1)
        #expect(refused.refusedWrites == 1)
        let repeated = Self.verdict(
            Self.call(.stock, 0, 1, Self.state(1, 2)), Self.call(.stockAgain, 2, 3, Self.state(1, 3)))
        #expect(repeated.fromNowhere.count == 1)
    }

    // MARK: Figures

    @Test("It counts where reads were answered from, and how long the longest write took")
    func figures() {
        let verdict = Self.verdict(
            Self.call(.read, 0, 1, Self.state(1, 1), source: .hit),
            Self.call(.read, 0, 1, Self.state(1, 1), source: .hit),
            Self.call(.read, 0, 1, Self.state(1, 1), source: .miss),
            Self.call(.read, 0, 1, Self.state(1, 1), source: .bypass), Self.call(.read, 0, 1, .unknown),
            Self.call(.stock, 0, 7, Self.state(1, 2)), Self.call(.stock, 0, 9, Self.state(1, 3)),
            Self.call(.stock, 0, 90, .unknown))
        #expect(verdict.reads == 5)
        #expect(verdict.hits == 2)
        #expect(verdict.misses == 1)
        #expect(verdict.bypasses == 1)
        #expect(verdict.unansweredReads == 1)
        #expect(verdict.longestWrite == .milliseconds(9))
    }

    @Test("A history counts while it grows")
    func growing() {
        let history = ReadHistory(openings: [ETag(version: 1, stockVersion: 1)])
        history.add(Self.call(.read, 0, 1, Self.state(1, 1), source: .hit))
        history.add(Self.call(.stock, 0, 1, Self.state(1, 2)))
        history.add(Self.call(.catalogue, 0, 1, .unknown))
        #expect(history.count == 3)
        #expect(history.count(of: .hit) == 1)
        #expect(history.count(of: .miss) == 0)
        #expect(history.acknowledged == 1)
        #expect(history.unknownWrites == 1)
    }

    @Test("One stale read among a hundred thousand calls is found")
    func many() {
        var records: [ReadRecord] = []
        for number in 0..<50_000 {
            let stock = Int64(number + 2)
            records.append(Self.call(.stock, number * 4, number * 4 + 1, Self.state(1, stock)))
            let isStale = number == 33_333
            records.append(
                Self.call(.read, number * 4 + 2, number * 4 + 3, Self.state(1, isStale ? stock - 1 : stock)))
        }
        let verdict = ReadVerdict(records, openings: [ETag(version: 1, stockVersion: 1)])
        #expect(verdict.stale.count == 1)
        #expect(verdict.fromNowhere == [])
        #expect(verdict.reads == 50_000)
    }
}
