#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Time since the machine started, by a clock that goes on while it sleeps and that nobody sets.
struct BootTime: Comparable, Sendable {
    let nanoseconds: Int64

    static func now() -> BootTime {
        var time = timespec()
        #if canImport(Glibc)
        _ = unsafe clock_gettime(CLOCK_BOOTTIME, &time)
        #else
        _ = unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        #endif
        return BootTime(nanoseconds: Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec))
    }

    static func < (left: BootTime, right: BootTime) -> Bool { left.nanoseconds < right.nanoseconds }

    static func + (time: BootTime, duration: Duration) -> BootTime {
        let (seconds, attoseconds) = duration.components
        return BootTime(
            nanoseconds: time.nanoseconds &+ seconds &* 1_000_000_000 &+ attoseconds / 1_000_000_000)
    }

    static func - (later: BootTime, earlier: BootTime) -> Duration {
        .nanoseconds(later.nanoseconds.subtractingReportingOverflow(earlier.nanoseconds).partialValue)
    }
}
