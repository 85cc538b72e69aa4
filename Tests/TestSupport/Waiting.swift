/// What did not come about in time.
package struct TookTooLong: Error, CustomStringConvertible {
    package let description: String

    package init(waitingFor what: String, after time: Duration, _ details: String = "") {
        description = "waited \(time) for \(what)" + (details.isEmpty ? "" : ":\n\(details)")
    }
}

/// Looks again and again until there is a value: for what has no event to await.
///
/// - Parameter patience: longer than it takes on the slowest machine; only a test that fails waits for it.
package func eventually<Value>(
    _ what: String, within patience: Duration = .seconds(60), every interval: Duration = .milliseconds(10),
    _ look: () async throws -> Value?
) async throws -> Value {
    let deadline = ContinuousClock.now + patience
    while true {
        if let value = try await look() { return value }
        guard ContinuousClock.now < deadline else { throw TookTooLong(waitingFor: what, after: patience) }
        try await Task.sleep(for: interval)
    }
}
