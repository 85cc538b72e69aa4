import InventoryKit
import Logging
import Synchronization

/// Writes operations into the collections where they stay. It may be done any number of times, by any daemon: an
/// operation has one id, and under it the ledger has it once.
final class Ledger: Sendable {
    private let logger: Logger

    /// Products whose ledger contradicts itself; they are not filed any more while this process lives.
    private let conflicts = Mutex<Set<ProductID>>([])

    /// Products of which the log says that an operation is refused.
    private let told = ToldOnce()

    init(logger: Logger) {
        self.logger = logger
    }

    func isBlocked(_ product: ProductID) -> Bool { conflicts.withLock { $0.contains(product) } }

    /// Writes operations, which have to be known to be durable: a movement in the ledger that a crash took back from its
    /// product would never have happened.
    ///
    /// - Returns: the products whose operations are all in the ledger now, acknowledged.
    @discardableResult
    func insert(
        _ products: [(product: ProductID, operations: [BSONDocument])], over connection: MongoConnection
    ) throws -> Set<ProductID> {
        let open = products.filter { !isBlocked($0.product) }
        var movements: [(product: ProductID, document: BSONDocument)] = []
        var outcomes: [(product: ProductID, document: BSONDocument)] = []
        let hasOutcomes = open.contains { $0.operations.contains { $0["record"] != nil } }
        let keptAt = hasOutcomes ? try connection.serverTime() : nil
        for (product, operations) in open {
            let filed = Operation.filed(operations, of: product, keptAt: keptAt)
            movements += filed.movements.map { (product, $0) }
            outcomes += filed.outcomes.map { (product, $0) }
        }
        let refused =
            try insert(outcomes, into: Collection.outcomes, over: connection)
            .union(try insert(movements, into: Collection.movements, over: connection))
        return Set(open.map(\.product)).subtracting(refused)
    }

    /// - Returns: the products of those that were refused. Whatever is wrong with one, the others' are not to wait for that.
    private func insert(
        _ documents: [(product: ProductID, document: BSONDocument)], into collection: String,
        over connection: MongoConnection
    ) throws -> Set<ProductID> {
        var refused: Set<ProductID> = []
        for start in stride(from: 0, to: documents.count, by: Self.documentsAtOnce) {
            let part = Array(documents[start..<min(start + Self.documentsAtOnce, documents.count)])
            for (index, error) in try connection.insert(part.map(\.document), into: collection) {
                let (product, document) = part[index]
                switch error {
                case .duplicateKey(index: "_id"): continue
                case .duplicateKey: block(product, document)
                case .refused(_, let reason):
                    if told.isFirst(product.text) {
                        logger.critical(
                            "The ledger refuses an operation; its product is not filed",
                            metadata: ["product": "\(product.text)", "reason": "\(reason)"])
                    }
                default: throw error
                }
                refused.insert(product)
            }
        }
        return refused
    }

    private static let documentsAtOnce = 1_000

    /// Another movement has this one's number. No daemon writes that, so nobody may paper over it.
    private func block(_ product: ProductID, _ document: BSONDocument) {
        guard conflicts.withLock({ $0.insert(product).inserted }) else { return }
        logger.critical(
            "ledger-conflict: the ledger has another movement with this number; the product is not filed any more",
            metadata: [
                "product": "\(product.text)", "seq": "\((try? document.integer("seq")) ?? 0)",
                "movement": "\((try? document.text("_id")) ?? "")",
            ])
    }
}
