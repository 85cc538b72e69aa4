import Foundation
import Synchronization

/// A real server as a process of its own, which can be killed, frozen and started again on the same address and data.
package protocol LeashedServer: AnyObject, Sendable {
    var process: ServerProcess { get }

    /// Starts it and returns when it answers.
    func start() async throws
}

/// The process that a server runs in, if it runs.
package final class ServerProcess: Sendable {
    let name: String
    private let current = Mutex<LeashedProcess?>(nil)

    init(_ name: String) { self.name = name }

    deinit { current.withLock { $0?.signal(SIGKILL) } }

    /// - Parameter litter: a directory that is removed when the test process ends before the server does.
    func launch(_ command: [String], litter: String) throws -> LeashedProcess {
        let started = try LeashedProcess(command, litter: litter)
        current.withLock { $0 = started }
        return started
    }

    fileprivate var launched: LeashedProcess? { current.withLock { $0 } }
}

/// The server does not run.
package struct ServerNotRunning: Error, CustomStringConvertible {
    package let description: String
}

extension LeashedServer {
    package var pid: Int32? { process.launched?.runningPID }

    /// Sends it a signal.
    package func signal(_ number: Int32) throws {
        guard let launched = process.launched, launched.runningPID != nil else { throw notRunning }
        launched.signal(number)
    }

    /// `kill -9`, and waits until it is dead.
    package func killHard() async throws {
        try signal(SIGKILL)
        try await exit()
    }

    /// SIGTERM, and its exit code; 0 where it went orderly.
    @discardableResult
    package func stop() async throws -> Int32 {
        try signal(SIGTERM)
        return try await exit()
    }

    /// Freezes it: connections stay, and nothing is answered.
    package func pause() throws { try signal(SIGSTOP) }

    package func resume() throws { try signal(SIGCONT) }

    /// Starts it again, and returns when it answers. One that still runs is stopped before.
    package func restart() async throws {
        if pid != nil { try await stop() }
        try await start()
    }

    /// Waits for its end.
    @discardableResult
    package func exit() async throws -> Int32 {
        guard let launched = process.launched else { throw notRunning }
        return try await eventually("\(process.name) to end") { launched.exitCode }
    }

    private var notRunning: ServerNotRunning { ServerNotRunning(description: "\(process.name) does not run") }
}

/// A file of log, for what a failure has to tell.
enum ServerLog {
    /// Its last lines.
    static func tail(of path: String) -> String {
        guard let bytes = FileManager.default.contents(atPath: path) else { return "(no log)" }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").suffix(20).joined(separator: "\n")
    }
}
