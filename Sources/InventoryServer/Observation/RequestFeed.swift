import InventoryKit
import Synchronization

/// Tells requests to those who watch, as they happen. Who does not keep up misses some, and nobody else waits.
final class RequestFeed: Sendable {
    /// How many a slow watcher may be behind.
    private static let behindMax = 1_024

    /// Who watches at once; more are turned away.
    private static let watchersMax = 16

    /// The requests from now on. In between are ticks, which are nothing.
    struct Watch: Sendable {
        let stream: AsyncStream<MonitorEvent?>
        fileprivate let continuation: AsyncStream<MonitorEvent?>.Continuation

        func tick() { continuation.yield(nil) }
        func end() { continuation.finish() }
    }

    private let watchers = Mutex<[UInt64: AsyncStream<MonitorEvent?>.Continuation]>([:])
    private let count = Atomic<Int>(0)
    private let lastName = Atomic<UInt64>(0)

    var isWatched: Bool { count.load(ordering: .relaxed) > 0 }

    /// - Returns: nothing where too many watch already.
    func watch() -> Watch? {
        let name = lastName.add(1, ordering: .relaxed).newValue
        let (stream, continuation) = AsyncStream.makeStream(
            of: MonitorEvent?.self, bufferingPolicy: .bufferingNewest(Self.behindMax))
        let isTaken = watchers.withLock { watchers in
            guard watchers.count < Self.watchersMax else { return false }
            watchers[name] = continuation
            count.store(watchers.count, ordering: .relaxed)
            return true
        }
        guard isTaken else { return nil }
        continuation.onTermination = { [weak self] _ in self?.leave(name) }
        return Watch(stream: stream, continuation: continuation)
    }

    func publish(_ event: MonitorEvent) {
        // Outside of the lock: ending a stream takes the lock too.
        for watcher in watchers.withLock({ Array($0.values) }) { watcher.yield(event) }
    }

    private func leave(_ name: UInt64) {
        watchers.withLock { watchers in
            watchers[name] = nil
            count.store(watchers.count, ordering: .relaxed)
        }
    }
}
