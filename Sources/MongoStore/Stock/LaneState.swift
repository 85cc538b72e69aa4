import InventoryKit

/// What is known of a product between two writes of its stock: its document as the last one left it.
///
/// It is knowledge and no promise: other daemons may have written since. Whatever is decided on it is written only if the
/// document is still the same (``StockPlan``).
struct LaneState: Sendable {
    /// The fence as it was last seen, and the time of the cluster at which it was.
    struct Fence: Sendable, Equatable {
        let value: Int64
        let time: UInt64
    }

    var product: Product
    var fence: Fence

    /// What has not been filed, the oldest first, and the ids in it.
    private(set) var operations: [BSONDocument]
    private(set) var ids: Set<String>

    /// Since when the oldest of them has been there.
    private(set) var unfiledSince: Timestamp?
    var movedAt: Timestamp?

    /// Whether the product holds SKUs that it has given up, which go with the next filing.
    let holdsMore: Bool

    /// Whether it is known to outlive a crash: it came with an acknowledged write, and not with a mere read.
    var isDurable: Bool

    init(_ stored: StoredProduct, at time: UInt64, isDurable: Bool) {
        product = stored.product
        fence = Fence(value: stored.fence, time: time)
        operations = stored.operations
        ids = Set(stored.operations.map { Operation($0).id })
        unfiledSince = stored.unfiledSince
        movedAt = stored.movedAt
        holdsMore = stored.heldSKUs != [stored.product.catalogue.sku.key]
        self.isDurable = isDurable
    }

    mutating func append(_ operation: BSONDocument, id: String) {
        if operations.isEmpty { unfiledSince = try? operation.time("at") }
        operations.append(operation)
        ids.insert(id)
    }

    /// Whether those that are filed stand at the head of the operations.
    func isHead(_ filed: StockPipeline.Filed) -> Bool {
        filed.count > 0 && filed.count <= operations.count && Operation(operations[filed.count - 1]).id == filed.last
    }

    mutating func removeFirst(_ count: Int) {
        for operation in operations.prefix(count) { ids.remove(Operation(operation).id) }
        operations.removeFirst(count)
        if count > 0 { unfiledSince = try? operations.first?.time("at") }
    }

    /// Whether it is worth its memory while nobody asks for the product.
    var isSmall: Bool {
        product.catalogue.description.text.utf8.count + product.catalogue.attributes.values.count * 64 < 4_096
    }
}
