import InventoryKit
import Logging
import Synchronization

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Decides the moves of many callers with one write each round ("combining", Hendler et al. 2010): what waits for the same
/// product goes as one batch, and what waits for several products as one command. There is no timer: alone, a move leaves
/// at once; under load batches form by themselves.
final class Combining: Sendable {
    /// The most rounds at once: while one waits for the journal, another fills it.
    private static let roundsAtOnce = 4

    /// So many products make a round worth its while beside another. A command costs the server as much as several
    /// statements in it, and its journal's sync as much as several more: what can wait for the one under way to come back
    /// goes for less.
    private static let worthARound = 32

    /// After so long another round begins all the same, with the next move or the next look at what is to be filed:
    /// whatever holds up the one under way need not hold up others.
    private static let patience = Duration.milliseconds(50)

    /// With so many operations in a product they are filed. Below it, time decides (``Filing``).
    private static let filingThreshold = 128

    /// How many products are filed in one go.
    private static let filingLimit = 256

    /// How many SKUs keep the product they were last seen to name.
    private static let hintLimit = 65_536

    private struct State {
        var lanes = Lanes()
        var hints: [String: ProductID] = [:]
        var rounds = 0
        let roundsAtOnce: Int

        /// When the latest round began.
        var latest = ContinuousClock.now
        var filesWhatIsDue = false
        var isClosed = false

        var isAtRest: Bool { lanes.isEmpty && rounds == 0 && !filesWhatIsDue }

        /// Whether a round may be under way beside so many others. What is under way takes along what is left when it
        /// comes back, so somebody always does.
        func mayGoOn(beside others: Int) -> Bool {
            if others == 0 { return true }
            guard others < roundsAtOnce else { return false }
            return lanes.readyCount >= Combining.worthARound || ContinuousClock.now - latest > Combining.patience
        }
    }

    private let pool: MongoPool
    private let deadlines: Deadlines
    private let ledger: Ledger
    private let clock: any WallClock
    private let logger: Logger
    private let state: Mutex<State>

    /// Products of which the log says that their documents are damaged.
    private let damaged = ToldOnce()
    private let commits = Atomic<UInt64>(0)
    private let changes = Atomic<UInt64>(0)

    init(pool: MongoPool, deadlines: Deadlines, ledger: Ledger, clock: any WallClock, logger: Logger) {
        self.clock = clock
        self.pool = pool
        self.deadlines = deadlines
        self.ledger = ledger
        self.logger = logger
        // A round goes on while there is something to do, and reads and filing want threads too.
        state = Mutex(State(roundsAtOnce: min(Self.roundsAtOnce, max(1, pool.load.size / 2))))
    }

    /// Rounds and what was in them, and what waits.
    var statistics: (waiting: Int, commits: UInt64, changes: UInt64) {
        let waiting = state.withLock { $0.lanes.waitingCount + $0.lanes.unresolved.count }
        return (waiting, commits.load(ordering: .relaxed), changes.load(ordering: .relaxed))
    }

    /// Decides a command, exactly once for each of its identities, and returns when that is durable.
    func decide(_ command: StockCommand) async throws(InventoryError) -> StockOutcome {
        let waiter = Waiter<StockOutcome>()
        let result = await withCheckedContinuation { continuation in
            waiter.wait(continuation, until: deadlines, overdue: .outOfReach)
            enqueue(PendingMove(command, waiter))
        }
        return try result.get()
    }

    private func enqueue(_ move: PendingMove) {
        let (trouble, isReady): (InventoryError.Trouble?, Bool) = state.withLock { state in
            if state.isClosed { return (.stopping, false) }
            guard state.lanes.waitingCount + state.lanes.unresolved.count < Lanes.waitingLimit else {
                return (.overloaded, false)
            }
            switch move.command.product {
            case .id(let id): return (nil, state.lanes.add([move], to: id))
            case .sku(let sku):
                if let id = state.hints[sku.key] { return (nil, state.lanes.add([move], to: id)) }
                state.lanes.addUnresolved(move)
                return (nil, true)
            }
        }
        if let trouble { move.answer(.failure(.unavailable(trouble))) }
        if isReady { startRounds() }
    }

    /// Takes no more, and returns when everything that waits has been answered. What could not be filed by then stays
    /// where it is; the next daemon finds it.
    func close() async {
        state.withLock { $0.isClosed = true }
        let limit = ContinuousClock.now + deadlines.timeout
        while !state.withLock({ $0.isAtRest }), ContinuousClock.now < limit, !Task.isCancelled {
            state.withLock { $0.lanes.expedite() }
            startRounds()
            try? await Task.sleep(for: .milliseconds(5))
        }
    }

    /// Notes what was filed past the rounds, so that moves need not find out by failing.
    func removed(_ changes: [Filing.Removal], at time: UInt64) {
        state.withLock { state in
            for change in changes {
                let fence = LaneState.Fence(value: change.new, time: time)
                state.lanes.removed(change.count, of: change.product, fence: change.old, by: fence)
            }
        }
    }

    // MARK: Rounds

    private func startRounds() {
        let starts = state.withLock { state in
            guard state.mayGoOn(beside: state.rounds) else { return false }
            state.rounds += 1
            return true
        }
        guard starts else { return }
        pool.submit {
            self.performRounds()
        } refuse: { trouble in
            self.state.withLock { $0.rounds -= 1 }
            if trouble == .overloaded { self.startRoundsLater() }
        }
    }

    private func startRoundsLater() {
        Task {
            try await Task.sleep(for: .milliseconds(50))
            startRounds()
        }
    }

    private func performRounds() {
        while true {
            // Those who were just answered, and those who are about to ask, go first: a batch that is larger by them
            // costs the same. Alone, this returns at once.
            sched_yield()
            let (unresolved, batches) = state.withLock { state -> ([PendingMove], [LaneBatch]) in
                guard state.mayGoOn(beside: state.rounds - 1) else {
                    state.rounds -= 1
                    return ([], [])
                }
                state.latest = .now
                let work = (state.lanes.takeUnresolved(), state.lanes.nextRound())
                if work.0.isEmpty, work.1.isEmpty { state.rounds -= 1 }
                return work
            }
            guard !unresolved.isEmpty || !batches.isEmpty else { return }
            var isUnreachable = false
            if !unresolved.isEmpty { isUnreachable = !resolve(unresolved) }
            if !batches.isEmpty { isUnreachable = !perform(batches) || isUnreachable }
            // Something is wrong with the server or the way there; asking at once again would only add to it.
            if isUnreachable { usleep(UInt32.random(in: 20_000...80_000)) }
        }
    }

    /// - Returns: whether the server answered.
    private func perform(_ batches: [LaneBatch]) -> Bool {
        do {
            let outcomes = try pool.withConnection { try StockRound($0, clock: clock).perform(batches) }
            commits.add(1, ordering: .relaxed)
            changes.add(UInt64(batches.reduce(0) { $0 + $1.moves.count }), ordering: .relaxed)
            finish(batches, outcomes)
            return true
        } catch let error as MongoError where error.isTransient {
            logger.warning("A stock write has no outcome yet, so it is sent again", metadata: ["error": "\(error)"])
            // Who stops leaves to the next daemon what nobody waits for.
            state.withLock { $0.lanes.restore(batches.map(withoutAnswered), forgettingFiled: $0.isClosed) }
            return false
        } catch {
            logger.error("A stock write failed", metadata: ["error": "\(error)"])
            return fail(batches, error)
        }
    }

    /// What failed in company may only have been in bad company, so each product has another try alone.
    ///
    /// - Returns: whether the server answered.
    private func fail(_ batches: [LaneBatch], _ error: any Error) -> Bool {
        guard batches.count == 1 else {
            var hasAnswered = true
            for batch in batches {
                let alone = withDoubt(batch)
                hasAnswered = perform([alone]) && hasAnswered
            }
            return hasAnswered
        }
        var batch = withoutAnswered(batches[0])
        if !Self.isFiledToBlame(batch) {
            for move in batch.moves { move.waiter.giveUp() }
            batch.moves = []
        }
        state.withLock { $0.lanes.restore([batch], forgettingFiled: true) }
        return true
    }

    /// Whatever was to be taken out may be what is wrong, so moves that went along have another try without it.
    private static func isFiledToBlame(_ batch: LaneBatch) -> Bool { batch.filed != nil }

    /// What has been in a round may have happened in it.
    private func withDoubt(_ batch: LaneBatch) -> LaneBatch {
        var batch = withoutAnswered(batch)
        for index in batch.moves.indices { batch.moves[index].mayHaveHappened = true }
        return batch
    }

    private func withoutAnswered(_ batch: LaneBatch) -> LaneBatch {
        var batch = batch
        batch.moves.removeAll(where: \.waiter.isAnswered)
        return batch
    }

    private func finish(_ batches: [LaneBatch], _ outcomes: [LaneOutcome]) {
        let byProduct = Dictionary(outcomes.map { ($0.product, $0) }) { first, _ in first }
        var toFile: [(ProductID, [BSONDocument])] = []
        state.withLock { state in
            for batch in batches {
                var outcome = byProduct[batch.product] ?? LaneOutcome(product: batch.product)
                if let error = outcome.error {
                    if !error.isTransient { note(error, of: batch.product) }
                    if error.isTransient || Self.isFiledToBlame(batch) {
                        outcome.again = outcome.failed.filter { !$0.waiter.isAnswered }
                    } else {
                        for move in outcome.failed { move.waiter.giveUp() }
                    }
                }
                for var move in outcome.elsewhere {
                    move.clearedAt = nil
                    move.mayHaveHappened = true
                    if let via = move.via { state.hints[via] = nil }
                    state.lanes.addUnresolved(move)
                }
                let operations = state.lanes.finish(outcome, after: batch, filingThreshold: Self.filingThreshold)
                if let operations { toFile.append((batch.product, operations)) }
            }
        }
        if !toFile.isEmpty { file(toFile) }
    }

    /// A damaged product is tried again by whoever wants it.
    private func note(_ error: MongoError, of product: ProductID) {
        if case .damaged = error, !damaged.isFirst(product.text) { return }
        logger.error("A stock write failed", metadata: ["product": "\(product.text)", "error": "\(error)"])
    }

    // MARK: SKUs

    /// Finds the products that hold the SKUs of moves.
    ///
    /// - Returns: whether the server answered.
    private func resolve(_ moves: [PendingMove]) -> Bool {
        let moves = moves.filter { !$0.waiter.isAnswered }
        let keys = Set(moves.compactMap(\.via))
        do {
            let holders = try pool.withConnection { connection in
                let round = StockRound(connection, clock: self.clock)
                // That nobody holds a SKU has to be true, and not what a primary says that has been deposed.
                let (found, time) = try connection.find(
                    Collection.products, ["held_skus": ["$in": .array(keys.map(BSON.string))]],
                    projection: ["held_skus": 1], freshness: .linearizable, timeLimit: MongoStore.readLimit)
                var holders: [String: ProductID] = [:]
                for document in found {
                    for key in document.texts("held_skus") { holders[key] = try document.productID("_id") }
                }
                try round.answerUnheld(moves.filter { holders[$0.via ?? ""] == nil }, after: time)
                return holders
            }
            state.withLock { state in
                if state.hints.count > Self.hintLimit { state.hints = [:] }
                for var move in moves {
                    guard let via = move.via, let id = holders[via] else { continue }
                    state.hints[via] = id
                    move.isResolved = true
                    state.lanes.add([move], to: id)
                }
            }
            return true
        } catch {
            let isTransient = (error as? MongoError)?.isTransient ?? false
            let failure = pool.failure(error)
            state.withLock { state in
                for move in moves {
                    if isTransient { state.lanes.addUnresolved(move) } else { move.answer(.failure(failure)) }
                }
            }
            return !isTransient
        }
    }

    // MARK: Filing

    /// Files what has been in products of this process since before that time. Each leaves its product with the next move,
    /// or by itself where none has come by the next call.
    func fileWhatIsDue(before time: Timestamp) {
        let isFirst = state.withLock { state in
            state.lanes.expedite()
            // What is there when this process stops is filed past the lanes, so nothing may be on its way in them.
            guard !state.filesWhatIsDue, !state.isClosed else { return false }
            state.filesWhatIsDue = true
            return true
        }
        startRounds()
        guard isFirst else { return }
        pool.submit {
            // Each once: what cannot be filed now is the next call's.
            let due = self.state.withLock { $0.lanes.takeDue(before: time) }
            for start in stride(from: 0, to: due.count, by: Self.filingLimit) {
                self.insert(Array(due[start..<min(start + Self.filingLimit, due.count)]), isPatient: true)
            }
            self.state.withLock { $0.filesWhatIsDue = false }
            // Moves may wait for what was filed.
            self.startRounds()
        } refuse: { _ in
            self.state.withLock { $0.filesWhatIsDue = false }
        }
    }

    /// Whether the product's operations are on their way into the ledger, or out of the product.
    func isFiling(_ product: ProductID) -> Bool { state.withLock { $0.lanes.isFiling(product) } }

    private func file(_ products: [(product: ProductID, operations: [BSONDocument])]) {
        pool.submit {
            self.insert(products, isPatient: false)
            self.startRounds()
        } refuse: { _ in
            self.state.withLock { state in
                for (product, _) in products { state.lanes.filed(nil, of: product, isPatient: false) }
            }
        }
    }

    private func insert(_ products: [(product: ProductID, operations: [BSONDocument])], isPatient: Bool) {
        var done: Set<ProductID> = []
        do { done = try pool.withConnection { try ledger.insert(products, over: $0) } } catch {
            logger.warning("Filing has to wait", metadata: ["error": "\(error)"])
        }
        state.withLock { state in
            for (product, operations) in products {
                var filed: StockPipeline.Filed?
                if done.contains(product), let last = operations.last {
                    filed = StockPipeline.Filed(count: operations.count, last: Operation(last).id)
                }
                state.lanes.filed(filed, of: product, isPatient: isPatient)
            }
        }
    }
}
