import Synchronization

/// Things that the log says once while the process lives, for they are found again with every look.
package final class ToldOnce: Sendable {
    /// Those that come later are told each time.
    private static let limit = 10_000

    private let told = Mutex<Set<String>>([])

    package init() {}

    package func isFirst(_ thing: String) -> Bool {
        told.withLock { $0.count >= Self.limit ? !$0.contains(thing) : $0.insert(thing).inserted }
    }
}
