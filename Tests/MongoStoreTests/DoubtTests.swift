import Dispatch
import InventoryKit
import StoreContract
import Synchronization
import TestSupport
import Testing

@testable import MongoStore

/// What is sent again because nobody knows what became of it.
@Suite("In doubt")
struct DoubtTests {
    /// A round as ``Combining`` has it.
    ///
    /// - Returns: whether the move has its answer.
    private func round(_ command: StockCommand, _ lanes: inout Lanes, _ door: BackDoor) async throws -> Bool {
        let batches = lanes.nextRound()
        _ = try await door.run { try StockRound($0, clock: SystemClock()).perform(batches) }
        return batches.flatMap(\.moves).allSatisfy(\.waiter.isAnswered)
    }

    /// Fails where only what has a key is looked for in the ledger: the units are sold twice, and the second sale's number is
    /// missing there.
    @Test(
        "A sale without a key whose answer was lost is not made again when it has been filed", arguments: [false, true])
    func filedMeanwhile(isKeyed: Bool) async throws {
        try await BackDoor.withStore { door, store in
            let product = try await store.create(
                try Sample.creation(try Sample.catalogue("A-1"), opening: 5)
            ).product
            let command = try Sample.purchase(of: .id(product.id), key: isKeyed ? "1" : nil)
            var first = Lanes()
            first.add([PendingMove(command, Waiter())], to: product.id)
            #expect(try await round(command, &first, door))
            try await door.releaseFiling(of: product.id)
            try await door.awaitFiling(of: product.id)

            // The answer did not arrive, so the round counts as failed.
            var lanes = Lanes()
            lanes.add([PendingMove(command, Waiter())], to: product.id)
            lanes.restore(lanes.nextRound())
            #expect(try await round(command, &lanes, door))
            #expect(try await door.document(product.id).integer("on_hand") == 4)
        }
    }

    /// Fails where a move of which nothing is known is told that the product is archived: it may have been sold before.
    @Test("What may have happened before the product was archived is looked for first")
    func archivedMeanwhile() async throws {
        try await BackDoor.withStore { door, store in
            let product = try await store.create(
                try Sample.creation(try Sample.catalogue("A-1"), opening: 5)
            ).product
            let command = try Sample.purchase(of: .id(product.id))
            let stored = try StoredProduct(try await door.document(product.id))
            var first = Lanes()
            first.add([PendingMove(command, Waiter())], to: product.id)
            #expect(try await round(command, &first, door))
            _ = try await store.archive(product.id, expectedETags: nil)

            // Under the fence of before: this write changes nothing, and nothing follows from that.
            let state = LaneState(stored, at: 0, isDurable: true)
            let batch = LaneBatch(
                product: product.id, moves: [PendingMove(command, Waiter())], fence: state.fence, state: state,
                isContended: true, filed: nil)
            let outcomes = try await door.run { try StockRound($0, clock: SystemClock()).perform([batch]) }
            #expect(outcomes.first?.again.count == 1)
            #expect(!batch.moves[0].waiter.isAnswered)
        }
    }

    /// Fails where a revision whose answer was lost is made again on top of what somebody has written since: that would be
    /// undone; or where it is refused by what may be its own effect.
    @Test("A revision of which nobody knows whether it has happened is not judged by what came after it")
    func revision() async throws {
        try await BackDoor.withStore { door, store in
            let created = try await store.create(try Sample.creation(try Sample.catalogue("A-1"))).product
            func revision(_ amount: Int64, on etag: ETag? = nil) throws -> Revision {
                Revision(
                    id: created.id, change: .merge(try Sample.change(amount: amount)),
                    expectedETags: etag.map { [$0] })
            }
            let sent = Catalogues.Sent(version: created.version)
            @Sendable func again(_ revision: Revision, token: Int64) async throws -> Product {
                try await door.run { connection in
                    var sent = sent
                    return try store.catalogues.revise(revision, token: token, sent: &sent, over: connection)
                }
            }
            // It has not happened, for the product is as it was.
            #expect(try await again(try revision(10, on: created.etag), token: 1).catalogue.price.amount == 10)
            // It has.
            #expect(try await again(try revision(10, on: created.etag), token: 1).catalogue.price.amount == 10)
            _ = try await store.revise(try revision(12))
            for etag in [nil, created.etag] {
                await #expect(throws: InventoryError.unavailable(.outcomeUnknown)) {
                    try await again(try revision(10, on: etag), token: 1)
                }
            }
            #expect(try await store.product(.id(created.id))?.catalogue.price.amount == 12)
        }
    }

    /// Fails where the second sending, which finds another state, clears the doubt about the first, which has arrived by
    /// then: what somebody has written since would be undone.
    @Test("A revision that is sent again and does not fit is in doubt as before")
    func revisionTwice() async throws {
        let clock = InterruptedClock()
        try await BackDoor.withStore { door, store in
            let steady = store.catalogues
            let interrupted = Catalogues(
                pool: steady.pool, filing: steady.filing, clock: clock, logger: steady.logger)
            let created = try await store.create(try Sample.creation(try Sample.catalogue("A-1"))).product
            @Sendable func revise(
                to amount: Int64, token: Int64, sent: Catalogues.Sent, by catalogues: Catalogues
            ) async throws -> Product {
                let revision = Revision(id: created.id, change: .merge(try Sample.change(amount: amount)))
                return try await door.run { connection in
                    var sent = sent
                    return try catalogues.revise(revision, token: token, sent: &sent, over: connection)
                }
            }
            // Between its reading and its writing the first copy arrives, and another's revision after it.
            clock.interrupt {
                _ = try await revise(to: 10, token: 1, sent: Catalogues.Sent(), by: steady)
                _ = try await revise(to: 12, token: 2, sent: Catalogues.Sent(), by: steady)
            }
            await #expect(throws: InventoryError.unavailable(.outcomeUnknown)) {
                try await revise(to: 10, token: 1, sent: Catalogues.Sent(version: created.version), by: interrupted)
            }
            #expect(try await store.product(.id(created.id))?.catalogue.price.amount == 12)
        }
    }

    /// Fails where a client is told to ask for less because the server was slow.
    @Test("Only a list can be too much to read in time")
    func outOfTime() async throws {
        try await BackDoor.withStore { door, store in
            await #expect(throws: InventoryError.queryTooBroad) {
                try await door.run { _ in try inTime { throw MongoError.timeLimit } }
            }
            #expect(store.catalogues.pool.failure(MongoError.timeLimit) == .unavailable(.outOfReach))
        }
    }

    /// Fails where the parts of a long answer are asked for under any session that is free: the server refuses that.
    @Test("A long answer is read to its end while others ask")
    func longAnswers() async throws {
        try await BackDoor.withStore { door, _ in
            let count = MongoConnection.batchSize * 2 + 1
            try await door.run { connection in
                let documents = (0..<count).map { BSONDocument([("_id", .integer(Int64($0)))]) }
                for start in stride(from: 0, to: count, by: 1_000) {
                    _ = try connection.insert(Array(documents[start..<min(start + 1_000, count)]), into: "many")
                }
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<12 {
                    group.addTask {
                        let found = try await door.run {
                            try $0.find("many", [:], freshness: .majority(after: 0)).documents.count
                        }
                        #expect(found == count)
                    }
                    for _ in 0..<20 {
                        group.addTask { try await door.run { _ = try $0.read("admin", [("ping", 1)]) } }
                    }
                }
                try await group.waitForAll()
            }
        }
    }
}

/// A clock that has something happen just before it is looked at the next time.
private final class InterruptedClock: WallClock {
    private let interruption = Mutex<(@Sendable () async throws -> Void)?>(nil)

    func interrupt(_ body: @escaping @Sendable () async throws -> Void) { interruption.withLock { $0 = body } }

    func now() -> Timestamp {
        let body = interruption.withLock { interruption in
            defer { interruption = nil }
            return interruption
        }
        if let body {
            // It is looked at on a thread that may block.
            let done = DispatchSemaphore(value: 0)
            Task {
                do { try await body() } catch { Issue.record(error) }
                done.signal()
            }
            done.wait()
        }
        return SystemClock().now()
    }
}
