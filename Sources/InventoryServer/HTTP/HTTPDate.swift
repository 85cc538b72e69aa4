import InventoryKit
import Synchronization

/// The `Date` header (RFC 9110, section 6.6.1), formatted once a second.
final class HTTPDate: Sendable {
    private struct Formatted {
        var second: Int64 = -1
        var text = ""
    }

    private let clock: any WallClock
    private let last = Mutex(Formatted())

    init(clock: any WallClock) {
        self.clock = clock
    }

    var text: String {
        let now = clock.now()
        let second = now.milliseconds / 1_000
        return last.withLock { formatted in
            if formatted.second != second { formatted = Formatted(second: second, text: Self.format(now)) }
            return formatted.text
        }
    }

    /// IMF-fixdate: `Sun, 06 Nov 1994 08:49:37 GMT`.
    static func format(_ time: Timestamp) -> String {
        let weekdays = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let parts = time.rfc3339.split(whereSeparator: { "-T.".contains($0) })
        guard parts.count == 5, let month = Int(parts[1]), (1...12).contains(month) else { return "" }
        let weekday = weekdays[Int(time.milliseconds / 86_400_000 % 7)]
        return "\(weekday), \(parts[2]) \(months[month - 1]) \(parts[0]) \(parts[3]) GMT"
    }
}
