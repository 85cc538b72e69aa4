import Foundation
import Synchronization

/// A process that does not outlive the test process, however that ends, and whose files go with it.
///
/// `PR_SET_PDEATHSIG` would be shorter, but it goes with the thread that started the child, and threads of a pool end
/// when they like; macOS has none. So a shell beside the process waits for the end of a pipe of which only the test
/// process holds the other end, and the system closes that whatever happens to it, `kill -9` included.
package final class LeashedProcess: Sendable {
    /// Reads the pid to watch, and then waits: for a line, which says that the process is gone (its pid may be somebody
    /// else's by now), or for the end of the test process. `$0` is the directory to remove. It keeps off signals that a
    /// terminal sends to all.
    package static let watcher = """
        trap '' HUP INT QUIT TERM
        read -r pid || exit 0
        read -r _ || { kill -9 "$pid"; rm -rf "$0" || { sleep 1; rm -rf "$0"; }; }
        """

    /// Waits until it is watched, and becomes the program then.
    private static let gate = #"read -r _ && exec "$@" </dev/null"#

    private let process = Process()

    var pid: Int32 { process.processIdentifier }

    /// The pid, unless the process has ended.
    var runningPID: Int32? { process.isRunning ? pid : nil }

    /// The exit code, when it has ended; a signal counts as 128 and its number, as in a shell.
    var exitCode: Int32? {
        if process.isRunning { return nil }
        return process.terminationReason == .uncaughtSignal
            ? 128 + process.terminationStatus : process.terminationStatus
    }

    /// - Parameter litter: a directory that is removed when the test process ends before this process does.
    init(_ command: [String], litter: String) throws {
        let (leash, gate) = (try Self.pipe(), try Self.pipe())
        let leashHandle = leash.fileHandleForWriting
        try Self.start(Process(), ["-c", Self.watcher, litter], input: leash)
        process.terminationHandler = { _ in Self.tell(leashHandle, "gone", isLast: true) }
        try Self.start(process, ["-c", Self.gate, "sh"] + command, input: gate)
        Self.tell(leashHandle, "\(process.processIdentifier)")
        Self.tell(gate.fileHandleForWriting, "go", isLast: true)
    }

    private static func start(_ process: Process, _ arguments: [String], input: Pipe) throws {
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = arguments
        process.standardInput = input
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        process.currentDirectoryURL = URL(filePath: NSTemporaryDirectory())
        try ChildProcess.starting.withLock { _ in try process.run() }
    }

    /// A pipe of which no other child gets the end that is written to: it would stay open without the test process.
    private static func pipe() throws -> Pipe {
        let pipe = Pipe()
        guard fcntl(pipe.fileHandleForWriting.fileDescriptor, F_SETFD, FD_CLOEXEC) == 0 else {
            throw POSIXError(.EBADF)
        }
        return pipe
    }

    private static func tell(_ handle: FileHandle, _ text: String, isLast: Bool = false) {
        // A shell that was killed must not take the test process with it.
        _ = Foundation.signal(SIGPIPE, SIG_IGN)
        _ = try? handle.write(contentsOf: Data("\(text)\n".utf8))
        if isLast { _ = try? handle.close() }
    }

    /// Does nothing once the process has ended: its pid may be somebody else's.
    func signal(_ number: Int32) {
        if process.isRunning { _ = kill(pid, number) }
    }
}
