import InventoryKit

/// Reads the ledger, whose newest movements stand in their products yet. Those are read first: what is filed meanwhile is
/// found in both places, and the same by its id; the other way round it could be found in neither.
struct LedgerReads {
    let connection: MongoConnection

    func movement(_ id: OperationID) throws -> Movement? {
        // Nearly all are there, and to look through what is not filed costs more.
        if let filed = try filedMovement(id) { return filed }
        do {
            let unfiled = try connection.aggregate(
                Collection.products, .array(unfiled([("ops.id", .string(id.text)), ("ops.seq", ["$exists": true])])),
                freshness: .majority(after: 0), timeLimit: MongoStore.readLimit
            ).documents.first
            if let unfiled { return try movement(unfiled: unfiled) }
        } catch MongoError.timeLimit {
            // So much is not filed that looking again at once would only add to it.
            throw InventoryError.unavailable(.outOfReach)
        }
        // Filed between the two.
        return try filedMovement(id)
    }

    private func filedMovement(_ id: OperationID) throws -> Movement? {
        try connection.find(
            Collection.movements, ["_id": .string(id.text)], limit: 1, freshness: .majority(after: 0)
        ).documents.first.map { try Movement($0) }
    }

    // MARK: Pages

    /// One movement more than the page may have, if there is one; the newest first.
    func movements(_ query: MovementQuery) throws -> [Movement] {
        try inTime {
            switch query.selection {
            case .product(let product): try movements(query, of: product)
            case .all(let reference, let since): try movements(query, reference: reference, since: since)
            }
        }
    }

    private func movements(
        _ query: MovementQuery, reference: Reference?, since: Timestamp?
    ) throws -> [Movement] {
        var conditions: [(String, BSON)] = []
        if let reference { conditions.append(("reference", .string(reference.text))) }
        if let since { conditions.append(("at", ["$gte": .date(since)])) }
        if let after = query.after, case .integer(let value) = after.value {
            let time = BSON.date(Timestamp(milliseconds: value))
            conditions.append(
                ("$or", [["at": ["$lt": time]], ["at": time, "_id": ["$lt": .string(after.id)]]]))
        }
        let order: BSON = ["at": -1, "_id": -1]
        // A movement among the operations, in the shape that it will have in the ledger.
        let filed: [BSON] = [
            ["$replaceWith": ["$mergeObjects": ["$ops", ["_id": "$ops.id", "product_id": "$_id"]]]],
            ["$match": .document([("seq", ["$exists": true])] + conditions)], ["$sort": order],
            ["$limit": .integer(Int64(query.limit + 1))],
        ]
        let unfiled = try connection.aggregate(
            Collection.products, .array(unfiled([]) + filed), freshness: .majority(after: 0),
            timeLimit: MongoStore.readLimit
        ).documents
        let found = try connection.find(
            Collection.movements, .document(conditions), sort: order, limit: query.limit + 1,
            freshness: .majority(after: 0), timeLimit: MongoStore.readLimit
        ).documents
        return merged(try (unfiled + found).map { try Movement($0) }, limit: query.limit) {
            ($0.at.milliseconds, $0.id.text) > ($1.at.milliseconds, $1.id.text)
        }
    }

    private func movements(_ query: MovementQuery, of product: ProductID) throws -> [Movement] {
        let unfiled = try unfiledMovements(of: product) ?? []
        var most = Int64.max
        if let after = query.after, case .integer(let value) = after.value {
            // A place may be made up.
            guard value > 1 else { return [] }
            most = value - 1
        }
        let found = try connection.find(
            Collection.movements, ["product_id": .productID(product), "seq": ["$lte": .integer(most)]],
            sort: ["seq": -1],
            limit: query.limit + 1, freshness: .majority(after: 0), timeLimit: MongoStore.readLimit
        ).documents.map { try Movement($0) }
        return merged(unfiled.filter { $0.seq <= most } + found, limit: query.limit) { $0.seq > $1.seq }
    }

    private func merged(
        _ movements: [Movement], limit: Int, inOrder: (Movement, Movement) -> Bool
    ) -> [Movement] {
        var seen: Set<OperationID> = []
        return Array(movements.filter { seen.insert($0.id).inserted }.sorted(by: inOrder).prefix(limit + 1))
    }

    // MARK: Moments

    func stock(of product: ProductID, at time: Timestamp) throws -> StockMoment? {
        guard let unfiled = try unfiledMovements(of: product) else { return nil }
        guard let last = try last(of: product, at: time, unfiled: unfiled) else {
            return StockMoment(stock: .empty, stockVersion: 0)
        }
        return StockMoment(stock: last.stock, stockVersion: last.seq)
    }

    /// The product's last movement up to that time. Times never run backwards within a ledger, so it is found by
    /// halving: some twenty look-ups in a ledger of a million.
    private func last(of product: ProductID, at time: Timestamp, unfiled: [Movement]) throws -> Movement? {
        if let last = unfiled.last(where: { $0.at <= time }) { return last }
        guard
            let newest = try connection.find(
                Collection.movements, ["product_id": .productID(product)], projection: ["seq": 1], sort: ["seq": -1],
                limit: 1, freshness: .majority(after: 0)
            ).documents.first
        else { return nil }
        var (before, after) = (Int64(0), try newest.integer("seq") + 1)
        var last: Movement?
        while after - before > 1 {
            let middle = before + (after - before) / 2
            let found = try connection.find(
                Collection.movements, ["product_id": .productID(product), "seq": .integer(middle)], limit: 1,
                freshness: .majority(after: 0))
            guard let document = found.documents.first else {
                throw DamagedDocument(detail: "product \(product.text) has no movement \(middle)")
            }
            let movement = try Movement(document)
            if movement.at <= time { (before, last) = (middle, movement) } else { after = middle }
        }
        return last
    }

    // MARK: What is not filed

    /// The product's movements that are not filed, the oldest first; `nil` where there is no such product.
    private func unfiledMovements(of product: ProductID) throws -> [Movement]? {
        let found = try connection.find(
            Collection.products, ["_id": .productID(product), "live": ["$exists": true]], projection: ["ops": 1],
            limit: 1, freshness: .majority(after: 0)
        ).documents
        guard let document = found.first else { return nil }
        return try document.documents("ops").filter { $0["seq"] != nil }.map {
            try Operation($0).movement(of: product)
        }
    }

    /// The operations of all products that have any, one by one as `ops`, as far as they fit the condition. It is one that
    /// a product fits too, if any of its operations does.
    private func unfiled(_ condition: [(String, BSON)]) -> [BSON] {
        [
            ["$match": .document([("unfiled_since", ["$type": "date"])] + condition)], ["$project": ["ops": 1]],
            ["$unwind": "$ops"], ["$match": .document(condition)],
        ]
    }

    private func movement(unfiled document: BSONDocument) throws -> Movement {
        try Operation(try document.document("ops")).movement(of: try document.productID("_id"))
    }
}
