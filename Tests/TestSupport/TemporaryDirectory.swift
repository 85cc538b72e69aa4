import Foundation

/// A directory that is there for as long as `body` runs.
package func withTemporaryDirectory<Value>(
    _ body: (_ path: String) async throws -> Value
) async throws -> Value {
    let path = NSTemporaryDirectory() + "inventoryd-test-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    defer {
        // What a test leaves behind is only litter.
        _ = try? FileManager.default.removeItem(atPath: path)
    }
    return try await body(path)
}
