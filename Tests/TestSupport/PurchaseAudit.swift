/// Whether what the system holds is what its buyers were told: nothing oversold, no purchase lost, none done twice.
///
/// `LedgerAudit` looks at the ledger alone; this looks at it with the buyers' eyes.
package enum PurchaseAudit {
    /// Every violation, in words; none when all is well. A history of no purchases has none either, so tests look at
    /// how much was bought as well.
    package static func violations(of records: [PurchaseRecord], in products: [AuditedProduct]) -> [String] {
        let sent = Dictionary(grouping: records, by: \.product)
        var violations = products.flatMap { product in
            (stockViolations(of: product) + purchaseViolations(of: sent[product.id] ?? [], in: product))
                .map { "product \(product.id): \($0)" }
        }
        for id in Set(sent.keys).subtracting(products.map(\.id)).sorted() {
            violations.append("product \(id): was bought and is not among the audited")
        }
        let places = Dictionary(grouping: products.flatMap { product in product.ledger.map { ($0.id, product.id) } }) {
            $0.0
        }
        for (movement, owners) in places.sorted(by: { $0.key < $1.key }) where Set(owners.map(\.1)).count > 1 {
            violations.append("movement \(movement): is in the ledgers of several products")
        }
        return violations
    }

    // MARK: The stock and its ledger

    private static func stockViolations(of product: AuditedProduct) -> [String] {
        var violations: [String] = []
        let sold = -product.ledger.filter { $0.kind == "sale" }.map(\.delta).reduce(0, +)
        let added = product.ledger.filter { !["sale", "opening"].contains($0.kind) }.map(\.delta).reduce(0, +)
        if product.onHand + sold != product.opening + added {
            violations.append(
                "stock \(product.onHand) and sold \(sold) are not opening \(product.opening) and added \(added)")
        }
        if product.onHand < 0 { violations.append("oversold: \(product.onHand) on hand") }
        var previous: LedgerEntry?
        for entry in product.ledger.sorted(by: { $0.seq < $1.seq }) {
            violations += step(from: previous, to: entry).map { "movement \(entry.seq): \($0)" }
            previous = entry
        }
        if product.onHand != previous?.onHand ?? 0 {
            violations.append("has \(product.onHand) on hand, its ledger \(previous?.onHand ?? 0)")
        }
        for (id, entries) in Dictionary(grouping: product.ledger, by: \.id).sorted(by: { $0.key < $1.key })
        where entries.count > 1 {
            violations.append("movement id \(id) occurs \(entries.count) times")
        }
        return violations
    }

    /// What is wrong with an entry as the successor of another one.
    private static func step(from previous: LedgerEntry?, to entry: LedgerEntry) -> [String] {
        var violations: [String] = []
        if entry.onHand < 0 { violations.append("oversold: \(entry.onHand) on hand after it") }
        let expected = (previous?.seq ?? 0) + 1
        guard entry.seq == expected else {
            // The balances say nothing where movements are missing.
            let what = entry.seq < expected ? "seq occurs more than once" : "seq \(expected) is missing before it"
            return violations + [what]
        }
        let before = previous?.onHand ?? 0
        if before + entry.delta < 0 { violations.append("oversold: \(before) on hand, then \(entry.delta)") }
        if before + entry.delta != entry.onHand {
            violations.append("wrong balance: \(before), then \(entry.delta), but \(entry.onHand) after it")
        }
        return violations
    }

    // MARK: The purchases

    private static func purchaseViolations(of records: [PurchaseRecord], in product: AuditedProduct) -> [String] {
        let sales = Dictionary(grouping: product.ledger.filter { $0.kind == "sale" }) { $0.reference ?? "" }
        let purchases = Dictionary(grouping: records, by: \.key)
        var violations: [String] = []
        var owners: [String: Set<String>] = [:]
        for (key, sendings) in purchases.sorted(by: { $0.key < $1.key }) {
            violations += self.violations(of: sendings, in: sales[key] ?? []).map { "purchase \(key): \($0)" }
            for case .acknowledged(let movement, _, _, _) in sendings.map(\.answer) {
                owners[movement, default: []].insert(key)
            }
        }
        for (movement, keys) in owners.sorted(by: { $0.key < $1.key }) where keys.count > 1 {
            violations.append("movement \(movement): answers \(keys.count) purchases, \(keys.sorted())")
        }
        for (reference, entries) in sales.sorted(by: { $0.key < $1.key }) where purchases[reference] == nil {
            violations.append("nobody bought what \(entries.count) sales of reference '\(reference)' sold")
        }
        return violations
    }

    /// What is wrong with one purchase.
    ///
    /// - Parameters:
    ///   - sendings: all of them, in any order.
    ///   - entries: the sales in the ledger that bear its key.
    private static func violations(of sendings: [PurchaseRecord], in entries: [LedgerEntry]) -> [String] {
        var violations: [String] = []
        let answers = Set(sendings.map(\.answer))
        let acknowledgements = answers.filter { if case .acknowledged = $0 { true } else { false } }
        let refusals = answers.filter { if case .refused = $0 { true } else { false } }
        if entries.count > 1 {
            let outcome = acknowledgements.isEmpty ? "never acknowledged" : "acknowledged"
            violations.append("doubled: \(outcome), and \(entries.count) times in the ledger")
        }
        if acknowledgements.count > 1 {
            violations.append("a replay got another answer: \(acknowledgements.map { "\($0)" }.sorted())")
        }
        if !refusals.isEmpty, !entries.isEmpty { violations.append("refused, and in the ledger") }
        if !refusals.isEmpty, !acknowledgements.isEmpty { violations.append("both acknowledged and refused") }
        if Set(sendings.map(\.quantity)).count > 1 {
            violations.append("was sent with different quantities, which is the test's own mistake")
        }
        for case .acknowledged(let movement, let seq, let onHandAfter, _) in acknowledgements {
            guard let entry = entries.first(where: { $0.id == movement }) else {
                let instead = entries.isEmpty ? "" : "; there instead: \(entries.map(\.id))"
                violations.append("lost: acknowledged as movement \(movement), which is not in the ledger\(instead)")
                continue
            }
            if entry.seq != seq || entry.onHand != onHandAfter {
                violations.append(
                    "told \(onHandAfter) on hand after movement \(seq), "
                        + "the ledger has \(entry.onHand) after movement \(entry.seq)")
            }
        }
        if let quantity = sendings.first?.quantity {
            for entry in entries where entry.delta != -quantity {
                violations.append("of \(quantity) units, and the ledger has \(entry.delta)")
            }
        }
        return violations
    }
}
