import GRDB
package import InventoryKit
import Synchronization

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The store as a whole: copied while it sells, and taken over from elsewhere.
extension SQLiteStore: StoreAdministration {
    /// What others may write to the same disk while a copy lies there.
    private static let reserveBytes: Int64 = 64 << 20

    /// Between two looks at whether to go on: 4 MiB.
    private static let pagesPerStep: CInt = 1_024

    package func makeDestination() -> any InventoryDestination { SQLiteDestination(self) }

    /// Copies page by page (SQLite's online backup) out of one read transaction, so what is written meanwhile is not in it
    /// and is not held up. The copy is then looked through: one that is damaged would be found out when it is needed.
    package func makeCopy(while goesOn: @escaping @Sendable () -> Bool) async throws(BackupError) -> any StoreCopy {
        guard let place = CopyPlace(beside: pool.path, slot: copying) else { throw .underWay }
        do {
            let snapshot = try await pool.read { [pool] _ in try pool.makeSnapshot() }
            let copy = try await snapshot.read { source in
                try Self.checkRoom(for: source, in: place.directory)
                let copy = try place.make()
                try source.backup(to: copy, whole: Self.pagesPerStep, while: goesOn)
                return copy
            }
            // From here on the write-ahead log need not be kept for it.
            try? snapshot.close()
            // Again and again, for it counts only while a statement runs; and not once the copy may be closed.
            let watch = Task {
                while !Task.isCancelled {
                    if !goesOn() { copy.interrupt() }
                    try? await Task.sleep(for: .milliseconds(100))
                }
            }
            let checked: Result<Void, any Error>
            do { checked = .success(try await copy.check()) } catch { checked = .failure(error) }
            watch.cancel()
            await watch.value
            try checked.get()
            return try place.take(copy)
        } catch {
            place.clear()
            throw Self.backupError(error)
        }
    }

    private static func checkRoom(for source: Database, in directory: String) throws {
        let needed =
            try Int64.fetchOne(source, sql: "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
            ?? 0
        var disk = statvfs()
        guard unsafe statvfs(directory, &disk) == 0 else { return }
        let free = Int64(clamping: disk.f_bavail).multipliedReportingOverflow(by: Int64(clamping: disk.f_frsize))
        guard free.overflow || free.partialValue >= needed + reserveBytes else {
            throw BackupError.noRoom(needed: needed, free: free.partialValue, directory: directory)
        }
    }

    private static func backupError(_ error: any Error) -> BackupError {
        switch error {
        case let error as BackupError: error
        case is CancellationError: .calledOff
        case let error as DatabaseError where error.resultCode == .SQLITE_INTERRUPT: .calledOff
        case let error as DatabaseError where error.resultCode == .SQLITE_FULL: .failed("its disk is full")
        default: .failed("\(error)")
        }
    }
}

extension Database {
    fileprivate func backup(
        to copy: DatabaseQueue, whole pagesPerStep: CInt, while goesOn: @escaping @Sendable () -> Bool
    ) throws {
        try copy.writeWithoutTransaction { target in
            try backup(to: target, pagesPerStep: pagesPerStep) { _ in
                guard goesOn() else { throw BackupError.calledOff }
            }
        }
    }
}

extension DatabaseQueue {
    /// Makes one file of it, which needs none beside it, and looks through it.
    fileprivate func check() async throws {
        try await writeWithoutTransaction { db in
            // It was copied with the mark that it has a log. Only once it has been read is that known.
            _ = try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_schema")
            try db.execute(sql: "PRAGMA journal_mode = DELETE")
            let finding = try String.fetchOne(db, sql: "PRAGMA quick_check(1)")
            guard finding == "ok" else {
                throw BackupError.failed("its file is damaged (\(finding ?? "unreadable")); restore an earlier backup")
            }
        }
    }
}

/// Where a copy is made: beside the database, one at a time.
final class CopyPlace: Sendable {
    let directory: String
    private let path: String
    private let slot: Slot

    /// Whether there is a copy, made or in the making.
    final class Slot: Sendable {
        private let isTaken = Atomic<Bool>(false)

        func take() -> Bool { !isTaken.exchange(true, ordering: .acquiringAndReleasing) }
        func give() { isTaken.store(false, ordering: .releasing) }
    }

    /// - Returns: nothing where another has the slot.
    init?(beside database: String, slot: Slot) {
        guard slot.take() else { return nil }
        self.slot = slot
        path = Self.path(beside: database)
        directory = String(database[..<(database.lastIndex(of: "/") ?? database.startIndex)])
    }

    deinit { slot.give() }

    /// Removes what a daemon left that was killed while it made one.
    static func clear(beside database: String) {
        for suffix in ["", "-journal", "-wal", "-shm"] { unsafe unlink(path(beside: database) + suffix) }
    }

    private static func path(beside database: String) -> String { database + ".copy" }

    func clear() {
        for suffix in ["", "-journal", "-wal", "-shm"] { unsafe unlink(path + suffix) }
    }

    /// An empty file, for this user alone.
    func make() throws -> DatabaseQueue {
        clear()
        let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw BackupError.failed(Self.reason()) }
        close(descriptor)
        let copy = try DatabaseQueue(path: path)
        // Should the machine go down, the copy is of no use anyway.
        try copy.writeWithoutTransaction { try $0.execute(sql: "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF") }
        return copy
    }

    /// The finished copy. Its name is taken away, so whatever happens nothing is left of it.
    func take(_ copy: DatabaseQueue) throws -> CopiedFile {
        try copy.close()
        let descriptor = unsafe open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else { throw BackupError.failed(Self.reason()) }
        clear()
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else {
            close(descriptor)
            throw BackupError.failed(Self.reason())
        }
        return CopiedFile(descriptor: descriptor, size: Int64(status.st_size), place: self)
    }

    private static func reason() -> String { unsafe String(cString: strerror(errno)) }
}

/// A copy in a file without a name.
final class CopiedFile: StoreCopy {
    let size: Int64
    private let descriptor: Int32

    /// Held until the file is gone.
    private let place: CopyPlace

    init(descriptor: Int32, size: Int64, place: CopyPlace) {
        self.descriptor = descriptor
        self.size = size
        self.place = place
    }

    deinit { close(descriptor) }

    func bytes(from offset: Int64, atMost count: Int) throws(BackupError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Int(min(Int64(count), max(0, size - offset))))
        let read = unsafe pread(descriptor, &bytes, bytes.count, off_t(offset))
        guard read >= 0 else { throw .failed(unsafe String(cString: strerror(errno))) }
        bytes.removeLast(bytes.count - read)
        return bytes
    }
}
