/// Waits for work that may not end in time, for example because somebody else's server does not answer. It goes on then, and
/// nobody waits for it.
///
/// - Returns: whether it has ended.
package func waiting(atMost limit: Duration, for work: @escaping @Sendable () async -> Void) async -> Bool {
    let (ends, said) = AsyncStream.makeStream(of: Bool.self)
    let working = Task {
        await work()
        said.yield(true)
    }
    let timing = Task {
        try await Task.sleep(for: limit)
        said.yield(false)
    }
    defer {
        working.cancel()
        timing.cancel()
    }
    for await hasEnded in ends { return hasEnded }
    return false
}
