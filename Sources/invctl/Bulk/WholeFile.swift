#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A file that is there as a whole or not at all: it is written beside its place, and put there at the end. It is for this
/// user alone. Or standard output, where nothing can be taken back.
final class WholeFile {
    /// `-` for standard output.
    let path: String
    private let replaces: Bool
    private var descriptor: Int32
    private(set) var bytesWritten = 0

    var isStandardOutput: Bool { path == "-" }

    /// - Parameter replacing: whether a file that is there already may be replaced.
    /// - Throws: ``CommandFailure``.
    init(_ path: String, replacing: Bool) throws {
        self.path = path
        replaces = replacing
        descriptor = 1
        guard path != "-" else { return }
        try checkAbsence()
        try Self.checkIsNobodysStore(path)
        descriptor = unsafe open(Self.beside(path), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Self.failure("\(Self.beside(path)) cannot be written") }
        do {
            // What an earlier run left is overwritten, what another one is writing is not.
            guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
                throw CommandFailure(.refused, "in-use", "another invctl is writing \(Self.beside(path))")
            }
            guard isInItsPlace else {
                throw CommandFailure(.refused, "in-use", "another invctl has just written \(path)")
            }
            guard ftruncate(descriptor, 0) == 0, fchmod(descriptor, 0o600) == 0 else {
                throw Self.failure("\(Self.beside(path)) cannot be written")
            }
        } catch {
            close(descriptor)
            throw error
        }
    }

    /// - Throws: ``CommandFailure``.
    func write(_ bytes: [UInt8]) throws {
        var offset = 0
        while offset < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { buffer in
                unsafe Glibc.write(descriptor, buffer.baseAddress.map { unsafe $0 + offset }, buffer.count - offset)
            }
            if count >= 0 {
                offset += count
            } else if errno == EAGAIN {
                var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = unsafe poll(&wait, 1, -1)
            } else if errno != EINTR {
                if isStandardOutput { throw OutputFailure(code: errno) }
                throw Self.failure("\(path) cannot be written")
            }
        }
        bytesWritten += bytes.count
    }

    /// Puts the file in its place, where it survives the loss of power.
    func finish() throws {
        guard !isStandardOutput else { return }
        try checkAbsence()
        guard fsync(descriptor) == 0, unsafe rename(Self.beside(path), path) == 0 else {
            throw Self.failure("\(path) cannot be written")
        }
        close(descriptor)
        descriptor = -1
        let directory = path.contains("/") ? String(path[...(path.lastIndex(of: "/") ?? path.startIndex)]) : "."
        let place = unsafe open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard place >= 0 else { return }
        _ = fsync(place)
        close(place)
    }

    /// Takes away what there is of it, unless it is finished.
    func discard() {
        guard !isStandardOutput, descriptor >= 0 else { return }
        unsafe unlink(Self.beside(path))
        close(descriptor)
        descriptor = -1
    }

    /// Whether what is open is still what is called so: another invctl may just have given it its name.
    private var isInItsPlace: Bool {
        var (own, there) = (stat(), stat())
        return unsafe fstat(descriptor, &own) == 0 && lstat(Self.beside(path), &there) == 0
            && own.st_ino == there.st_ino && own.st_dev == there.st_dev
    }

    private func checkAbsence() throws {
        guard !replaces, unsafe access(path, F_OK) == 0 else { return }
        throw CommandFailure(
            .refused, "exists", "\(path) is there already. Name another file, or replace it with --force.")
    }

    /// The store of a daemon that runs cannot be replaced: it would go on in the file that is not there any more, and what
    /// it acknowledges would be gone when it stops.
    private static func checkIsNobodysStore(_ path: String) throws {
        for ending in ["", "-wal", "-shm", ".lock"] where path.hasSuffix(ending) {
            let lock = unsafe open(path.dropLast(ending.count) + ".lock", O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
            guard lock >= 0 else { continue }
            defer { close(lock) }
            guard flock(lock, LOCK_SH | LOCK_NB) == 0 else {
                throw CommandFailure(
                    .refused, "in-use", "\(path) is the store of an inventoryd that runs. Name another file.")
            }
        }
    }

    private static func beside(_ path: String) -> String { path + ".part" }

    private static func failure(_ what: String) -> CommandFailure {
        CommandFailure(.failed, "no-output", "\(what): \(unsafe String(cString: strerror(errno)))")
    }
}
