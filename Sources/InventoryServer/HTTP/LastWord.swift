import InventoryKit
import Synchronization

/// What ``ConnectionGuard`` told the client of a connection in place of an answer to the request that was under way: it
/// broke off, or took too long. Whoever works on that request learns so when it is done, and logs and counts what was told.
final class LastWord: Sendable {
    private let told = Mutex<ProblemCode?>(nil)

    var code: ProblemCode? { told.withLock { $0 } }

    func say(_ code: ProblemCode) { told.withLock { $0 = code } }
}
