/// Mends what can be proven. Movements are never written, changed or removed: what the ledger itself lacks only a person can
/// decide, so it is told and left as it is.
///
/// Two things can be proven. What is derived from other fields (for sorting, for searching, for finding what is to be
/// filed) can be derived again. And where a product's movements are all there, from the first to the one that its
/// `stock_version` names, and lead to another stock than it has, its stock was changed by something else than this
/// program, which writes both in one: then it is what the movements lead to.
package struct LedgerRepair: Sendable {
    private let inventory: Inventory
    private let store: any StoreAdministration
    private let isDry: Bool

    package init(of inventory: Inventory, _ store: any StoreAdministration, dryRun: Bool) {
        self.inventory = inventory
        self.store = store
        isDry = dryRun
    }

    /// What was found of one product.
    package struct Finding: Sendable {
        /// In words, what was mended or would be.
        package var mended: [String]

        /// In words, what is wrong and stays so.
        package var faults: [String]

        package init(mended: [String] = [], faults: [String] = []) {
            self.mended = mended
            self.faults = faults
        }
    }

    /// - Throws: what the store throws.
    package func repair(_ id: ProductID) async throws(InventoryError) -> Finding {
        var finding = try await store.mend(id, dryRun: isDry)
        let verification = LedgerVerification(of: inventory)
        guard let fault = try await verification.check(id)?.fault else { return finding }
        guard let product = try await inventory.store.product(.id(id)),
            let last = try await proof(of: product, verification)
        else {
            finding.faults.append(fault)
            return finding
        }
        if !isDry {
            guard let restored = try await store.restore(product, to: last) else {
                finding.faults.append(fault + "; it changed meanwhile, so run this again")
                return finding
            }
            // Like any other change of it: nobody is told as long as it may be read as it was.
            do { try await inventory.cache.settle([restored]) } catch {
                finding.faults.append(
                    "\(product.name) may be cached as it was for a while, for the cache does not answer")
            }
        }
        finding.mended.append(
            "\(product.name): \(product.stock.words) where its ledger, which is whole, leads to \(last.stock.words)")
        return finding
    }

    /// The last movement of a ledger that is whole and leads to another stock than the product has; nothing where it is not
    /// whole.
    private func proof(
        of product: Product, _ verification: LedgerVerification
    ) async throws(InventoryError) -> Movement? {
        let page = try await inventory.page(of: MovementQuery(product: product.id, limit: 1))
        guard let last = page.items.first, last.seq == product.stockVersion, last.stock != product.stock else {
            return nil
        }
        var proven = product
        proven.stock = last.stock
        return try await verification.check(proven).fault == nil ? last : nil
    }
}

extension Product {
    /// For people.
    package var name: String { "product \(id.text) (\(catalogue.sku.text))" }
}

extension StockLevel {
    fileprivate var words: String { "\(onHand) on hand and \(reserved) reserved" }
}
