import InventoryKit
import TestSupport
import Testing

/// Whether what the system holds after a storm is what its buyers were told.
extension PurchaseStorm {
    /// Asks after every order of which nobody knows what came, until it is known, and after some of which it is known:
    /// the same key answers the truth. Then looks at everything: over HTTP, and in the ledger alone.
    func expectTruth(in shell: MongoShell, _ location: SourceLocation = #_sourceLocation) async throws {
        try await askAfterUnknown()
        await askAgain()
        #expect(oddities.prefix(10) == [], sourceLocation: location)
        #expect(history.acknowledged > 0, sourceLocation: location)
        #expect(history.refused > 0 || shelves.count == 1, sourceLocation: location)

        var served: [AuditedProduct] = []
        for shelf in shelves { served.append(try await product(shelf)) }
        expectNoViolations(in: served, "as served", location)

        try await expectFiled(in: shell, location)
    }

    /// Waits until all is filed, and looks at what the ledger says without the daemons' help.
    func expectFiled(in shell: MongoShell, _ location: SourceLocation = #_sourceLocation) async throws {
        try await eventually("everything to be filed") { try await shell.unfiledProducts().isEmpty ? () : nil }
        try await expectLedger(in: shell, location)
    }

    /// Looks at the ledger as it stands in the database, where everything has been filed.
    func expectLedger(in shell: MongoShell, _ location: SourceLocation = #_sourceLocation) async throws {
        #expect(try await shell.unfiledProducts() == [], sourceLocation: location)
        var stored: [AuditedProduct] = []
        for shelf in shelves {
            stored.append(
                AuditedProduct(
                    id: shelf.id, opening: shelf.opening, onHand: try await shell.onHand(of: shelf.id),
                    ledger: try await shell.ledger(of: shelf.id)))
        }
        expectNoViolations(in: stored, "as filed", location)
    }

    private func expectNoViolations(in products: [AuditedProduct], _ how: String, _ location: SourceLocation) {
        let violations = PurchaseAudit.violations(of: history.records, in: products) + restockViolations(in: products)
        #expect(violations.prefix(10) == [], "\(how), \(violations.count) of them", sourceLocation: location)
    }

    /// Stock that was brought twice, or was acknowledged and is not there.
    private func restockViolations(in products: [AuditedProduct]) -> [String] {
        let received = Dictionary(grouping: products.flatMap(\.ledger).filter { $0.kind == "receive" }) {
            $0.reference ?? ""
        }
        var violations = received.filter { $0.value.count > 1 }.map { "restock \($0.key): in the ledger twice" }
        for (key, movements) in restocks where movements != Set(received[key, default: []].map(\.id)) {
            violations.append("restock \(key): told \(movements), the ledger has another")
        }
        return violations
    }

    // MARK: The same key answers the truth

    private func askAfterUnknown() async throws {
        let known = Set(history.records.filter { $0.answer != .unknown }.map(\.key)).union(restocks.keys)
        try await forEach(orders.filter { !known.contains($0.key) }) { order, number in
            try await eventually("an answer to \(order.key)") {
                await self.send(order, through: number) == .unknown ? nil : ()
            }
        }
    }

    /// Whoever was refused, and every fourth of the others, through any door.
    private func askAgain() async {
        let refused = Set(history.records.filter { if case .refused = $0.answer { true } else { false } }.map(\.key))
        let some = orders.enumerated().filter { $0.offset.isMultiple(of: 4) || refused.contains($0.element.key) }
            .map(\.element)
        try? await forEach(some) { order, number in await self.send(order, through: number, isKnown: true) }
    }

    private func forEach(
        _ orders: [Order], _ body: @escaping @Sendable (Order, Int) async throws -> Void
    ) async throws {
        let clerks = 16
        try await withThrowingTaskGroup(of: Void.self) { group in
            for clerk in 0..<clerks {
                group.addTask {
                    for number in stride(from: clerk, to: orders.count, by: clerks) {
                        try await body(orders[number], number)
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    // MARK: What there is

    /// A product and its whole ledger over HTTP.
    private func product(_ shelf: Shelf) async throws -> AuditedProduct {
        let client = try #require(anyDoor)
        let movements = try await client.all("/v1/products/\(shelf.id)/movements?limit=200")
        let onHand = try await client.get("/v1/products/\(shelf.id)").json["stock"]["on_hand"].int
        return AuditedProduct(
            id: shelf.id, opening: shelf.opening, onHand: try #require(onHand),
            ledger: try movements.map { try #require(LedgerEntry(json: $0)) })
    }
}

/// What stands in the database, read behind the daemons' backs.
extension MongoShell {
    /// Products of which not everything has been filed.
    func unfiledProducts() async throws -> [String] {
        let reply = try await run(
            """
            {"find": "products", "projection": {"_id": 1},
             "filter": {"$or": [{"unfiled_since": {"$exists": true}}, {"ops.0": {"$exists": true}}]}}
            """)
        return reply["cursor"]["firstBatch"].items.compactMap { $0["_id"]["$oid"].string }
    }

    func onHand(of product: String) async throws -> Int64 {
        let reply = try await run(#"{"find": "products", "filter": {"_id": {"$oid": "\#(product)"}}}"#)
        return try #require(reply["cursor"]["firstBatch"][0]["on_hand"].int)
    }

    /// What has been filed of a product.
    func ledger(of product: String) async throws -> [LedgerEntry] {
        let reply = try await run(
            """
            {"find": "movements", "filter": {"product_id": {"$oid": "\(product)"}}, "batchSize": 1000000,
             "projection": {"seq": 1, "kind": 1, "d_on_hand": 1, "on_hand": 1, "reference": 1}}
            """)
        #expect(reply["cursor"]["id"].int == 0, "the ledger has to fit one reply")
        return try reply["cursor"]["firstBatch"].items.map { movement in
            LedgerEntry(
                id: try #require(movement["_id"].string), seq: try #require(movement["seq"].int),
                kind: try #require(movement["kind"].string), delta: try #require(movement["d_on_hand"].int),
                onHand: try #require(movement["on_hand"].int), reference: movement["reference"].string)
        }
    }
}
