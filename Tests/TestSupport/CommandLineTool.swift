import Foundation

/// A program that runs, says something, and ends.
package enum CommandLineTool {
    /// Its exit code, and what it wrote to both outputs, without the end of the last line.
    package static func run(_ path: String, _ arguments: [String]) async throws -> (code: Int32, output: String) {
        try await withCheckedThrowingContinuation { continuation in
            // It waits, so it has a thread of its own.
            Thread.detachNewThread {
                continuation.resume(with: Result { try runBlocking(path, arguments) })
            }
        }
    }

    private static func runBlocking(_ path: String, _ arguments: [String]) throws -> (code: Int32, output: String) {
        let pipe = try PipeEnds()
        let process: SpawnedProcess
        do {
            defer { close(pipe.writing) }
            process = try SpawnedProcess([path] + arguments, output: pipe.writing, errors: pipe.writing)
        } catch {
            close(pipe.reading)
            throw error
        }
        var bytes: [UInt8] = []
        readToEnd(pipe.reading) { bytes += $0 }
        process.wait()
        var text = String(decoding: bytes, as: UTF8.self)
        if text.hasSuffix("\n") { text.removeLast() }
        return (process.exitCode ?? -1, text)
    }
}
