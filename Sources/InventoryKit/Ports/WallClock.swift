import FoundationEssentials

/// What time it is. A port, so that tests can say.
package protocol WallClock: Sendable {
    func now() -> Timestamp
}

/// The system's clock.
package struct SystemClock: WallClock {
    package init() {}

    package func now() -> Timestamp {
        Timestamp(milliseconds: Int64(Date.now.timeIntervalSince1970 * 1_000))
    }
}
