import Foundation
import InventoryKit
import Synchronization

/// The real `inventoryd`, started for a test on a port of its own.
package final class DaemonProcess: Sendable {
    package enum Failure: Error, CustomStringConvertible {
        case didNotStart(log: String)
        case tookTooLong(waitingFor: String, log: String)

        package var description: String {
            switch self {
            case .didNotStart(let log): "inventoryd did not start:\n\(log)"
            case .tookTooLong(let what, let log): "waited too long for \(what):\n\(log)"
            }
        }
    }

    package let port: Int
    package let client: HTTPTestClient
    private let process: ChildProcess

    package var pid: Int32 { process.pid }
    package var log: [String] { process.errorLines }

    /// Starts the daemon and returns when it serves.
    ///
    /// - Parameters:
    ///   - prefix: a command that runs the daemon, such as `unshare --mount`.
    package init(
        stateDirectory: String, environment: [String: String] = [:], arguments: [String] = [], prefix: [String] = []
    ) async throws {
        // Tests call as fast as they can from one address.
        var variables = [
            "INVENTORYD_STATE_DIR": stateDirectory, "PORT": "0", "LOG_FORMAT": "json", "INVENTORYD_RATE_READ": "off",
            "INVENTORYD_RATE_WRITE": "off", "INVENTORYD_RATE_PURCHASE": "off",
        ]
        variables.merge(environment) { _, given in given }
        process = try ChildProcess(prefix + [Self.binary] + arguments, environment: variables)
        let line = try await process.errorLine { $0.contains("serves on") }
        guard let message = (try? JSONDocument(parsing: Array(line.utf8)))?.root["message"].string,
            let address = message.split(separator: " ").first(where: { $0.hasSuffix(",") && $0.contains(":") }),
            let port = address.dropLast().split(separator: ":").last.flatMap({ Int($0) })
        else { throw Failure.didNotStart(log: line) }
        self.port = port
        client = HTTPTestClient(port: port)
    }

    /// Where `swift build` has put the daemon; `INVENTORYD_BINARY` names another.
    package static var binary: String {
        ProcessInfo.processInfo.environment["INVENTORYD_BINARY"] ?? projectDirectory + "/.build/debug/inventoryd"
    }

    package static var projectDirectory: String {
        URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .path
    }

    /// The memory it has of its own, in bytes, as proc(5) says.
    package func residentBytes() throws -> Int {
        let status = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
        guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmRSS:") }),
            let kilobytes = line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap({ Int($0) })
        else { throw Failure.didNotStart(log: status) }
        return kilobytes * 1_024
    }

    package func signal(_ number: Int32) { _ = kill(process.pid, number) }

    /// `kill -9`, and waits until it is dead.
    package func killHard() async throws {
        signal(SIGKILL)
        _ = try await process.exitCode()
    }

    /// SIGTERM, and its exit code.
    package func stop() async throws -> Int32 {
        signal(SIGTERM)
        return try await process.exitCode()
    }

    package func exitCode() async throws -> Int32 { try await process.exitCode() }

    /// Waits for a line of the log.
    package func logLine(_ isWanted: (String) -> Bool) async throws -> String {
        try await process.errorLine(isWanted)
    }

    deinit { signal(SIGKILL) }
}

/// A process whose output is read as it comes.
package final class ChildProcess: Sendable {
    /// Longer than anything takes on the slowest machine; only a test that fails waits for it.
    private static let patience = Duration.seconds(60)

    /// Processes are started one at a time: Foundation has been seen to crash in the middle of starting one while others were
    /// started, and whoever is started meanwhile inherits the pipes.
    static let starting = Mutex(())

    private let process: Process
    private let errors = Lines()
    private let output = Lines()

    package var pid: Int32 { process.processIdentifier }
    package var errorLines: [String] { errors.all }
    package var outputLines: [String] { output.all }

    /// - Parameter environment: added to what every process needs; nothing of the developer's own settings leaks in.
    package init(_ command: [String], environment: [String: String] = [:], directory: String? = nil) throws {
        process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = command
        var variables = ProcessInfo.processInfo.environment.filter {
            ["PATH", "HOME", "LANG", "TMPDIR"].contains($0.key)
        }
        // The usual place is for one daemon at a time, and tests start many.
        variables["INVENTORYD_SOCKET"] = "none"
        variables.merge(environment) { _, given in given }
        process.environment = variables
        process.currentDirectoryURL = URL(filePath: directory ?? NSTemporaryDirectory())
        process.standardInput = FileHandle.nullDevice
        let (errorPipe, outputPipe) = try Self.starting.withLock { _ in
            let pipes = (Pipe(), Pipe())
            process.standardError = pipes.0
            process.standardOutput = pipes.1
            try process.run()
            return pipes
        }
        errors.follow(errorPipe.fileHandleForReading)
        output.follow(outputPipe.fileHandleForReading)
    }

    deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }

    /// A command that changes mounts for itself alone, and then becomes the command that follows it.
    package static func withMounts(_ setup: String) -> [String] {
        let unshare = getuid() == 0 ? ["unshare", "--mount"] : ["unshare", "--user", "--map-root-user", "--mount"]
        return unshare + ["sh", "-c", "\(setup) && exec \"$@\"", "sh"]
    }

    /// Waits for a line on standard error.
    package func errorLine(_ isWanted: (String) -> Bool) async throws -> String {
        var found: String?
        try await wait(for: "a line of the log") {
            found = errors.all.first(where: isWanted)
            return found != nil || errors.isClosed
        }
        guard let found else { throw DaemonProcess.Failure.didNotStart(log: errorLines.joined(separator: "\n")) }
        return found
    }

    /// Waits for the end; a signal counts as 128 and its number, as in a shell.
    package func exitCode() async throws -> Int32 {
        try await wait(for: "the process to end") { !process.isRunning }
        // Another process that was started in the same moment may hold this one's pipes open for as long as it lives.
        let deadline = ContinuousClock.now + .seconds(5)
        try await wait(for: "the end of its output") {
            errors.isClosed && output.isClosed || ContinuousClock.now > deadline
        }
        return process.terminationReason == .uncaughtSignal
            ? 128 + process.terminationStatus : process.terminationStatus
    }

    private func wait(for what: String, _ condition: () -> Bool) async throws {
        let deadline = ContinuousClock.now + Self.patience
        while !condition() {
            guard ContinuousClock.now < deadline else {
                throw DaemonProcess.Failure.tookTooLong(waitingFor: what, log: errorLines.joined(separator: "\n"))
            }
            // Looks again soon: a pipe and a process have no common event to await.
            try await Task.sleep(for: .milliseconds(2))
        }
    }
}

/// The lines that come out of a pipe.
private final class Lines: Sendable {
    private struct State {
        var lines: [String] = []
        var unfinished: [UInt8] = []
        var isClosed = false
    }

    private let state = Mutex(State())

    var all: [String] { state.withLock { $0.lines } }
    var isClosed: Bool { state.withLock { $0.isClosed } }

    /// Reads to the end on a thread of its own.
    func follow(_ handle: FileHandle) {
        Thread.detachNewThread {
            while case let data = handle.availableData, !data.isEmpty { self.add(data) }
            self.state.withLock { $0.isClosed = true }
        }
    }

    private func add(_ data: Data) {
        state.withLock { state in
            // Not byte by byte: under load there is much of it.
            var rest = data[...]
            while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                state.lines.append(String(decoding: state.unfinished + rest[..<end], as: UTF8.self))
                state.unfinished = []
                rest = rest[rest.index(after: end)...]
            }
            state.unfinished += rest
        }
    }
}
