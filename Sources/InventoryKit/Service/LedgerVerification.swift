/// Checks products' ledgers while they are served: that each begins at 1, goes on without a gap, and leads to its
/// product's stock. It asks as any reader does, so it works on every store, and holds one page at a time.
package struct LedgerVerification: Sendable {
    /// What a reading of several pages sees may be torn by writes in between; what is wrong three times is wrong.
    private static let attempts = 3

    private let inventory: Inventory

    package init(of inventory: Inventory) {
        self.inventory = inventory
    }

    /// What was found of one product.
    package struct Finding: Sendable {
        /// How many movements explain its stock.
        package let movements: Int64

        /// What is wrong, in words; nothing where all is right.
        package let fault: String?
    }

    /// - Throws: what the store throws.
    package func check(_ id: ProductID) async throws(InventoryError) -> Finding? {
        var last: Finding?
        for _ in 0..<Self.attempts {
            guard let product = try await inventory.store.product(.id(id)) else { return nil }
            let finding = try await check(product)
            if finding.fault == nil { return finding }
            last = finding
        }
        return last
    }

    /// Follows the ledger back from the stock that the product is said to have.
    func check(_ product: Product) async throws(InventoryError) -> Finding {
        var chain = LedgerChain(product)
        var query = MovementQuery(product: product.id, limit: Bounds.pageSize)
        while true {
            let page = try await inventory.page(of: query)
            for movement in page.items {
                if let fault = chain.follow(movement) { return Finding(movements: product.stockVersion, fault: fault) }
            }
            guard let next = page.next else { break }
            query.after = next
        }
        return Finding(movements: product.stockVersion, fault: chain.fault)
    }
}

/// A ledger read backwards: each movement has to lead to the balance that was seen after it.
struct LedgerChain {
    private let name: String
    private var seq: Int64
    private var stock: StockLevel

    init(_ product: Product) {
        name = product.name
        seq = product.stockVersion
        stock = product.stock
    }

    /// - Returns: what is wrong with it.
    mutating func follow(_ movement: Movement) -> String? {
        // It came after the product was read.
        guard movement.seq <= seq else { return nil }
        guard movement.seq == seq, seq > 0 else {
            return "\(name): movement \(seq) is missing; \(movement.seq) follows"
        }
        guard movement.stock == stock else {
            return "\(name): after movement \(seq) there are \(movement.stock.onHand) on hand and "
                + "\(movement.stock.reserved) reserved, but \(stock.onHand) and \(stock.reserved) follow from it"
        }
        let before = (stock.onHand &- movement.delta, stock.reserved &- movement.reservedDelta)
        guard let earlier = try? StockLevel(onHand: before.0, reserved: before.1) else {
            return "\(name): before movement \(seq) there were \(before.0) on hand, which cannot be"
        }
        (seq, stock) = (seq - 1, earlier)
        return nil
    }

    /// What is wrong when there are no more movements.
    var fault: String? {
        guard seq == 0 else { return "\(name): movement \(seq) is missing, and all before it" }
        guard stock == .empty else {
            return "\(name): \(stock.onHand) on hand and \(stock.reserved) reserved come from nowhere"
        }
        return nil
    }
}
