import Foundation
import Synchronization

/// A process whose output is read as it comes.
package final class ChildProcess: Sendable {
    /// Longer than anything takes on the slowest machine; only a test that fails waits for it.
    private static let patience = Duration.seconds(60)

    private let process: SpawnedProcess
    private let errors = Lines()
    private let output = Lines()

    package var pid: Int32 { process.pid }
    package var errorLines: [String] { errors.all }
    package var outputLines: [String] { output.all }

    /// - Parameter environment: added to what every process needs; nothing of the developer's own settings leaks in.
    package init(_ command: [String], environment: [String: String] = [:], directory: String? = nil) throws {
        var variables = ProcessInfo.processInfo.environment.filter {
            ["PATH", "HOME", "LANG", "TMPDIR"].contains($0.key)
        }
        // The usual place is for one daemon at a time, and tests start many.
        variables["INVENTORYD_SOCKET"] = "none"
        // libmongoc's counters would be a file in /dev/shm, which `kill -9` leaves for the next process with that pid to
        // stumble over, with a line on its standard error.
        variables["MONGOC_DISABLE_SHM"] = "1"
        variables.merge(environment) { _, given in given }
        let (errorPipe, outputPipe) = (try PipeEnds(), try PipeEnds())
        defer { for pipe in [errorPipe, outputPipe] { close(pipe.writing) } }
        // Followed before it is started: whatever happens then, somebody closes them.
        errors.follow(errorPipe.reading)
        output.follow(outputPipe.reading)
        process = try SpawnedProcess(
            command, environment: variables, directory: directory ?? NSTemporaryDirectory(), output: outputPipe.writing,
            errors: errorPipe.writing)
    }

    deinit { process.signal(SIGKILL) }

    /// A command that changes mounts for itself alone, and then becomes the command that follows it.
    package static func withMounts(_ setup: String) -> [String] {
        let unshare = getuid() == 0 ? ["unshare", "--mount"] : ["unshare", "--user", "--map-root-user", "--mount"]
        return unshare + ["sh", "-c", "\(setup) && exec \"$@\"", "sh"]
    }

    /// Waits for a line on standard error.
    package func errorLine(_ isWanted: (String) -> Bool) async throws -> String {
        var found: String?
        try await wait(for: "a line of the log") {
            // In this order: the last line may come with the end.
            let isClosed = errors.isClosed
            found = errors.all.first(where: isWanted)
            return found != nil || isClosed
        }
        guard let found else { throw DaemonProcess.Failure.didNotStart(log: errorLines.joined(separator: "\n")) }
        return found
    }

    /// Waits for the end; a signal counts as 128 and its number, as in a shell.
    package func exitCode() async throws -> Int32 {
        var code: Int32?
        try await wait(for: "the process to end") {
            code = process.exitCode
            return code != nil
        }
        // What it started may hold its pipes open for as long as that lives.
        let deadline = ContinuousClock.now + .seconds(5)
        try await wait(for: "the end of its output") {
            errors.isClosed && output.isClosed || ContinuousClock.now > deadline
        }
        return code ?? -1
    }

    func signal(_ number: Int32) { process.signal(number) }

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
    func follow(_ descriptor: Int32) {
        Thread.detachNewThread {
            readToEnd(descriptor) { self.add($0) }
            self.state.withLock { $0.isClosed = true }
        }
    }

    private func add(_ bytes: [UInt8]) {
        state.withLock { state in
            // Not byte by byte: under load there is much of it.
            var rest = bytes[...]
            while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                state.lines.append(String(decoding: state.unfinished + rest[..<end], as: UTF8.self))
                state.unfinished = []
                rest = rest[(end + 1)...]
            }
            state.unfinished += rest
        }
    }
}
