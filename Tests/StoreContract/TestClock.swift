package import InventoryKit
import Synchronization

/// A clock that stands still until it is moved.
///
/// Clauses compare times that a store told with each other, not with this clock: a store may take the time from its
/// database.
package final class TestClock: WallClock {
    /// 2026-01-31T09:30:00Z.
    package static let start = Timestamp(milliseconds: 1_769_851_800_000)

    private let time: Mutex<Timestamp>

    package init(_ time: Timestamp = TestClock.start) {
        self.time = Mutex(time)
    }

    package func now() -> Timestamp { time.withLock { $0 } }

    /// Moves the clock, back as well, as an administrator might.
    package func advance(milliseconds: Int64) {
        time.withLock { $0 = Timestamp(milliseconds: $0.milliseconds + milliseconds) }
    }

    /// Lets time pass, by this clock and by every other, so that what follows is later than what was.
    package func pass() async throws {
        advance(milliseconds: 1_000)
        try await Task.sleep(for: .milliseconds(5))
    }
}
