import InventoryKit
import Logging
import MongoStore
import SQLiteStore
import StoreContract
import TestSupport
import Testing

@Suite("MongoDB hands out everything it has", .serialized)
struct MongoSourceTests {
    /// The embedded store takes it over, so this is the way back as well. Fails where a movement that is not filed yet is
    /// lost or told twice, or an answer is not found where it stands: among the operations, the outcomes, in a tombstone.
    @Test("Everything arrives, and every answer that was given is given again", arguments: [false, true])
    func everythingArrives(onReplicaSet: Bool) async throws {
        let fixture = try await place(onReplicaSet: onReplicaSet)
        let store = try await fixture.makeMongoStore()
        let requests = try await TransferSample().fill(store)
        var asked: [KeyedRequest.Answer] = []
        for request in requests { asked.append(await request.ask(store).answer) }
        // Of what was done last nothing is filed yet.
        let file = try await export(store)
        try await withTemporaryDirectory { directory in
            let embedded = try SQLiteStore(path: directory + "/inventory.sqlite", logger: Logger(label: "test"))
            let report = try await FullImport(into: embedded.makeDestination()).read(Self.stream(file))
            #expect(report.totals.products == 16 && report.totals.movements > 1_200 && report.expiredOutcomes == 0)
            #expect(try await LedgerAudit.violations(in: embedded) == [])
            for (request, before) in zip(requests, asked) {
                let (answer, replayed) = await request.ask(embedded)
                #expect(answer == before, "\(request.name)")
                #expect(replayed != false, "\(request.name) is no repetition")
            }
            #expect(try await totals(of: embedded) == report.totals)
            // Filed meanwhile or not, it is the same.
            await store.close()
            let again = try await fixture.makeMongoStore()
            #expect(try await totals(of: again) == report.totals)
            await again.close()
            await embedded.close()
        }
        try await fixture.discard()
    }

    /// Fails where a product is told with another moment's ledger: the import compares the two.
    @Test("Each product agrees with its ledger, however much is sold and filed meanwhile", arguments: [false, true])
    func underTraffic(onReplicaSet: Bool) async throws {
        let fixture = try await place(onReplicaSet: onReplicaSet)
        let store = try await fixture.makeMongoStore(connections: 8)
        var ids: [ProductID] = []
        for number in 0..<120 {
            ids.append(
                try await store.create(try Sample.creation(try Sample.catalogue("A-\(number)"), opening: 100_000))
                    .product.id)
        }
        let known = ids
        let traffic = Task {
            var sold = 0
            while !Task.isCancelled {
                try await withThrowingTaskGroup { group in
                    for id in known.shuffled().prefix(40) {
                        group.addTask { _ = try await store.move(try Sample.purchase(1, of: .id(id))) }
                        group.addTask { _ = try await store.move(try Sample.purchase(1, of: .id(id))) }
                    }
                    try await group.waitForAll()
                }
                sold += 80
            }
            return sold
        }
        for _ in 0..<3 {
            let before = try await store.page(of: MovementQuery(limit: 1)).items.first?.id
            let file = try await export(store)
            try await withTemporaryDirectory { directory in
                let embedded = try SQLiteStore(path: directory + "/inventory.sqlite", logger: Logger(label: "test"))
                let report = try await FullImport(into: embedded.makeDestination()).read(Self.stream(file))
                #expect(report.totals.products == 120)
                // What was acknowledged before is in it.
                if let before { #expect(try await embedded.movement(before) != nil) }
                await embedded.close()
            }
        }
        traffic.cancel()
        #expect(try await traffic.value > 0)
        await store.close()
        try await fixture.discard()
    }

    // MARK: Parts

    private func place(onReplicaSet: Bool) async throws -> MongoStoreFixture {
        if onReplicaSet {
            let set = try await MongoReplicaSet.shared()
            return MongoStoreFixture { set.url(database: $0) }
        }
        let server = try await MongoServer.shared()
        return MongoStoreFixture { server.url(database: $0) }
    }

    private func export(_ store: any InventorySource) async throws -> [[UInt8]] {
        var pieces: [[UInt8]] = []
        try await FullExport(of: store).write { pieces.append($0) }
        return pieces
    }

    private func totals(of store: any InventorySource) async throws -> InventoryTotals {
        try await FullExport(of: store).write { _ in }
    }

    private static func stream(_ file: [[UInt8]]) -> AsyncStream<[UInt8]> {
        AsyncStream { continuation in
            for piece in file { continuation.yield(piece) }
            continuation.finish()
        }
    }
}
