import InventoryKit

/// A batch decided here, by the model, on the product as it was last seen, and the write that makes it so **if the
/// document is still the same**.
///
/// A product's document is the same if it has the same fence, the same catalogue version, and as many operations: while
/// the fence stays, operations are only appended, and every change of stock appends one. So nothing can have been decided
/// in between, neither sold nor refused, and a delayed copy of the write finds one operation more, or another fence.
///
/// Where another daemon sells the same product this fails now and then, and the server decides (``StockPipeline``), which
/// takes it several times the work but cannot fail that way.
struct StockPlan {
    let statement: BSON

    /// The product once it is written.
    let state: LaneState

    /// The fence that the write sets, if it sets one.
    let fresh: Int64?

    private let answers: [(move: PendingMove, decision: Decision)]

    private enum Decision {
        case moved(Movement, replayed: Bool)
        case failed(InventoryError)
    }

    /// - Returns: `nil` where something needs the server's word: an operation that is there already, a product that is
    ///   archived or sold under another SKU, operations that cannot be filed.
    init?(_ batch: LaneBatch, at now: Timestamp) {
        guard var state = batch.state, !state.product.isArchived else { return nil }
        if let filed = batch.filed {
            guard state.isHead(filed), !state.holdsMore else { return nil }
        }
        let filedCount = batch.filed?.count ?? 0
        guard Int64(state.operations.count - filedCount) < StockPipeline.operationLimit else { return nil }
        let before = state
        var decisions: [String: (fingerprint: String?, decision: Decision)] = [:]
        var answers: [(move: PendingMove, decision: Decision)] = []
        var isForgotten = false
        for move in batch.moves {
            if let earlier = decisions[move.id] {
                answers.append((move, Self.repeated(earlier, for: move)))
                continue
            }
            guard !state.ids.contains(move.id),
                move.via ?? state.product.catalogue.sku.key == state.product.catalogue.sku.key
            else { return nil }
            guard let decision = Self.decide(move, on: &state, at: now, &isForgotten) else { return nil }
            decisions[move.id] = (move.command.origin.fingerprint, decision)
            answers.append((move, decision))
        }
        self.answers = answers
        fresh = isForgotten || batch.filed != nil ? Int64.random(in: .min ... .max) : nil
        state.removeFirst(filedCount)
        statement = Self.statement(from: before, to: state, filed: filedCount, fresh: fresh)
        if let fresh { state.fence = LaneState.Fence(value: fresh, time: state.fence.time) }
        state.isDurable = true
        self.state = state
    }

    private static func decide(
        _ move: PendingMove, on state: inout LaneState, at now: Timestamp, _ isForgotten: inout Bool
    ) -> Decision? {
        do {
            let movement = try move.command.decide(on: state.product, lastMovementAt: state.movedAt, now: now)
            let operation = movement.operation(
                fingerprint: move.command.origin.fingerprint, token: move.token, via: move.via)
            state.append(BSONDocument(operation), id: move.id)
            state.product.stock = movement.stock
            state.product.stockVersion = movement.seq
            state.movedAt = movement.at
            return .moved(movement, replayed: false)
        } catch .refused(let refusal, _) {
            // As in the pipeline: with a key it leaves its answer, without one a new fence.
            if move.command.origin.isRepeatable {
                let mark = Operation.refusal(refusal, move, at: max(now, state.movedAt ?? now))
                state.append(BSONDocument(mark), id: move.id)
            } else {
                isForgotten = true
            }
            return .failed(.refused(refusal, replayed: false))
        } catch { return nil }
    }

    /// The answer to a move with the same id as one before it in the batch.
    private static func repeated(
        _ earlier: (fingerprint: String?, decision: Decision), for move: PendingMove
    ) -> Decision {
        guard earlier.fingerprint == move.command.origin.fingerprint else { return .failed(.idempotencyMismatch) }
        switch earlier.decision {
        case .moved(let movement, _): return .moved(movement, replayed: true)
        case .failed(.refused(let refusal, _)): return .failed(.refused(refusal, replayed: true))
        case .failed: return earlier.decision
        }
    }

    private static func statement(
        from before: LaneState, to after: LaneState, filed: Int, fresh: Int64?
    ) -> BSON {
        let new = after.operations.suffix(after.operations.count + filed - before.operations.count)
        var set: [(String, BSON)] = []
        let stock = after.product.stock
        if after.product.stockVersion != before.product.stockVersion {
            set += [
                ("on_hand", .integer(stock.onHand)), ("reserved", .integer(stock.reserved)),
                ("available", .integer(stock.available)), ("low", .bool(after.product.catalogue.isLow(stock))),
                ("stock_version", .integer(after.product.stockVersion)),
            ]
            if let movedAt = after.movedAt { set.append(("moved_at", .date(movedAt))) }
        }
        if let fresh { set.append(("gen", .integer(fresh))) }
        var update: [(String, BSON)] = []
        if let oldest = after.unfiledSince {
            if before.operations.isEmpty || filed > 0 { set.append(("unfiled_since", .date(oldest))) }
        } else if filed > 0 {
            update.append(("$unset", ["unfiled_since": ""]))
        }
        var push: [(String, BSON)] = [("$each", .array(new.map(BSON.encoded)))]
        // What is not among the last ones is what has been filed.
        if filed > 0 { push.append(("$slice", .integer(-Int64(after.operations.count)))) }
        if filed > 0 || !new.isEmpty { update.append(("$push", ["ops": .document(push)])) }
        if !set.isEmpty { update.append(("$set", .document(set))) }
        return [
            "q": [
                "_id": .productID(before.product.id), "gen": .integer(before.fence.value),
                "version": .integer(before.product.version), "ops": ["$size": .integer(Int64(before.operations.count))],
            ],
            "u": .document(update),
        ]
    }

    /// Tells everybody. Only once the write is acknowledged.
    func answer() {
        for (move, decision) in answers {
            switch decision {
            case .moved(let movement, let replayed):
                move.answer(.success(StockOutcome(movement: movement, product: state.product, replayed: replayed)))
            case .failed(let error): move.answer(.failure(error))
            }
        }
    }
}
