import GRDB
package import InventoryKit

/// What is derived in the embedded store: the keys by which lists are sorted, and the words by which products are found.
extension SQLiteStore {
    package func mend(_ id: ProductID, dryRun: Bool) async throws(InventoryError) -> LedgerRepair.Finding {
        // To look takes no turn among the writers.
        let found = try await read { db in try Derived(of: id, in: db)?.finding }
        guard !dryRun, let found, !found.mended.isEmpty else { return found ?? LedgerRepair.Finding() }
        return try await write { try $0.mend(id) }
    }

    package func restore(_ product: Product, to last: Movement) async throws(InventoryError) -> Product? {
        try await write { try $0.restore(product, to: last) }
    }
}

extension WriteTransaction {
    fileprivate func mend(_ id: ProductID) throws -> LedgerRepair.Finding {
        guard let derived = try Derived(of: id, in: db) else { return LedgerRepair.Finding() }
        do { try derived.write(to: db) } catch let error as DatabaseError where error.resultCode == .SQLITE_CONSTRAINT {
            return LedgerRepair.Finding(faults: ["\(derived.product.name): another product is sold under its SKU"])
        }
        return derived.finding
    }

    fileprivate func restore(_ product: Product, to last: Movement) throws -> Product? {
        guard let stored = try products.id(product.id), stored.product.stock == product.stock,
            stored.product.stockVersion == product.stockVersion, last.seq == product.stockVersion
        else { return nil }
        // Another state has another ETag, whoever may have seen the wrong one.
        var restored = stored
        restored.product.version += 1
        try db.cachedStatement(sql: "UPDATE product SET version = ? WHERE key = ?")
            .execute(arguments: [restored.product.version, stored.key])
        return products.move(restored, by: last)
    }
}

/// What a product's row has that follows from the rest of it.
private struct Derived {
    let product: Product
    private let key: Int64
    private let sortKeys: [String]
    private let words: String?

    init?(of id: ProductID, in db: Database) throws {
        guard let stored = try Stored.id(id, in: db) else { return nil }
        (product, key) = (stored.product, stored.key)
        let row = try Row.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT p.sku_key, p.name_key, w.words FROM product p \
                    LEFT JOIN product_words w ON w.rowid = p.key WHERE p.key = ?
                    """),
            arguments: [key])
        sortKeys = [row?[0] ?? "", row?[1] ?? ""]
        words = row?[2]
    }

    private var rightSortKeys: [String] {
        [product.catalogue.sku.key, SearchTerms.fold(product.catalogue.name.text)]
    }
    private var rightWords: String { product.catalogue.searchWords.joined(separator: " ") }

    var finding: LedgerRepair.Finding {
        var finding = LedgerRepair.Finding()
        if sortKeys != rightSortKeys { finding.mended.append("\(product.name): the keys it is sorted by") }
        if words != rightWords { finding.mended.append("\(product.name): the words it is found by") }
        return finding
    }

    func write(to db: Database) throws {
        if sortKeys != rightSortKeys {
            try db.cachedStatement(sql: "UPDATE product SET sku_key = ?, name_key = ? WHERE key = ?")
                .execute(arguments: [rightSortKeys[0], rightSortKeys[1], key])
        }
        if words != rightWords {
            try db.cachedStatement(sql: "INSERT OR REPLACE INTO product_words (rowid, words) VALUES (?, ?)")
                .execute(arguments: [key, rightWords])
        }
    }
}
