import GRDB
import Logging
import Synchronization

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Why the embedded store cannot be opened, in words for the operator: what is wrong and what to do.
package enum StoreOpeningError: Error, Equatable, CustomStringConvertible {
    case inUse(path: String, pid: String)
    case notWritable(path: String, detail: String)
    case newerSchema(path: String)
    case notOurs(path: String)
    case noRoom(path: String)
    case unfinishedImport(path: String)
    case unusable(path: String, detail: String)

    package var description: String {
        switch self {
        case .inUse(let path, let pid):
            "\(path) is in use by another inventoryd (pid \(pid)). Stop that one, or give this one a state directory of "
                + "its own with INVENTORYD_STATE_DIR."
        case .notWritable(let path, let detail):
            "\(path) cannot be written (\(detail)). Make it and its directory writable for this user, or name another "
                + "directory with INVENTORYD_STATE_DIR."
        case .newerSchema(let path):
            "\(path) was written by a newer version of inventoryd. Use that version or a later one; nothing was changed."
        case .notOurs(let path):
            "\(path) is no database of inventoryd. Move it away, or name another directory with INVENTORYD_STATE_DIR; "
                + "nothing was changed."
        case .noRoom(let path):
            "There is no room left on the disk of \(path). Make room and start again; nothing was lost."
        case .unfinishedImport(let path):
            "An import into \(path) broke off, so what it holds is of no use. Remove that file and those beside it whose "
                + "names begin with its name, start again and import again."
        case .unusable(let path, let detail):
            "\(path) cannot be used: \(detail)"
        }
    }
}

/// Which file it is that was opened. A hand may remove it, or put another in its place: what is written then is gone when
/// the process ends, so nothing more is.
struct FileIdentity: Sendable {
    struct Replaced: Error, CustomStringConvertible {
        let path: String

        var description: String {
            "\(path) was removed or replaced while it was in use. What was acknowledged since may be in no file: stop the service, "
                + "and put the right file in its place."
        }
    }

    private struct Inode: Equatable {
        let device: UInt64
        let number: UInt64

        init?(of path: String) {
            var status = stat()
            guard unsafe stat(path, &status) == 0 else { return nil }
            device = UInt64(truncatingIfNeeded: status.st_dev)
            number = UInt64(truncatingIfNeeded: status.st_ino)
        }
    }

    /// The file, and the log beside it, which has what was written last; it is there for as long as the file is open.
    private let opened: [(path: String, inode: Inode?)]

    init(path: String) {
        opened = [path, path + "-wal"].map { ($0, Inode(of: $0)) }
    }

    /// - Throws: ``Replaced``.
    func check() throws {
        for (path, inode) in opened {
            guard let inode, Inode(of: path) == inode else { throw Replaced(path: path) }
        }
    }
}

/// Opens the database file and makes sure that this process is the only one that writes it.
enum DatabaseFile {
    /// - Returns: among others, whether there was no inventory in it.
    /// - Throws: ``StoreOpeningError``.
    static func open(
        path: String
    ) throws(StoreOpeningError) -> (pool: DatabasePool, lock: FileLock, isNew: Bool) {
        let lock = try FileLock(path: path + ".lock", protecting: path)
        guard !ImportMark(of: path).isSet else { throw .unfinishedImport(path: path) }
        CopyPlace.clear(beside: path)
        do {
            // Asked before anything is written: a file of somebody else's, or of a newer version, stays as it is.
            let isThere = unsafe access(path, F_OK) == 0
            let isNew = try !isThere || !holdsInventory(path: path)
            let pool = try DatabasePool(path: path, configuration: configuration())
            try syncEachCommit(of: pool)
            try Schema.migrator.migrate(pool)
            // A file that can only be read is found here, and not by the first customer.
            try pool.barrierWriteWithoutTransaction { db in
                try db.inTransaction(.immediate) {
                    try db.execute(sql: "PRAGMA user_version = \(Schema.migrator.migrations.count)")
                    return .commit
                }
            }
            return (pool, lock, isNew)
        } catch let error as StoreOpeningError {
            throw error
        } catch let error as DatabaseError {
            throw opening(error, path: path)
        } catch {
            throw .unusable(path: path, detail: "\(error)")
        }
    }

    /// - Returns: false where there is nothing in it at all.
    private static func holdsInventory(path: String) throws -> Bool {
        var configuration = Configuration()
        configuration.busyMode = .timeout(2)
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        defer { try? queue.close() }
        return try queue.read { db in
            guard try Bool.fetchOne(db, sql: "SELECT count(*) > 0 FROM sqlite_schema") == true else { return false }
            guard try Int64.fetchOne(db, sql: "PRAGMA application_id") == Schema.applicationID else {
                throw StoreOpeningError.notOurs(path: path)
            }
            if try Schema.migrator.hasBeenSuperseded(db) { throw StoreOpeningError.newerSchema(path: path) }
            return true
        }
    }

    private static func configuration() -> Configuration {
        var configuration = Configuration()
        configuration.label = "inventory"
        configuration.busyMode = .timeout(5)
        // A movement's product is read in the same transaction, and nothing is ever removed, so there is nothing that
        // asking again on every insert could find.
        configuration.foreignKeysEnabled = false
        // Those of lists, and two for single products. Many more than cores would only cost memory.
        configuration.maximumReaderCount = SQLiteStore.listsAtOnce + 2
        configuration.prepareDatabase { db in
            try db.execute(sql: "PRAGMA cache_size = -4096")
            // In pages of 4 KiB: what is written again and again goes from the log to its place once in 32 MiB.
            try db.execute(sql: "PRAGMA wal_autocheckpoint = 8000")
        }
        return configuration
    }

    /// An acknowledged write survives the loss of power: the log is synced on each commit (on macOS down to the medium,
    /// which fsync alone does not promise there). Said after the pool is open, for opening it GRDB says NORMAL.
    private static func syncEachCommit(of pool: DatabasePool) throws {
        try pool.writeWithoutTransaction { db in
            try db.execute(sql: "PRAGMA synchronous = FULL; PRAGMA fullfsync = ON")
            guard try Int.fetchOne(db, sql: "PRAGMA synchronous") == 2 else {
                throw DatabaseError(message: "PRAGMA synchronous = FULL has no effect")
            }
        }
    }

    private static func opening(_ error: DatabaseError, path: String) -> StoreOpeningError {
        switch error.resultCode {
        case .SQLITE_READONLY, .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_AUTH:
            .notWritable(path: path, detail: error.message ?? "read only")
        case .SQLITE_FULL: .noRoom(path: path)
        case .SQLITE_NOTADB: .notOurs(path: path)
        case .SQLITE_BUSY, .SQLITE_LOCKED: .unusable(path: path, detail: "another program holds it locked")
        case .SQLITE_CORRUPT:
            .unusable(path: path, detail: "it is damaged (\(error.message ?? "corrupt")); restore it from a backup")
        default: .unusable(path: path, detail: error.message ?? "\(error.resultCode)")
        }
    }
}

/// A lock that the kernel lets go of when the process ends, however it ends.
final class FileLock: Sendable {
    private let descriptor: Mutex<Int32?>

    /// - Throws: ``StoreOpeningError/inUse(path:pid:)`` when another process has it.
    init(path: String, protecting file: String) throws(StoreOpeningError) {
        let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw .notWritable(path: file, detail: unsafe String(cString: strerror(errno)))
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            var buffer = [UInt8](repeating: 0, count: 20)
            let count = unsafe read(descriptor, &buffer, buffer.count)
            close(descriptor)
            let pid = String(
                decoding: buffer.prefix(max(0, count)).filter { (0x30...0x39).contains($0) }, as: UTF8.self)
            throw .inUse(path: file, pid: pid.isEmpty ? "unknown" : pid)
        }
        // The pid is a courtesy to whoever finds the lock taken; the lock holds without it.
        let pid = Array("\(getpid())\n".utf8)
        _ = ftruncate(descriptor, 0)
        _ = unsafe pwrite(descriptor, pid, pid.count, 0)
        self.descriptor = Mutex(descriptor)
    }

    func release() {
        descriptor.withLock { descriptor in
            if let open = descriptor {
                // A child that is just being started would hold it on, with a copy of the descriptor.
                _ = flock(open, LOCK_UN)
                close(open)
            }
            descriptor = nil
        }
    }

    deinit { release() }
}
