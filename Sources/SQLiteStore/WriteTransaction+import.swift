import GRDB
import InventoryKit

extension WriteTransaction {
    /// Writes entries of another store as they are.
    ///
    /// - Returns: what is there already and must be there once; what came before it has been written.
    func take(_ entries: [InventoryEntry]) throws -> String? {
        var key: (product: ProductID, value: Int64)?
        for entry in entries {
            do {
                switch entry {
                case .product(let entry):
                    let value = try insert(
                        entry.product, movedAt: entry.movedAt, fingerprint: entry.fingerprint)
                    key = (entry.product.id, value)
                case .movement(let entry):
                    let product = entry.movement.productID
                    if key?.product != product { key = (product, try self.key(of: product)) }
                    try insert(entry.movement, of: key?.value ?? 0, fingerprint: entry.fingerprint)
                case .outcome(let entry):
                    try remember(entry)
                case .key(let key):
                    _ = try save(key, replacing: nil)
                }
            } catch let error as DatabaseError where error.resultCode == .SQLITE_CONSTRAINT {
                return Self.name(of: entry)
            }
        }
        return nil
    }

    private static func name(of entry: InventoryEntry) -> String {
        switch entry {
        case .product(let entry): "product \(entry.product.id.text), or its SKU \(entry.product.catalogue.sku.text),"
        case .movement(let entry): "movement \(entry.movement.id.text)"
        case .outcome(let entry): "outcome \(entry.id.text)"
        case .key(let key): "the API key of \(key.owner.text)"
        }
    }
}
