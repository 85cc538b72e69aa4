import Foundation
import TestSupport
import Testing

@testable import invctl

/// invctl as a process, from its beginning to its end.
struct ToolRun {
    let words: [String]
    let code: Int32
    let output: [String]
    let errors: [String]

    static var binary: String { DaemonProcess.projectDirectory + "/.build/debug/invctl" }

    /// - Parameter prefix: a command that runs it, such as `setpriv`.
    init(_ words: [String], _ socket: String, prefix: [String] = []) async throws {
        let process = try Self.start(words, socket, prefix: prefix)
        self.words = words
        code = try await process.exitCode()
        output = process.outputLines
        errors = process.errorLines
    }

    static func start(_ words: [String], _ socket: String, prefix: [String] = []) throws -> ChildProcess {
        try ChildProcess(prefix + [binary] + words, environment: ["INVCTL_SOCKET": socket])
    }

    func expect(_ status: invctl.ExitStatus, at location: SourceLocation = #_sourceLocation) throws {
        #expect(code == status.rawValue, "\(words): \(errors.joined(separator: "\n"))", sourceLocation: location)
    }
}

/// A daemon on the embedded store, with an admin socket of its own.
func withDaemonAndSocket(
    environment: [String: String] = [:], _ body: (_ directory: String, _ socket: String) async throws -> Void
) async throws {
    try await withTemporaryDirectory { directory in
        // A socket's path is short, a temporary directory's may not be.
        let socket = "/tmp/inventoryd-test-\(UInt64.random(in: 0...UInt64.max))/admin.sock"
        let daemon = try await DaemonProcess(
            stateDirectory: directory + "/state",
            environment: ["INVENTORYD_SOCKET": socket].merging(environment) { _, given in given })
        try await body(directory, socket)
        #expect(try await daemon.stop() == 0)
        try? FileManager.default.removeItem(atPath: String(socket.dropLast("/admin.sock".count)))
    }
}
