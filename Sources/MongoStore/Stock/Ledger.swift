import InventoryKit
import Logging
import Synchronization

/// Writes operations into the collections where they stay. It may be done any number of times, by any daemon: an
/// operation has one id, and under it the ledger has it once.
final class Ledger: Sendable {
    private let logger: Logger

    /// Products whose ledger contradicts itself; they are not filed any more while this process lives.
    private let conflicts = Mutex<Set<ProductID>>([])

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
        var movements: [(product: ProductID, document: BSONDocument)] = []
        var outcomes: [BSONDocument] = []
        let hasOutcomes = products.contains { $0.operations.contains { $0["record"] != nil } }
        let keptAt = hasOutcomes ? try connection.serverTime() : nil
        for (product, operations) in products where !isBlocked(product) {
            let filed = Operation.filed(operations, of: product, keptAt: keptAt)
            movements += filed.movements.map { (product, $0) }
            outcomes += filed.outcomes
        }
        var done = Set(products.map(\.product).filter { !isBlocked($0) })
        for start in stride(from: 0, to: outcomes.count, by: Self.documentsAtOnce) {
            let part = Array(outcomes[start..<min(start + Self.documentsAtOnce, outcomes.count)])
            for case let error in try connection.insert(part, into: Collection.outcomes).values
            where error != .duplicateKey(index: "_id") { throw error }
        }
        for start in stride(from: 0, to: movements.count, by: Self.documentsAtOnce) {
            let part = Array(movements[start..<min(start + Self.documentsAtOnce, movements.count)])
            for (index, error) in try connection.insert(part.map(\.document), into: Collection.movements) {
                switch error {
                case .duplicateKey(index: "_id"): continue
                case .duplicateKey:
                    block(part[index].product, part[index].document)
                    done.remove(part[index].product)
                case .refused(_, let reason):
                    // Whatever is wrong with it, the others' are not to wait for that.
                    done.remove(part[index].product)
                    logger.critical(
                        "The ledger refuses a movement; its product is not filed",
                        metadata: ["product": "\(part[index].product.text)", "reason": "\(reason)"])
                default: throw error
                }
            }
        }
        return done
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
