/// What comes of work that may not end in time, for example because somebody else's server does not answer. It goes on then,
/// and nobody waits for it: what blocks in a library cannot be cancelled.
///
/// - Returns: `nil` where it has not ended within the limit.
package func result<Value: Sendable>(
    within limit: Duration, of work: @escaping @Sendable () async -> Value
) async -> Value? {
    let (results, said) = AsyncStream.makeStream(of: Value?.self, bufferingPolicy: .bufferingOldest(1))
    let working = Task { said.yield(await work()) }
    let timing = Task {
        try await Task.sleep(for: limit)
        said.yield(nil)
    }
    defer {
        working.cancel()
        timing.cancel()
    }
    return await results.first { _ in true } ?? nil
}
