import Foundation

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

    private let process: SpawnedProcess

    var pid: Int32 { process.pid }

    /// The pid, unless the process has ended.
    var runningPID: Int32? { process.exitCode == nil ? pid : nil }

    /// The exit code, when it has ended; a signal counts as 128 and its number, as in a shell.
    var exitCode: Int32? { process.exitCode }

    /// - Parameter litter: a directory that is removed when the test process ends before this process does.
    init(_ command: [String], litter: String) throws {
        let (leash, gate) = (try PipeEnds(), try PipeEnds())
        defer { for pipe in [leash, gate] { close(pipe.reading) } }
        _ = try SpawnedProcess(["/bin/sh", "-c", Self.watcher, litter], input: leash.reading)
        process = try SpawnedProcess(["/bin/sh", "-c", Self.gate, "sh"] + command, input: gate.reading)
        process.atEnd { Self.tell(leash.writing, "gone", isLast: true) }
        Self.tell(leash.writing, "\(process.pid)")
        Self.tell(gate.writing, "go", isLast: true)
    }

    private static func tell(_ descriptor: Int32, _ text: String, isLast: Bool = false) {
        // A shell that was killed must not take the test process with it.
        _ = Foundation.signal(SIGPIPE, SIG_IGN)
        let line = Array("\(text)\n".utf8)
        _ = write(descriptor, line, line.count)
        if isLast { close(descriptor) }
    }

    /// Does nothing once the process has ended: its pid may be somebody else's.
    func signal(_ number: Int32) { process.signal(number) }
}
