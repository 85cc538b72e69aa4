import InventoryKit
import Logging
import MongoStore
import SQLiteStore
import StoreContract
import TestSupport
import Testing

@Suite("An inventory moves up from the embedded store to MongoDB", .serialized)
struct TransferTests {
    @Test("Everything arrives, and every answer that was given is given again", arguments: [false, true])
    func everythingArrives(onReplicaSet: Bool) async throws {
        try await withTemporaryDirectory { directory in
            let embedded = try SQLiteStore(path: directory + "/inventory.sqlite", logger: Logger(label: "test"))
            let requests = try await TransferSample().fill(embedded)
            var asked: [KeyedRequest.Answer] = []
            for request in requests { asked.append(await request.ask(embedded).answer) }
            let key = try Self.key("till")
            #expect(try await embedded.save(key, replacing: nil))
            try await embedded.noteUses([key.owner: Self.noon])
            let file = try await export(embedded)

            let fixture = try await place(onReplicaSet: onReplicaSet)
            let report = try await load(file, into: fixture)
            #expect(report.totals.products == 16 && report.totals.movements > 1_200 && report.expiredOutcomes == 0)
            let store = try await fixture.makeMongoStore()
            try await expectEqual(store, embedded)
            #expect(try await LedgerAudit.violations(in: store) == [])
            let kept = try await embedded.keys()
            #expect(try await store.keys() == kept && kept.map(\.lastUsedAt) == [Self.noon])

            for (request, before) in zip(requests, asked) {
                let (answer, replayed) = await request.ask(store)
                #expect(answer == before, "\(request.name)")
                #expect(replayed != false, "\(request.name) is no repetition")
            }
            // Whatever was asked again has changed nothing.
            try await expectEqual(store, embedded)
            try await goOn(store)
            #expect(try await LedgerAudit.violations(in: store) == [])
            await store.close()
            await embedded.close()
            try await fixture.discard()
        }
    }

    /// Somebody has been given that key.
    @Test("An owner who has a key where everything goes keeps that one")
    func keyThatIsThere() async throws {
        let file = try await smallFile(keys: ["shop", "till"])
        let fixture = try await place()
        let there = try await fixture.makeMongoStore()
        let key = try Self.key("till", scopes: [.admin])
        #expect(try await there.save(key, replacing: nil))
        await there.close()
        #expect(try await load(file, into: fixture).totals.keys == 2)
        let store = try await fixture.makeMongoStore()
        #expect(try await store.keys() == [try Self.key("shop"), key])
        await store.close()
        try await fixture.discard()
    }

    /// An export that fails it tells of a sale and not of what came before it.
    @Test("The file tells of one moment, however much is sold meanwhile")
    func oneMoment() async throws {
        try await withTemporaryDirectory { directory in
            let embedded = try SQLiteStore(path: directory + "/inventory.sqlite", logger: Logger(label: "test"))
            var products: [Product] = []
            for number in 0..<600 {
                products.append(
                    try await embedded.create(try Sample.creation(try Sample.catalogue("A-\(number)"), opening: 5))
                        .product)
            }
            var pieces: [[UInt8]] = []
            let ids = products.map(\.id)
            let totals = try await FullExport(of: embedded).write { piece in
                pieces.append(piece)
                for id in ids.prefix(3) + ids.suffix(3) {
                    _ = try await embedded.move(try Sample.adjust(7, of: .id(id)))
                }
                _ = try await embedded.create(
                    try Sample.creation(try Sample.catalogue("B-\(pieces.count)"), opening: 1))
            }
            #expect(pieces.count > 3)
            // What was done when the first piece was written, which is the header, was done before that moment.
            #expect(totals.products == 601 && totals.movements == 601 + 6 && totals.onHand == 3_001 + 6 * 7)
            let fixture = try await place()
            #expect(try await load(pieces, into: fixture).totals == totals)
            await embedded.close()
            try await fixture.discard()
        }
    }

    // MARK: What is refused

    @Test func aDatabaseThatIsNotEmptyIsRefused() async throws {
        let file = try await smallFile()
        let shell: [String] = [
            #"{"insert": "products", "documents": [{"a": 1}]}"#, #"{"insert": "movements", "documents": [{"a": 1}]}"#,
            #"{"insert": "outcomes", "documents": [{"a": 1}]}"#,
        ]
        for command in shell {
            let fixture = try await place()
            let mongo = MongoShell(url: fixture.url)
            try await mongo.run(command)
            let error = await #expect(throws: TransferError.self) { try await load(file, into: fixture) }
            guard case .occupied(let name)? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(name.contains(mongo.database))
            // Nothing was made in it.
            let collections = try await mongo.run(#"{"listCollections": 1}"#)
            #expect(collections["cursor"]["firstBatch"].items.count == 1)
            try await fixture.discard()
        }
    }

    @Test("A second import into the same database is refused")
    func secondImport() async throws {
        let file = try await smallFile()
        let fixture = try await place()
        _ = try await load(file, into: fixture)
        let error = await #expect(throws: TransferError.self) { try await load(file, into: fixture) }
        guard case .occupied? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        // And it has left no mark.
        await (try await fixture.makeMongoStore()).close()
        try await fixture.discard()
    }

    @Test("A database whose import broke off is neither served from nor imported into")
    func unfinishedImport() async throws {
        let file = try await smallFile()
        let fixture = try await place()
        let error = await #expect(throws: TransferError.self) { try await load(file.dropLast(), into: fixture) }
        guard case .abandoned(.cutShort, _)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        await #expect(throws: MongoOpeningError.self) { try await fixture.makeMongoStore() }
        let again = await #expect(throws: TransferError.self) { try await load(file, into: fixture) }
        guard case .unfinishedImport? = again else {
            Issue.record("\(String(describing: again))")
            return
        }
        // Dropped, it can be used again.
        try await fixture.discard()
        _ = try await load(file, into: fixture)
        await (try await fixture.makeMongoStore()).close()
        try await fixture.discard()
    }

    /// What no store lets be: here the database has the last word, and says what it was.
    @Test func whatIsThereTwiceIsRefused() async throws {
        let fixture = try await place()
        let destination = MongoDestination(url: try MongoURL(fixture.url), logger: Logger(label: "test"))
        try await destination.begin()
        let entries = try ["A-1", "a-1", "B-1"].map { sku in
            let creation = try Sample.creation(try Sample.catalogue(sku), opening: 5)
            let (product, opening) = creation.begin(at: TestClock.start)
            return (product, try #require(opening))
        }
        func product(_ product: Product) -> InventoryEntry {
            .product(ProductEntry(product: product, fingerprint: nil, movedAt: TestClock.start))
        }
        let movement = InventoryEntry.movement(MovementEntry(movement: entries[0].1, fingerprint: nil))
        try await destination.insert([product(entries[0].0), movement])
        for (doubled, text) in [
            (product(entries[0].0), "product \(entries[0].0.id.text)"),
            (product(entries[1].0), "a product with the SKU a-1"), (movement, "movement \(entries[0].1.id.text)"),
        ] {
            await #expect(throws: TransferError.doubled(text)) { try await destination.insert([doubled]) }
        }
        var archived = entries[1].0
        archived.archivedAt = archived.updatedAt
        try await destination.insert([product(archived), product(entries[2].0)])
        await destination.close()
        try await fixture.discard()
    }

    /// A store that fails it answers for a week longer than it should, or for a week less.
    @Test func outcomesKeepTheirTime() async throws {
        let fixture = try await place()
        let destination = MongoDestination(url: try MongoURL(fixture.url), logger: Logger(label: "test"))
        try await destination.begin()
        let told = SystemClock().now()
        let expiry = Timestamp(milliseconds: told.milliseconds + OutcomeEntry.lifetimeInMilliseconds)
        let product = ProductID(at: told)
        let records: [JSON] = [
            ["updated", .string(product.text)], Refusal.skuTaken(try SKU("A-1"), by: product).record,
        ]
        try await destination.insert(
            records.map { record in
                let id = OperationID(digest: (0..<32).map { _ in UInt8.random(in: 0...255) })
                return .outcome(OutcomeEntry(id: id, fingerprint: "asked", record: record, expiresAt: expiry))
            })
        #expect(try await destination.outcomeCount(expiringAfter: expiry) == 0)
        let before = Timestamp(milliseconds: expiry.milliseconds - 1)
        #expect(try await destination.outcomeCount(expiringAfter: before) == 2)
        let shell = MongoShell(url: fixture.url)
        for (collection, field) in [("outcomes", "at"), ("products", "refused_at")] {
            let found = try await shell.run(#"{"find": "\#(collection)"}"#)["cursor"]["firstBatch"].items
            try #require(found.count == 1)
            #expect(found[0][field]["$date"].string.flatMap { try? Timestamp(rfc3339: $0) } == told)
        }
        await destination.close()
        try await fixture.discard()
    }

    @Test(
        "What the database lost or changed is found",
        arguments: [
            (#"{"delete": "movements", "deletes": [{"q": {"seq": 2}, "limit": 1}]}"#, "a movement is missing"),
            (#"{"delete": "movements", "deletes": [{"q": {"seq": 3}, "limit": 1}]}"#, "a movement is missing"),
            (#"{"delete": "products", "deletes": [{"q": {"sku": "A-1"}, "limit": 1}]}"#, "does not follow its product"),
            (#"{"delete": "outcomes", "deletes": [{"q": {}, "limit": 1}]}"#, "1 outcomes in the file, 0 in"),
            (
                #"{"update": "movements", "updates": [{"q": {"seq": 2}, "u": {"$inc": {"on_hand": 1}}}]}"#,
                "wrong balance"
            ),
            (
                #"{"update": "products", "updates": [{"q": {}, "u": {"$inc": {"on_hand": 1, "available": 1}}}]}"#,
                "but its ledger ends with"
            ),
            (
                #"{"update": "products", "updates": [{"q": {}, "u": {"$set": {"description": "Another"}}}]}"#,
                "is not the same"
            ),
            (
                #"{"update": "movements", "updates": [{"q": {"seq": 2}, "u": {"$set": {"fp": "another"}}}]}"#,
                "is not the same"
            ),
        ])
    func lossIsFound(command: String, detail: String) async throws {
        let file = try await smallFile()
        let fixture = try await place()
        let destination = MongoDestination(url: try MongoURL(fixture.url), logger: Logger(label: "test"))
        let spoilt = SpoiltDestination(destination: destination) { try await MongoShell(url: fixture.url).run(command) }
        let error = await #expect(throws: TransferError.self) {
            try await FullImport(into: spoilt).read(Self.stream(file))
        }
        guard case .abandoned(.differs(let differences), _)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(differences.contains { $0.contains(detail) }, "\(differences)")
        await destination.close()
        await #expect(throws: MongoOpeningError.self) { try await fixture.makeMongoStore() }
        try await fixture.discard()
    }

    /// Changes the database behind the import's back, before it is read back.
    private struct SpoiltDestination: InventoryDestination {
        let destination: MongoDestination
        let spoil: @Sendable () async throws -> Void

        var name: String { destination.name }
        func check() async throws(TransferError) { try await destination.check() }
        func begin() async throws(TransferError) { try await destination.begin() }
        func insert(_ entries: [InventoryEntry]) async throws(TransferError) { try await destination.insert(entries) }
        func keyOwners() async throws(TransferError) -> Set<KeyOwner> { try await destination.keyOwners() }
        func finish() async throws(TransferError) { try await destination.finish() }
        func close() async {}
        func outcomeCount(expiringAfter time: Timestamp) async throws(TransferError) -> Int64 {
            try await destination.outcomeCount(expiringAfter: time)
        }
        func readBack(
            _ take: ([InventoryEntry]) async throws(TransferError) -> Void
        ) async throws(TransferError) {
            do { try await spoil() } catch { throw .destination("\(error)") }
            try await destination.readBack(take)
        }
    }

    // MARK: Afterwards

    /// Lists are merged from pages, so what is compared has come by the store's own ways.
    private func expectEqual(_ store: MongoStore, _ embedded: SQLiteStore) async throws {
        let (products, expected) = (try await products(in: store), try await products(in: embedded))
        #expect(products == expected)
        let (movements, ledger) = (try await movements(in: store), try await movements(in: embedded))
        #expect(movements.count == ledger.count && movements == ledger)
        for product in expected {
            let stock = try await store.stock(of: product.id, at: product.updatedAt)
            #expect(try await embedded.stock(of: product.id, at: product.updatedAt) == stock)
        }
        var query = ProductQuery()
        query.filter.words = ["loaded"]
        #expect(try await store.page(of: query).items == embedded.page(of: query).items)
        query.filter.words = []
        query.filter.lowStock = true
        #expect(try await store.page(of: query).items == embedded.page(of: query).items)
    }

    private func products(in store: any InventoryStore) async throws -> [Product] {
        var query = ProductQuery(sort: ProductSort(.sku), limit: Bounds.pageSize)
        query.filter.archived = .any
        return try await store.page(of: query).items
    }

    private func movements(in store: any InventoryStore) async throws -> [Movement] {
        var query = MovementQuery(limit: Bounds.pageSize)
        var movements: [Movement] = []
        repeat {
            let page = try await store.page(of: query)
            movements += page.items
            query.after = page.next
        } while query.after != nil
        return movements
    }

    /// What was moved goes on as if it had always been here.
    private func goOn(_ store: MongoStore) async throws {
        let busy = try #require(try await store.product(.sku(try SKU("BUSY"))))
        let sale = try await store.move(try Sample.purchase(1, of: .sku(try SKU("busy")), key: "after"))
        #expect(!sale.replayed && sale.movement.seq == busy.stockVersion + 1)
        #expect(sale.movement.stock.onHand == busy.stock.onHand - 1)
        await #expect(throws: InventoryError.self) {
            try await store.create(try Sample.creation(try Sample.catalogue("BUSY")))
        }
        // The SKU of what was archived is free, as is one that was given up.
        for sku in ["Gone", "R-1"] {
            _ = try await store.create(try Sample.creation(try Sample.catalogue(sku), opening: 1))
        }
        let second = try #require(try await store.product(.sku(try SKU("S-1"))))
        let archived = try await store.archive(second.id, expectedETags: [second.etag])
        #expect(archived.isArchived)
        _ = try await store.create(try Sample.creation(try Sample.catalogue("S-1"), opening: 1))
    }

    // MARK: Parts

    private func place(onReplicaSet: Bool = false) async throws -> MongoStoreFixture {
        if onReplicaSet {
            let set = try await MongoReplicaSet.shared()
            return MongoStoreFixture { set.url(database: $0) }
        }
        let server = try await MongoServer.shared()
        return MongoStoreFixture { server.url(database: $0) }
    }

    private static let noon = Timestamp(milliseconds: 1_770_000_000_000)

    private static func key(_ owner: String, scopes: Set<Scope> = [.read, .purchase]) throws -> APIKey {
        let secrets = try ["001122334455", "8899aabbccdd"].map { id in
            APIKey.Secret(
                id: try KeySecret.ID(id), digest: Array(repeating: 7, count: 32), createdAt: noon,
                endsAt: id.hasPrefix("0") ? noon : nil)
        }
        return APIKey(
            owner: try KeyOwner(owner), scopes: scopes, createdAt: noon, secrets: secrets, version: 3)
    }

    /// The file, in the pieces in which it was written.
    private func export(_ store: SQLiteStore) async throws -> [[UInt8]] {
        var pieces: [[UInt8]] = []
        try await FullExport(of: store).write { pieces.append($0) }
        return pieces
    }

    private func load(_ file: [[UInt8]], into fixture: MongoStoreFixture) async throws -> FullImport.Report {
        let destination = MongoDestination(url: try MongoURL(fixture.url), logger: Logger(label: "test"))
        let report: Result<FullImport.Report, TransferError>
        do { report = .success(try await FullImport(into: destination).read(Self.stream(file))) } catch {
            report = .failure(error)
        }
        await destination.close()
        return try report.get()
    }

    private static func stream(_ file: [[UInt8]]) -> AsyncStream<[UInt8]> {
        AsyncStream { continuation in
            for piece in file { continuation.yield(piece) }
            continuation.finish()
        }
    }

    /// Products with three movements each, and one outcome; the last piece is the end.
    private func smallFile(skus: [String] = ["A-1"], keys: [String] = []) async throws -> [[UInt8]] {
        try await withTemporaryDirectory { directory in
            let store = try SQLiteStore(path: directory + "/inventory.sqlite", logger: Logger(label: "test"))
            for sku in skus {
                let product = try await store.create(try Sample.creation(try Sample.catalogue(sku), opening: 5)).product
                for key in ["1", "2"] { _ = try await store.move(try Sample.purchase(of: .id(product.id), key: key)) }
                _ = try? await store.move(try Sample.purchase(9, of: .id(product.id), key: "3"))
            }
            for owner in keys { #expect(try await store.save(try Self.key(owner), replacing: nil)) }
            let file = try await export(store)
            await store.close()
            return file
        }
    }
}
