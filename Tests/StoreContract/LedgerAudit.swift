package import InventoryKit

/// Whether a ledger explains the stock: movements numbered without gaps, each balance the one before plus the delta,
/// the last one the product's.
package enum LedgerAudit {
    /// Every violation in the ledger of one product, in words; none when all is well.
    ///
    /// - Parameter movements: all movements of the product, in any order.
    package static func violations(of product: Product, movements: [Movement]) -> [String] {
        var violations: [String] = []
        var ids: Set<OperationID> = []
        for movement in movements {
            if movement.productID != product.id {
                violations.append("\(place(movement)): belongs to product \(movement.productID.text)")
            }
            if !ids.insert(movement.id).inserted { violations.append("\(place(movement)): id occurs more than once") }
        }
        let ordered = movements.sorted { $0.seq < $1.seq }
        var previous: Movement?
        for movement in ordered {
            violations += step(from: previous, to: movement).map { "\(place(movement)): \($0)" }
            previous = movement
        }
        if product.stockVersion != previous?.seq ?? 0 {
            violations.append("stock_version is \(product.stockVersion), the last movement \(previous?.seq ?? 0)")
        } else if product.stock != previous?.stock ?? .empty {
            violations.append("the product has \(text(product.stock)), its ledger \(text(previous?.stock ?? .empty))")
        }
        return violations.map { "\(product.catalogue.sku.text): \($0)" }
    }

    /// Every violation in the ledgers of all products of a store. Products may sell meanwhile.
    package static func violations(
        in store: any InventoryStore, pageSize: Int = Bounds.pageSize
    ) async throws(InventoryError) -> [String] {
        var violations: [String] = []
        var found: [OperationID: Movement] = [:]
        for product in try await products(in: store, pageSize: pageSize) {
            // What was sold since the product was read is not explained by what was read.
            let movements = try await movements(MovementQuery(product: product.id, limit: pageSize), in: store)
                .filter { $0.seq <= product.stockVersion }
            violations += self.violations(of: product, movements: movements)
            for movement in movements {
                if let other = found.updateValue(movement, forKey: movement.id), other.productID != product.id {
                    violations.append("\(place(movement)): the id occurs in two products")
                }
            }
        }
        for movement in try await self.movements(MovementQuery(limit: pageSize), in: store) {
            if let known = found.removeValue(forKey: movement.id), known != movement {
                violations.append("\(place(movement)): differs between the product's ledger and that of all")
            }
        }
        violations += found.values.map { "\(place($0)): is missing in the ledger of all products" }.sorted()
        return violations
    }

    /// What is wrong with a movement as the successor of another one.
    private static func step(from previous: Movement?, to movement: Movement) -> [String] {
        let before = previous?.stock ?? .empty
        let expectedSeq = (previous?.seq ?? 0) + 1
        guard movement.seq == expectedSeq else {
            // The balances say nothing where movements are missing.
            return [
                movement.seq < expectedSeq ? "seq occurs more than once" : "seq \(expectedSeq) is missing before it"
            ]
        }
        var violations: [String] = []
        let onHand = before.onHand + movement.delta
        let reserved = before.reserved + movement.reservedDelta
        if onHand < 0 || reserved < 0 || reserved > onHand {
            violations.append("oversold: \(text(before)), then \(movement.delta) and \(movement.reservedDelta)")
        }
        if onHand != movement.stock.onHand || reserved != movement.stock.reserved {
            violations.append(
                "wrong balance: \(text(before)), then \(movement.delta) and \(movement.reservedDelta), "
                    + "but \(text(movement.stock)) after it"
            )
        }
        if let previous, movement.at < previous.at { violations.append("is earlier than the one before it") }
        return violations + contradictions(in: movement)
    }

    /// What cannot be of a movement alone.
    private static func contradictions(in movement: Movement) -> [String] {
        var contradictions: [String] = []
        switch movement.kind {
        case .opening where movement.seq != 1 || movement.delta <= 0: contradictions.append("is no beginning")
        case .sale where movement.delta >= 0 || movement.unitPrice == nil: contradictions.append("sells nothing")
        case .sale, .opening, .count: break
        case .receive, .return, .adjust:
            if movement.delta == 0 { contradictions.append("changes nothing") }
        }
        if movement.kind != .sale, movement.unitPrice != nil { contradictions.append("has a price but sells nothing") }
        return contradictions
    }

    private static func place(_ movement: Movement) -> String { "movement \(movement.seq)" }

    private static func text(_ stock: StockLevel) -> String { "\(stock.onHand) on hand, \(stock.reserved) reserved" }

    // MARK: Reading

    private static func products(
        in store: any InventoryStore, pageSize: Int
    ) async throws(InventoryError) -> [Product] {
        var query = ProductQuery(limit: pageSize)
        query.filter.archived = .any
        var products: [Product] = []
        repeat {
            let page = try await store.page(of: query)
            products += page.items
            query.after = page.next
        } while query.after != nil
        return products
    }

    private static func movements(
        _ query: MovementQuery, in store: any InventoryStore
    ) async throws(InventoryError) -> [Movement] {
        var query = query
        var movements: [Movement] = []
        repeat {
            let page = try await store.page(of: query)
            movements += page.items
            query.after = page.next
        } while query.after != nil
        return movements
    }
}
