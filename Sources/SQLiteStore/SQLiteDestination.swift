import GRDB
import InventoryKit

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The embedded store, while it is empty, as one that takes over what another had.
struct SQLiteDestination: InventoryDestination {
    private let store: SQLiteStore
    private let mark: ImportMark

    var name: String { "the embedded store (\(store.pool.path) and the files beside it)" }

    init(_ store: SQLiteStore) {
        self.store = store
        mark = ImportMark(of: store.pool.path)
    }

    func check() async throws(TransferError) {
        guard !mark.isSet else { throw .unfinishedImport(name) }
        let isOccupied = try await run { db in
            try Bool.fetchOne(
                db,
                sql: """
                    SELECT EXISTS (SELECT 1 FROM product) OR EXISTS (SELECT 1 FROM movement) \
                    OR EXISTS (SELECT 1 FROM outcome)
                    """) ?? true
        }
        guard !isOccupied else { throw .occupied(name) }
    }

    func begin() async throws(TransferError) { try mark.set() }

    func insert(_ entries: [InventoryEntry]) async throws(TransferError) {
        let doubled: String?
        do { doubled = try await store.write { try $0.take(entries) } } catch {
            throw .destination("\(error)")
        }
        if let doubled { throw .doubled(doubled) }
    }

    func readBack(_ take: ([InventoryEntry]) async throws(TransferError) -> Void) async throws(TransferError) {
        try await store.readEverything { (entries) async throws(TransferError) in
            try await take(
                entries.filter {
                    switch $0 {
                    case .product, .movement: true
                    case .outcome, .key: false
                    }
                })
        }
    }

    func outcomeCount(expiringAfter time: Timestamp) async throws(TransferError) -> Int64 {
        try await run { db in
            try Int64.fetchOne(
                db, sql: "SELECT count(*) FROM outcome WHERE expires_at > ?", arguments: [time.milliseconds]) ?? 0
        }
    }

    func keyOwners() async throws(TransferError) -> Set<KeyOwner> {
        do { return Set(try await store.keys().map(\.owner)) } catch { throw .destination("\(error)") }
    }

    func finish() async throws(TransferError) { try mark.remove() }

    func close() async {}

    private func run<Value: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws(TransferError) -> Value {
        do { return try await store.pool.read(body) } catch { throw .destination("\(error)") }
    }
}

/// A file beside the database that says that an import into it is under way, or has broken off.
struct ImportMark {
    private let path: String

    init(of database: String) { path = database + ".importing" }

    var isSet: Bool { unsafe access(path, F_OK) == 0 }

    func set() throws(TransferError) {
        let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Self.trouble() }
        close(descriptor)
        try syncDirectory()
    }

    func remove() throws(TransferError) {
        guard unsafe unlink(path) == 0 else { throw Self.trouble() }
        try syncDirectory()
    }

    /// So that it survives the loss of power, like the rows that it speaks of.
    private func syncDirectory() throws(TransferError) {
        let directory = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
        let descriptor = unsafe open(directory.isEmpty ? "." : directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Self.trouble() }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw Self.trouble() }
    }

    private static func trouble() -> TransferError {
        .destination("its mark cannot be written: \(unsafe String(cString: strerror(errno)))")
    }
}
