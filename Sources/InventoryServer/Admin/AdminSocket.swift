import InventoryKit

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Why there can be no admin socket, and what to do.
package struct SocketTrouble: Error, CustomStringConvertible, Equatable {
    package let description: String

    /// Whether another daemon has it.
    package let isTaken: Bool

    package init(_ description: String, isTaken: Bool = false) {
        self.description = description
        self.isTaken = isTaken
    }
}

/// A place for the admin socket that is this process's alone. A lock file beside it decides who has it, before anything
/// is bound: the server would take a socket that is there for a left-over, and remove it.
package final class AdminSocket: Sendable {
    package let path: String
    private let lock: Int32

    /// Takes the place. Left-overs of a daemon that died are no hindrance.
    ///
    /// - Throws: ``SocketTrouble`` when another daemon has it, or it cannot be used.
    package init(claiming path: String) throws(SocketTrouble) {
        guard path.hasPrefix("/"), path.utf8.count <= AdminSocketPlace.pathLimit else {
            throw SocketTrouble(
                "the path of the admin socket must begin with / and have at most \(AdminSocketPlace.pathLimit) bytes; "
                    + "\(path) has \(path.utf8.count)")
        }
        self.path = path
        try Self.makeDirectory(of: path)
        let lockPath = path + ".lock"
        let descriptor = Self.openLock(lockPath)
        guard descriptor >= 0 else { throw SocketTrouble("\(lockPath) cannot be opened: \(Self.reason())") }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let pid = Self.pid(in: descriptor)
            close(descriptor)
            throw SocketTrouble(
                "another inventoryd\(pid.map { " (pid \($0))" } ?? "") has the admin socket \(path). Stop that one, or "
                    + "give this one another with INVENTORYD_SOCKET (none for no admin socket).",
                isTaken: true)
        }
        let pid = Array("\(getpid())\n".utf8)
        _ = ftruncate(descriptor, 0)
        _ = unsafe pwrite(descriptor, pid, pid.count, 0)
        lock = descriptor
    }

    /// Lets the right users in, once the socket is bound.
    ///
    /// Everybody may connect who may enter its directory; what they may do is decided by who they are.
    package func admit(_ group: AdminGroup?) throws(SocketTrouble) {
        let isGiven = group.map { unsafe chown(path, uid_t.max, $0.id) == 0 } ?? true
        let reason = Self.reason()
        guard unsafe chmod(path, 0o660) == 0 else {
            throw SocketTrouble("the mode of the admin socket cannot be set: \(Self.reason())")
        }
        if let group, !isGiven {
            throw SocketTrouble(
                "it cannot be given to the group \(group.name): \(reason). The daemon has to be root, or in that group")
        }
    }

    /// Gives the place back.
    package func release() {
        unsafe unlink(path)
        // The file stays: to remove it would let two others each lock a file of that name.
        close(lock)
    }

    // MARK: Parts

    private static func openLock(_ path: String) -> Int32 {
        unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    }

    private static func makeDirectory(of path: String) throws(SocketTrouble) {
        let directory = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
        guard !directory.isEmpty else { return }
        if unsafe mkdir(directory, 0o700) == 0 {
            // Whatever the umask: who may connect is the socket's own matter.
            _ = unsafe chmod(directory, 0o755)
        } else if errno != EEXIST {
            throw SocketTrouble("\(directory) for the admin socket cannot be made: \(reason())")
        }
        // A directory in /tmp may be a stranger's, who could put another socket in our place.
        var status = stat()
        guard unsafe lstat(directory, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            throw SocketTrouble("\(directory) for the admin socket is no directory")
        }
        guard status.st_uid == geteuid() || status.st_uid == 0 else {
            throw SocketTrouble("\(directory) for the admin socket belongs to another user")
        }
    }

    private static func pid(in descriptor: Int32) -> Int? {
        var bytes = [UInt8](repeating: 0, count: 16)
        let count = unsafe pread(descriptor, &bytes, bytes.count, 0)
        return Int(String(decoding: bytes.prefix(max(0, count)).prefix { $0 != 0x0A }, as: UTF8.self))
    }

    private static func reason() -> String { unsafe String(cString: strerror(errno)) }
}
