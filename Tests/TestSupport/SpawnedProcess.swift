import Foundation
import Synchronization

/// A program that was started, and how it ended.
///
/// By posix_spawn(3) and not by Foundation's `Process`: where some hundred are started by many threads, that has crashed
/// the process of the tests, and lets a child inherit what was meant for another. This hands down three files and no more.
final class SpawnedProcess: Sendable {
    let pid: pid_t
    /// The exit code. It is set as the process is reaped: while it is not there, the pid is nobody else's.
    private let ended = Mutex<Int32?>(nil)
    private let end = DispatchGroup()

    /// The exit code, when it has ended; a signal counts as 128 and its number, as in a shell.
    var exitCode: Int32? { ended.withLock { $0 } }

    /// - Parameters:
    ///   - command: looked up on the `PATH`; where there is none, the exit code is 127.
    ///   - output: a descriptor that becomes its standard output; it stays open here, as do the others.
    /// - Throws: `POSIXError` when it cannot be started.
    init(
        _ command: [String], environment: [String: String] = ProcessInfo.processInfo.environment,
        directory: String = NSTemporaryDirectory(), input: Int32? = nil, output: Int32? = nil, errors: Int32? = nil
    ) throws {
        let nothing = open("/dev/null", O_RDWR | O_CLOEXEC)
        defer { close(nothing) }
        var attributes = try SpawnAttributes()
        defer { attributes.destroy() }
        try attributes.hand(down: [input ?? nothing, output ?? nothing, errors ?? nothing])
        // posix_spawn(3) itself can change the directory by an extension only, which Swift does not see.
        pid = try attributes.start(
            ["/bin/sh", "-c", #"cd "$0" && exec "$@""#, directory] + command, environment.map { "\($0)=\($1)" })
        end.enter()
        Thread.detachNewThread { self.reap() }
    }

    private func reap() {
        var info = siginfo_t()
        while waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT) != 0, errno == EINTR {}
        ended.withLock { ended in
            var status: Int32 = 0
            while waitpid(pid, &status, 0) < 0, errno == EINTR {}
            let signal = status & 0x7f
            ended = signal == 0 ? (status >> 8) & 0xff : 128 + signal
        }
        end.leave()
    }

    /// Does nothing once the process has ended: its pid may be somebody else's.
    func signal(_ number: Int32) {
        ended.withLock { if $0 == nil { _ = kill(pid, number) } }
    }

    func atEnd(_ action: @escaping @Sendable () -> Void) {
        end.notify(queue: .global(), execute: action)
    }

    /// Blocks its thread until the process has ended.
    func wait() { end.wait() }
}

/// What posix_spawn(3) wants to know, in the shapes of the two C libraries.
private struct SpawnAttributes {
    #if canImport(Darwin)
    private var actions: posix_spawn_file_actions_t?
    private var attributes: posix_spawnattr_t?
    private static let flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_CLOEXEC_DEFAULT
    #else
    private var actions = posix_spawn_file_actions_t()
    private var attributes = posix_spawnattr_t()
    private static let flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK
    #endif

    init() throws {
        try Self.check(posix_spawn_file_actions_init(&actions))
        try Self.check(posix_spawnattr_init(&attributes))
    }

    mutating func destroy() {
        posix_spawn_file_actions_destroy(&actions)
        posix_spawnattr_destroy(&attributes)
    }

    /// No signal is blocked or ignored in it, whatever the thread does that starts it.
    mutating func hand(down descriptors: [Int32]) throws {
        for (number, descriptor) in descriptors.enumerated() {
            try Self.check(posix_spawn_file_actions_adddup2(&actions, descriptor, Int32(number)))
        }
        #if !canImport(Darwin)
        // With room for what others open meanwhile. What is not open is no mistake.
        let highest = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").compactMap { Int32($0) }
            .max()
        for descriptor in Int32(
            descriptors.count)..<min((highest ?? 0) + 64, Int32(clamping: sysconf(Int32(_SC_OPEN_MAX))))
        {
            try Self.check(posix_spawn_file_actions_addclose(&actions, descriptor))
        }
        #endif
        var (none, all) = (sigset_t(), sigset_t())
        sigemptyset(&none)
        sigfillset(&all)
        sigdelset(&all, SIGKILL)
        sigdelset(&all, SIGSTOP)
        try Self.check(posix_spawnattr_setsigmask(&attributes, &none))
        try Self.check(posix_spawnattr_setsigdefault(&attributes, &all))
        try Self.check(posix_spawnattr_setflags(&attributes, Int16(Self.flags)))
    }

    mutating func start(_ command: [String], _ environment: [String]) throws -> pid_t {
        var pid: pid_t = 0
        var words: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
        var variables: [UnsafeMutablePointer<CChar>?] = environment.map { strdup($0) } + [nil]
        defer { for text in words + variables { free(text) } }
        try Self.check(posix_spawn(&pid, command.first ?? "", &actions, &attributes, &words, &variables))
        return pid
    }

    private static func check(_ result: Int32) throws {
        guard result == 0 else { throw POSIXError(POSIXErrorCode(rawValue: result) ?? .EINVAL) }
    }
}

/// Two descriptors; what is written to one comes out of the other.
struct PipeEnds {
    let reading: Int32
    let writing: Int32

    init() throws {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EMFILE) }
        // Nobody's who is started meanwhile. What becomes a child's standard file loses the mark.
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        (reading, writing) = (ends[0], ends[1])
    }
}

/// Hands over what comes out of a descriptor until its end, and closes it.
func readToEnd(_ descriptor: Int32, _ take: ([UInt8]) -> Void) {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
        let count = read(descriptor, &buffer, buffer.count)
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { break }
        take(Array(buffer[..<count]))
    }
    close(descriptor)
}
