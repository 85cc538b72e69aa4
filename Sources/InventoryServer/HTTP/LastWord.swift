import InventoryKit
import Synchronization

/// What ``ConnectionGuard`` told the client of a connection in place of an answer to the request that was under way: it
/// broke off, or took too long. Whoever works on that request learns so when it is done, and logs and counts what was told.
final class LastWord: Sendable {
    struct Told: Sendable {
        let code: ProblemCode
        /// By which the client knows it.
        let requestID: String
    }

    private let word = Mutex<Told?>(nil)

    /// Nothing as long as nothing was said.
    var told: Told? { word.withLock { $0 } }

    func say(_ told: Told) { word.withLock { $0 = told } }
}
