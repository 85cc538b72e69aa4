import Dispatch
import GRDB
import InventoryKit
import Logging
import Synchronization

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Makes many writes durable with one sync of the disk.
///
/// SQLite has one writer, and what a commit costs is the sync. So what arrives while a commit is under way waits, and
/// all of it goes into the next transaction. There is no timer: alone, a write leaves at once; under load batches form
/// by themselves. Nobody is answered before the commit, for what one write decided may rest on another's.
final class GroupCommit: Sendable {
    /// Beyond this many waiting writes new ones are turned away: memory and waiting times stay bounded.
    private static let waitingLimit = 4_096

    private struct Write: Sendable {
        /// Performs the write and returns how to answer once it is durable.
        let perform: @Sendable (WriteTransaction) throws -> @Sendable () -> Void
        let fail: @Sendable (InventoryError) -> Void
    }

    private struct State {
        var waiting: [Write] = []
        var isCommitting = false
        var commits: UInt64 = 0
        var changes: UInt64 = 0
        var isClosed = false
    }

    private let pool: DatabasePool
    private let file: FileIdentity

    /// Bounds how long one transaction can take, and so how long whoever comes next has to wait.
    private let writesPerTransaction: Int
    private let clock: any WallClock
    private let logger: Logger
    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "inventory.group-commit", qos: .userInitiated)

    init(
        pool: DatabasePool, file: FileIdentity, writesPerTransaction: Int, clock: any WallClock, logger: Logger
    ) {
        self.pool = pool
        self.file = file
        self.writesPerTransaction = writesPerTransaction
        self.clock = clock
        self.logger = logger
    }

    var statistics: StoreStatistics {
        state.withLock { StoreStatistics(waiting: $0.waiting.count, commits: $0.commits, changes: $0.changes) }
    }

    /// Performs a write in the next transaction and returns when it is durable.
    ///
    /// - Parameter work: may be performed again in a transaction of its own, if the first one failed; so it changes
    ///   nothing but the database. Whatever it has written stays, even when it throws an ``InventoryError``.
    func callAsFunction<Outcome: Sendable>(
        _ work: @escaping @Sendable (WriteTransaction) throws -> Outcome
    ) async throws(InventoryError) -> Outcome {
        let result: Result<Outcome, InventoryError> = await withCheckedContinuation { continuation in
            enqueue(
                Write { transaction in
                    let result: Result<Outcome, InventoryError>
                    do { result = .success(try work(transaction)) } catch let error as InventoryError {
                        result = .failure(error)
                    }
                    return { continuation.resume(returning: result) }
                } fail: { error in
                    continuation.resume(returning: .failure(error))
                }
            )
        }
        return try result.get()
    }

    /// Takes no more writes, and returns when the last one is done.
    func close() async {
        state.withLock { $0.isClosed = true }
        await withCheckedContinuation { continuation in queue.async { continuation.resume() } }
    }

    private func enqueue(_ write: Write) {
        enum Decision {
            case wait, start
            case refuse(InventoryError.Trouble)
        }
        let decision: Decision = state.withLock { state in
            if state.isClosed { return .refuse(.stopping) }
            if state.waiting.count >= Self.waitingLimit { return .refuse(.overloaded) }
            state.waiting.append(write)
            if state.isCommitting { return .wait }
            state.isCommitting = true
            return .start
        }
        switch decision {
        case .wait: break
        case .start: queue.async { self.commitWhatWaits() }
        case .refuse(let trouble): write.fail(.unavailable(trouble))
        }
    }

    private func commitWhatWaits() {
        repeat {
            // Under load those who were just answered, and those who are about to ask, go first: a batch that is larger by
            // them costs the same sync. Alone, this returns at once.
            sched_yield()
            guard let writes = next() else { return }
            commit(writes)
        } while true
    }

    private func next() -> [Write]? {
        state.withLock { state in
            guard !state.waiting.isEmpty else {
                state.isCommitting = false
                return nil
            }
            let writes = Array(state.waiting.prefix(writesPerTransaction))
            state.waiting.removeFirst(writes.count)
            return writes
        }
    }

    /// How far a transaction came, which decides what its failure means.
    private enum Phase {
        case beginning, performing, committing
    }

    private func commit(_ writes: [Write]) {
        var answers: [@Sendable () -> Void] = []
        var phase = Phase.beginning
        do {
            try file.check()
            try pool.writeWithoutTransaction { db in
                try db.inTransaction(.immediate) {
                    phase = .performing
                    let transaction = WriteTransaction(db: db, now: clock.now())
                    answers = try writes.map { try $0.perform(transaction) }
                    try transaction.finish()
                    phase = .committing
                    return .commit
                }
            }
            state.withLock { state in
                state.commits += 1
                state.changes += UInt64(writes.count)
            }
            for answer in answers { answer() }
        } catch {
            // Rolled back. One bad write must not take others with it, so each gets a transaction of its own. What ails
            // the database as a whole would only happen to each of them again; and a commit that failed half-way may
            // yet be found complete after a crash, so that is not tried again either.
            if phase == .performing, writes.count > 1, !Self.concernsTheDatabase(error) {
                for write in writes { commit([write]) }
            } else {
                let trouble = Self.trouble(error, in: phase)
                logger.error("A write failed", metadata: ["error": "\(error)", "writes": "\(writes.count)"])
                for write in writes { write.fail(.unavailable(trouble)) }
            }
        }
    }

    private static func concernsTheDatabase(_ error: any Error) -> Bool {
        guard let code = (error as? DatabaseError)?.resultCode else { return false }
        return [.SQLITE_FULL, .SQLITE_IOERR, .SQLITE_BUSY, .SQLITE_READONLY, .SQLITE_CORRUPT, .SQLITE_NOMEM].contains(
            code)
    }

    private static func trouble(_ error: any Error, in phase: Phase) -> InventoryError.Trouble {
        if (error as? DatabaseError)?.resultCode == .SQLITE_FULL { return .storageFull }
        return phase == .committing ? .outcomeUnknown : .outOfReach
    }
}
