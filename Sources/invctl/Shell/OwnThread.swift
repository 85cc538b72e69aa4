import Glibc

/// A thread of its own for work that blocks, so that the threads of the async world stay free.
enum OwnThread {
    private final class Work: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// - Returns: `nil` when the system grants no thread.
    static func run<Result: Sendable>(_ body: @escaping @Sendable () -> Result) async -> Result? {
        await withCheckedContinuation { (continuation: CheckedContinuation<Result?, Never>) in
            let work = Work { continuation.resume(returning: body()) }
            let context = unsafe Unmanaged.passRetained(work)
            var thread = pthread_t()
            let status = unsafe pthread_create(
                &thread, nil,
                { context in
                    guard let context = unsafe context else { return nil }
                    unsafe Unmanaged<Work>.fromOpaque(context).takeRetainedValue().body()
                    return nil
                }, unsafe context.toOpaque())
            guard status == 0 else {
                unsafe context.release()
                return continuation.resume(returning: nil)
            }
            pthread_detach(thread)
        }
    }
}
