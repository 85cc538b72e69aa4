import InventoryKit
import NIOCore

/// What waits to be decided, product by product, and which product's turn it is. A plain value: it decides, and
/// ``Combining`` does.
///
/// A product is in one round at a time, so per process at most one stock write of it is under way; what arrives meanwhile
/// waits, and goes together.
struct Lanes {
    /// Beyond this many waiting moves new ones are turned away: memory and waiting times stay bounded.
    static let waitingLimit = 8_192

    /// The most moves of one product in one write, and of all products in one round.
    static let batchLimit = 256
    private static let roundLimit = 512

    /// The most products in one round: the server takes them one after the other.
    static let productsLimit = 64

    /// With so many operations a product's next moves wait for those that are on their way into the ledger: at twice as many
    /// it takes no more, and that shall tell of a ledger that is blocked, not of one that is slower than its buyers.
    private static let operationsMark = Int(StockPipeline.operationLimit / 2)

    /// How many products of which only something filed is to be taken out go along in a round. Nobody waits for that, and each
    /// makes the round longer for all who wait.
    private static let leavingLimit = 16

    /// How many products are kept in memory while nobody asks for them. Without that the next move costs a query more, and
    /// what it leaves is filed by the sweep of all products (``Filing``).
    private let idleLimit: Int

    private struct Lane {
        var waiting: [PendingMove] = []
        var isUnderWay = false
        var fence: LaneState.Fence?
        var state: LaneState?
        var isContended = false
        var filed: StockPipeline.Filed?

        /// Whether what is filed waits for the next move, whose write takes it out at no cost.
        var isPatient = false
        var isFiling = false

        /// Whether it has been used since somebody last looked whether it may be forgotten.
        var isUsed = false
        var isKept = false

        var isReady: Bool { !isUnderWay && !waiting.isEmpty && !isFull }
        private var isFull: Bool { isFiling && state?.operations.count ?? 0 >= Lanes.operationsMark }
        var isLeaving: Bool { !isUnderWay && waiting.isEmpty && filed != nil && !isPatient }
        var isIdle: Bool { !isUnderWay && !isFiling && waiting.isEmpty && filed == nil }
    }

    private var lanes: [ProductID: Lane] = [:]

    /// Products whose turn may have come, the longest waiting first: those that moves wait for, and those that only something
    /// filed is to leave.
    private var ready: [ProductID] = []
    private var leaving: [ProductID] = []

    /// Products of which something that is filed may wait for a move.
    private var patient: [ProductID] = []

    /// Products that are kept in memory, the next to be looked at first. Who has been used since the last look stays
    /// ("clock" or "second chance", Corbató 1968).
    private var kept = CircularBuffer<ProductID>()
    private(set) var waitingCount = 0

    /// How many products' turn it may be, and moves whose product is not known yet.
    var readyCount: Int { ready.count + unresolved.count }

    /// Moves by SKU whose product is not known yet.
    private(set) var unresolved: [PendingMove] = []

    init(idleLimit: Int = 4_096) {
        self.idleLimit = idleLimit
    }

    /// Products that are in memory, for whatever reason.
    var count: Int { lanes.count }

    var isEmpty: Bool { waitingCount == 0 && unresolved.isEmpty && !lanes.values.contains { !$0.isIdle } }

    // MARK: Arriving

    /// - Returns: whether the product's turn may have come; where it is under way, it comes again by itself.
    @discardableResult
    mutating func add(_ moves: [PendingMove], to product: ProductID) -> Bool {
        let isFirst = lanes[product]?.waiting.isEmpty ?? true
        lanes[product, default: Lane()].waiting += moves
        waitingCount += moves.count
        guard lanes[product]?.isUnderWay == false else { return false }
        // Once for all that wait: what is ready counts products.
        if isFirst { ready.append(product) }
        return true
    }

    /// Moves that have been in a round already come first when their turn is again. They may have happened in it.
    private mutating func putBack(_ moves: [PendingMove], to product: ProductID) {
        var moves = moves
        for index in moves.indices { moves[index].mayHaveHappened = true }
        lanes[product, default: Lane()].waiting.insert(contentsOf: moves, at: 0)
        waitingCount += moves.count
    }

    mutating func addUnresolved(_ move: PendingMove) { unresolved.append(move) }

    mutating func takeUnresolved() -> [PendingMove] {
        let moves = unresolved.prefix(Self.roundLimit)
        unresolved.removeFirst(moves.count)
        return Array(moves)
    }

    // MARK: Rounds

    /// What goes into the next round; nothing when nobody's turn is.
    mutating func nextRound() -> [LaneBatch] {
        var batches: [LaneBatch] = []
        var (taken, count) = (0, 0)
        while taken < ready.count, batches.count < Self.productsLimit, count < Self.roundLimit {
            if let batch = take(ready[taken], if: \.isReady) {
                batches.append(batch)
                count += batch.moves.count
            }
            taken += 1
        }
        ready.removeFirst(taken)
        waitingCount -= count
        let room = min(batches.count + Self.leavingLimit, Self.productsLimit)
        taken = 0
        while taken < leaving.count, batches.count < room {
            if let batch = take(leaving[taken], if: \.isLeaving) { batches.append(batch) }
            taken += 1
        }
        leaving.removeFirst(taken)
        return batches
    }

    private mutating func take(_ product: ProductID, if isDue: (Lane) -> Bool) -> LaneBatch? {
        guard var lane = lanes[product], isDue(lane) else { return nil }
        let moves = Array(lane.waiting.prefix(Self.batchLimit))
        lane.waiting.removeFirst(moves.count)
        lane.isUnderWay = true
        if !moves.isEmpty { lane.isUsed = lane.isKept }
        let batch = LaneBatch(
            product: product, moves: moves, fence: lane.fence, state: lane.state, isContended: lane.isContended,
            filed: lane.filed)
        // While it is under way nobody else needs it, and a copy of its operations would have to be made.
        lane.state = nil
        lanes[product] = lane
        return batch
    }

    /// Notes what came of a product's part in a round.
    ///
    /// - Returns: operations that are to be filed now, because there are many.
    mutating func finish(_ outcome: LaneOutcome, after batch: LaneBatch, filingThreshold: Int) -> [BSONDocument]? {
        putBack(outcome.again, to: batch.product)
        guard var lane = lanes[batch.product] else { return nil }
        lane.isUnderWay = false
        lane.isContended = outcome.isContended
        lane.state = outcome.state
        lane.fence = outcome.state?.fence
        // Whether they are gone, another daemon has filed them, or nothing can take them out: what the round was to take out is
        // settled, and what is still there the sweep of the ledger sees.
        if outcome.error?.isTransient != true, lane.filed == batch.filed { lane.filed = nil }
        var toFile: [BSONDocument]?
        if let state = outcome.state, state.isDurable {
            if state.operations.count >= filingThreshold, !lane.isFiling, lane.filed == nil {
                lane.isFiling = true
                toFile = state.operations
            }
        }
        lanes[batch.product] = lane
        settle(batch.product)
        return toFile
    }

    /// Notes that a round failed as a whole: everything in it has its turn again, with the fence it had. What it may have
    /// written the server sees.
    ///
    /// - Parameter forgettingFiled: whether what was to be taken out stays there: the sweep of the ledger sees it.
    mutating func restore(_ batches: [LaneBatch], forgettingFiled: Bool = false) {
        for batch in batches {
            lanes[batch.product]?.isUnderWay = false
            if forgettingFiled { lanes[batch.product]?.filed = nil }
            lanes[batch.product]?.isContended = true
            putBack(batch.moves, to: batch.product)
            settle(batch.product)
        }
    }

    // MARK: Filing

    /// Products with operations from before that time, known to be durable, and these. They count as being filed from
    /// now on, until ``filed(_:of:isPatient:)``.
    mutating func takeDue(before time: Timestamp) -> [(product: ProductID, operations: [BSONDocument])] {
        var due: [(product: ProductID, operations: [BSONDocument])] = []
        for (product, lane) in lanes where !lane.isUnderWay && !isFiling(product) {
            guard let state = lane.state, state.isDurable, let since = state.unfiledSince, since <= time else {
                continue
            }
            due.append((product, state.operations))
        }
        for (product, _) in due { lanes[product]?.isFiling = true }
        return due
    }

    /// Whether the product's operations are on their way into the ledger, or out of the product.
    func isFiling(_ product: ProductID) -> Bool {
        guard let lane = lanes[product] else { return false }
        return lane.isFiling || lane.filed != nil
    }

    /// Notes that operations are in the ledger, so that the product's next write takes them out.
    ///
    /// - Parameter isPatient: whether that write waits for a move, or for ``expedite()``.
    mutating func filed(_ filed: StockPipeline.Filed?, of product: ProductID, isPatient: Bool) {
        lanes[product]?.isFiling = false
        lanes[product]?.filed = filed
        lanes[product]?.isPatient = isPatient
        if filed != nil, isPatient { patient.append(product) }
        settle(product)
    }

    /// Has everything taken out that is filed and still waits for a move.
    mutating func expedite() {
        for product in patient {
            lanes[product]?.isPatient = false
            settle(product)
        }
        patient = []
    }

    /// Notes that operations have left a product past its lane, and the fence that this has set.
    mutating func removed(_ count: Int, of product: ProductID, fence old: Int64, by new: LaneState.Fence) {
        guard var lane = lanes[product], !lane.isUnderWay, lane.fence?.value == old else { return }
        lane.fence = new
        if lane.state?.fence.value == old, lane.state?.operations.count ?? 0 >= count {
            lane.state?.removeFirst(count)
            lane.state?.fence = new
        } else {
            lane.state = nil
        }
        lanes[product] = lane
    }

    private mutating func settle(_ product: ProductID) {
        guard let lane = lanes[product] else { return }
        if lane.isReady {
            ready.append(product)
        } else if lane.isLeaving {
            leaving.append(product)
        } else if lane.isIdle {
            guard lane.state?.isSmall == true else {
                lanes[product] = nil
                return
            }
            if !lane.isKept {
                lanes[product]?.isKept = true
                kept.append(product)
            }
            forgetSome()
        }
    }

    /// Forgets products that nobody has asked for lately, where there are too many.
    private mutating func forgetSome() {
        // Where all are in use, a look at a few each time is enough to find those that no longer are.
        for _ in 0..<8 where kept.count > idleLimit {
            let product = kept.removeFirst()
            guard let lane = lanes[product] else { continue }
            if lane.isIdle, !lane.isUsed {
                lanes[product] = nil
            } else {
                lanes[product]?.isUsed = false
                kept.append(product)
            }
        }
    }
}
