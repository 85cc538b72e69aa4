import InventoryKit

/// What one product has in a round: the moves that are decided in one write, and what may leave with it.
struct LaneBatch: Sendable {
    let product: ProductID
    var moves: [PendingMove]

    /// The fence as it was last seen; none where it never was.
    var fence: LaneState.Fence?

    /// The product as it was last seen; none where that is not known.
    var state: LaneState?

    /// Whether others write the same product, so that the server has to decide.
    var isContended = false
    let filed: StockPipeline.Filed?

    /// What is wrong with the product's document, so that nothing can be decided on it.
    var damage: MongoError?
}

/// What came of a product's part in a round.
struct LaneOutcome: Sendable {
    let product: ProductID

    /// The product after the round; none where that is not known.
    var state: LaneState?

    /// Whether a write did not happen because somebody else's came first.
    var isContended = false

    /// The moves whose turn is to come again.
    var again: [PendingMove] = []

    /// The moves whose SKU is another product's now.
    var elsewhere: [PendingMove] = []

    /// The moves that could not be decided, and why.
    var failed: [PendingMove] = []
    var error: MongoError?
}

/// One round trip of the combining write: for each of some products one batch, from looking keys up to the answers.
///
/// Runs on a thread of the pool, on one connection. What it throws leaves the outcome unknown or nothing sent; either
/// way the same moves may come again, for their ids and the fence keep them from happening twice.
struct StockRound {
    private let connection: MongoConnection
    private let clock: any WallClock

    init(_ connection: MongoConnection, clock: any WallClock) {
        self.connection = connection
        self.clock = clock
    }

    func perform(_ batches: [LaneBatch]) throws -> [LaneOutcome] {
        var batches = batches
        try lookUp(&batches)
        for index in batches.indices where batches[index].damage == nil {
            batches[index].moves.removeAll { !$0.waiter.markSent() }
        }
        var outcomes: [LaneOutcome] = []
        var planned: [(batch: LaneBatch, plan: StockPlan)] = []
        var others: [LaneBatch] = []
        let now = clock.now()
        for batch in batches {
            if let damage = batch.damage {
                outcomes.append(LaneOutcome(product: batch.product, failed: batch.moves, error: damage))
            } else if batch.moves.isEmpty, batch.filed == nil {
                outcomes.append(LaneOutcome(product: batch.product, state: batch.state))
            } else if !batch.isContended, let plan = StockPlan(batch, at: now) {
                planned.append((batch, plan))
            } else {
                others.append(batch)
            }
        }
        if !planned.isEmpty { outcomes += try write(planned) }
        if !others.isEmpty { outcomes += try decideThere(others) }
        return outcomes
    }

    /// Writes what was decided here.
    private func write(_ planned: [(batch: LaneBatch, plan: StockPlan)]) throws -> [LaneOutcome] {
        let (modified, time, errors) = try connection.update(
            planned.map(\.plan.statement), in: Collection.products, atOnce: Lanes.productsLimit)
        if modified == Int64(planned.count) {
            return planned.map { batch, plan in
                plan.answer()
                var state = plan.state
                state.fence = LaneState.Fence(value: state.fence.value, time: time)
                return LaneOutcome(product: batch.product, state: state)
            }
        }
        // Some did not happen, and the server does not say which. Their products do.
        var found = try find(planned.map(\.batch))
        found.errors = errors
        return interpret(planned.map(\.batch), fresh: planned.map(\.plan.fresh), found).map {
            var outcome = $0
            outcome.isContended = !outcome.again.isEmpty
            return outcome
        }
    }

    /// Lets the server decide.
    private func decideThere(_ batches: [LaneBatch]) throws -> [LaneOutcome] {
        let fresh = batches.map { _ in Int64.random(in: .min ... .max) }
        let found = batches.count == 1 ? try writeOne(batches[0], fresh[0]) : try writeMany(batches, fresh)
        return interpret(batches, fresh: fresh, found)
    }

    private func interpret(_ batches: [LaneBatch], fresh: [Int64?], _ found: Found) -> [LaneOutcome] {
        batches.enumerated().map { index, batch in
            if let error = found.errors[index] ?? found.damage[batch.product] {
                return LaneOutcome(product: batch.product, failed: batch.moves, error: error)
            }
            do {
                return try outcome(
                    of: batch, fresh: fresh[index], in: found.documents[batch.product], at: found.time)
            } catch {
                return LaneOutcome(product: batch.product, failed: batch.moves, error: .damaged("\(error)"))
            }
        }
    }

    // MARK: Before the write

    /// Steps 0 and 1: fences are seen, and then keys are looked up. One that has left the operations is in the ledger by
    /// the time its product's fence was seen.
    private func lookUp(_ batches: inout [LaneBatch]) throws {
        let unknown = batches.filter { $0.fence == nil }.map(\.product)
        var ids: [String] = []
        var known: UInt64 = 0
        for batch in batches {
            let fence = batch.fence
            let unclear = batch.moves.filter {
                $0.isLookedFor && (fence == nil || $0.clearedAt != fence?.value)
            }
            if !unclear.isEmpty { known = max(known, fence?.time ?? 0) }
            ids += unclear.map(\.id)
        }
        guard !unknown.isEmpty || !ids.isEmpty else { return }
        let (products, answers, time) = try connection.lookUp(products: unknown, ids: ids, after: known)
        try note(products, at: time, in: &batches)
        try answerKnown(in: &batches, answers, after: time)
    }

    private func note(_ products: [BSONDocument], at time: UInt64, in batches: inout [LaneBatch]) throws {
        var found = Found(time: time)
        for document in products { try found.add(document) }
        let states = found.documents.mapValues { LaneState($0, at: time, isDurable: false) }
        for index in batches.indices where batches[index].fence == nil {
            batches[index].damage = found.damage[batches[index].product]
            batches[index].state = states[batches[index].product]
            // Where there is no product, any fence will do for the write to say so.
            batches[index].fence = batches[index].state?.fence ?? LaneState.Fence(value: 0, time: time)
        }
    }

    /// Answers moves that have been decided and filed before. The others are cleared: as long as the fence stays, they
    /// need not be looked up again.
    private func answerKnown(
        in batches: inout [LaneBatch], _ answers: [String: BSONDocument], after time: UInt64
    ) throws {
        let products = try currentProducts(of: answers.values, after: time)
        for index in batches.indices {
            let fence = batches[index].fence?.value
            batches[index].moves = batches[index].moves.compactMap { move in
                var move = move
                move.clearedAt = fence
                guard let answer = answers[move.id] else { return move }
                reply(to: move, with: answer, products)
                return nil
            }
        }
    }

    /// The products of those answers that are movements.
    private func currentProducts(
        of answers: some Sequence<BSONDocument>, after time: UInt64
    ) throws -> [ProductID: Product] {
        let moved = answers.filter { $0["record"] == nil }.compactMap { try? $0.productID("product_id") }
        guard !moved.isEmpty else { return [:] }
        return try connection.currentProducts(of: moved, after: time).compactMapValues { try? $0.get() }
    }

    private func reply(to move: PendingMove, with answer: BSONDocument, _ products: [ProductID: Product]) {
        let product = (try? answer.productID("product_id")).flatMap { products[$0] }
        do {
            move.answer(try move.answer(by: Operation(answer), movement: { try Movement(answer) }, product: product))
        } catch {
            // It has happened, and a hand in the database keeps it from being told.
            move.answer(.failure(.unavailable(.outcomeUnknown)))
        }
    }

    // MARK: The write

    private struct Found {
        var documents: [ProductID: StoredProduct] = [:]
        let time: UInt64

        /// What was wrong with single statements, by their places.
        var errors: [Int: MongoError] = [:]

        /// Products whose documents a hand in the database has damaged. That is for their own buyers to hear.
        var damage: [ProductID: MongoError] = [:]

        mutating func add(_ document: BSONDocument) throws {
            let id = try document.productID("_id")
            do {
                documents[id] = try StoredProduct(ifAny: document)
                // Nothing can be added to what is not there.
                guard documents[id] == nil || document.isArray("ops") else {
                    documents[id] = nil
                    throw DamagedDocument(detail: "ops is missing, or no array")
                }
            } catch {
                damage[id] = .damaged("product \(id.text): \(error)")
            }
        }
    }

    /// Of moves with the same id the first is sent; the others will find its operation.
    private func variables(_ batch: LaneBatch, _ fresh: Int64) -> [(String, BSON)] {
        var ids: Set<String> = []
        let moves = batch.moves.filter { ids.insert($0.id).inserted }
        return StockPipeline.variables(
            known: batch.fence?.value ?? 0, fresh: fresh, batch: moves.map(\.bson), filed: batch.filed)
    }

    /// One product: its document comes back with the write.
    private func writeOne(_ batch: LaneBatch, _ fresh: Int64) throws -> Found {
        let (document, time) = try connection.findAndModify(
            Collection.products, ["_id": .productID(batch.product)], StockPipeline.encoded,
            variables: .document(variables(batch, fresh).map { ($0.0, ["$literal": $0.1]) }))
        var found = Found(time: time)
        if let document { try found.add(document) }
        return found
    }

    /// Several products: one command with a statement for each, and one query for what came of it. What it finds may be
    /// younger than the writes, but nothing that was written can be missing from it.
    private func writeMany(_ batches: [LaneBatch], _ fresh: [Int64]) throws -> Found {
        let statements: [BSON] = zip(batches, fresh).map { batch, fresh in
            // The constants of a statement are not evaluated, so they need no $literal.
            [
                "q": ["_id": .productID(batch.product)], "u": StockPipeline.encoded,
                "c": .document(variables(batch, fresh)),
            ]
        }
        let (_, _, errors) = try connection.update(statements, in: Collection.products)
        var found = try find(batches)
        found.errors = errors
        return found
    }

    /// The products after their writes, known to be durable.
    private func find(_ batches: [LaneBatch]) throws -> Found {
        let (documents, time) = try connection.find(
            Collection.products, ["_id": ["$in": .array(batches.map { .productID($0.product) })]],
            projection: ["terms": 0], freshness: .majority(after: 0))
        try connection.settleWhatWasRead()
        var found = Found(time: time)
        for document in documents { try found.add(document) }
        return found
    }

    // MARK: After the write

    private func outcome(
        of batch: LaneBatch, fresh: Int64?, in stored: StoredProduct?, at time: UInt64
    ) throws -> LaneOutcome {
        var outcome = LaneOutcome(product: batch.product)
        guard let stored else {
            for move in batch.moves {
                move.answer(.failure(.notFound("There is no product \(move.command.product.canonical).")))
            }
            return outcome
        }
        outcome.state = LaneState(stored, at: time, isDurable: true)
        var mine: [String: Operation] = [:]
        let ids = Set(batch.moves.map(\.id))
        for operation in stored.operations.lazy.map(Operation.init) where ids.contains(operation.id) {
            mine[operation.id] = operation
        }
        let isDecided = stored.fence == batch.fence?.value || stored.fence == fresh
        var running = try stock(before: batch.moves, mine, stored)
        for move in batch.moves {
            if let operation = mine[move.id] {
                let movement = try operation.record() == nil ? operation.movement(of: batch.product) : nil
                if let movement, operation.token == move.token { running = movement.stock }
                move.answer(
                    try move.answer(
                        by: operation, movement: { try movement ?? operation.movement(of: batch.product) },
                        product: stored.product))
            } else if !isDecided {
                // Somebody has written meanwhile, and may have filed what this has done: nothing else can be said of it
                // before it has been looked for.
                outcome.again.append(move)
            } else {
                settle(move, on: stored, running: running, wasForgotten: stored.fence == fresh, &outcome)
            }
        }
        return outcome
    }

    /// The answer to a move that has left nothing in the document.
    private func settle(
        _ move: PendingMove, on stored: StoredProduct, running: StockLevel, wasForgotten: Bool,
        _ outcome: inout LaneOutcome
    ) {
        let product = stored.product
        if let via = move.via, product.isArchived || via != product.catalogue.sku.key {
            if move.isResolved {
                move.answer(.failure(.notFound("There is no product \(move.command.product.canonical).")))
            } else {
                outcome.elsewhere.append(move)
            }
            return
        }
        if let archivedAt = product.archivedAt {
            return move.answer(.failure(.archived(product.id, at: archivedAt)))
        }
        if stored.operations.count >= StockPipeline.operationLimit {
            return move.answer(.failure(.unavailable(.ledgerBlocked)))
        }
        guard wasForgotten, !move.command.origin.isRepeatable else { return outcome.again.append(move) }
        // Refused, without a key. The model says why, of the stock as it was at its turn; should it see no reason, then
        // because others have written since, and the move has its turn again.
        var then = product
        then.stock = running
        do {
            let now = stored.movedAt ?? product.updatedAt
            _ = try move.command.decide(on: then, lastMovementAt: stored.movedAt, now: now)
            outcome.again.append(move)
        } catch { move.answer(.failure(error)) }
    }

    /// The answers to moves by SKUs that no product holds: what was told before, or that there is no such product.
    func answerUnheld(_ moves: [PendingMove], after time: UInt64) throws {
        let ids = moves.filter(\.isLookedFor).map(\.id)
        let (_, answers, seen) = try connection.lookUp(ids: ids, after: time)
        let products = try currentProducts(of: answers.values, after: seen)
        for move in moves {
            guard let answer = answers[move.id] else {
                move.answer(.failure(.notFound("There is no product \(move.command.product.canonical).")))
                continue
            }
            reply(to: move, with: answer, products)
        }
    }

    /// The stock before the first of the moves: before the first of them that has moved it, or as it is.
    private func stock(
        before moves: [PendingMove], _ operations: [String: Operation], _ stored: StoredProduct
    ) throws -> StockLevel {
        for move in moves {
            guard let operation = operations[move.id], operation.token == move.token, try operation.record() == nil
            else { continue }
            let movement = try operation.movement(of: stored.product.id)
            return try StockLevel(
                onHand: movement.stock.onHand - movement.delta,
                reserved: movement.stock.reserved - movement.reservedDelta)
        }
        return stored.product.stock
    }
}
