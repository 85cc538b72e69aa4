import InventoryKit
import Testing

extension StoreContract {
    static let preconditions = [
        Clause("If-Match: a revision happens in a state that was named, and in no other", etagsAreHonoured),
        Clause("A revision based on a catalogue version does not mind what was sold", versionIgnoresStock),
        Clause("A document that claims another stock is refused", claimedStockMustAgree),
        Clause("If-Match: an archiving happens in a state that was named, and in no other", archivingHonoursETags),
    ]

    /// A store that fails it overwrites what somebody else has written meanwhile.
    package func etagsAreHonoured() async throws {
        let seen = try await given("A-1", opening: 5)
        let sold = try await store.move(try Sample.purchase(of: .id(seen.id))).product
        #expect(sold.etag == ETag(version: 1, stockVersion: 2))

        func revision(_ name: String, in states: [ETag]) throws -> Revision {
            Revision(id: seen.id, change: .merge(try Sample.change(name: name)), expectedETags: states)
        }
        for states in [[seen.etag], [ETag(version: 2, stockVersion: 2), seen.etag], []] {
            #expect(
                await revise(try revision("Wrong", in: states)) == .failure(.preconditionFailed(current: sold.etag))
            )
        }
        #expect(try await store.product(.id(seen.id)) == sold)

        let revised = try await store.revise(try revision("Right", in: [seen.etag, sold.etag]))
        #expect(revised.catalogue.name.text == "Right" && revised.etag == ETag(version: 2, stockVersion: 2))
        #expect(
            await revise(try revision("Again", in: [sold.etag])) == .failure(.preconditionFailed(current: revised.etag))
        )
        #expect(try await store.product(.id(seen.id)) == revised)
    }

    /// A store that fails it makes a product that sells every second impossible to edit, or lets edits be lost.
    package func versionIgnoresStock() async throws {
        let seen = try await given("A-1", opening: 5)
        let sold = try await store.move(try Sample.purchase(of: .id(seen.id))).product
        var revision = Revision(id: seen.id, change: .merge(try Sample.change(name: "New")), expectedVersion: 1)
        let revised = try await store.revise(revision)
        #expect(revised.version == 2 && revised.stock == sold.stock && revised.stockVersion == 2)
        for version: Int64 in [1, 3, 0, .max] {
            revision.expectedVersion = version
            #expect(await revise(revision) == .failure(.preconditionFailed(current: revised.etag)))
        }
        #expect(try await store.product(.id(seen.id)) == revised)
    }

    /// A store that fails it accepts a document with a stock that it then ignores.
    package func claimedStockMustAgree() async throws {
        let before = try await given("A-1", opening: 5)
        var revision = Revision(id: before.id, change: .merge(try Sample.change(name: "New")))
        for claim in [
            Revision.ClaimedStock(onHand: 6), Revision.ClaimedStock(onHand: 5, reserved: 1),
            Revision.ClaimedStock(available: 4),
        ] {
            revision.claimedStock = claim
            #expect(await revise(revision) == .failure(.refused(.useAdjust(current: before.stock), replayed: false)))
        }
        #expect(try await store.product(.id(before.id)) == before)

        revision.claimedStock = Revision.ClaimedStock(onHand: 5, reserved: 0, available: 5)
        let after = try await store.revise(revision)
        #expect(after.version == 2 && after.stock == before.stock && after.stockVersion == 1)
    }

    /// A store that fails it archives a product that has changed since somebody decided to.
    package func archivingHonoursETags() async throws {
        let seen = try await given("A-1", opening: 5)
        let sold = try await store.move(try Sample.purchase(of: .id(seen.id))).product
        for states in [[seen.etag], []] {
            #expect(
                await archive(seen.id, expectedETags: states) == .failure(.preconditionFailed(current: sold.etag))
            )
        }
        #expect(try await product(sku: "A-1") == sold)
        let archived = try await store.archive(seen.id, expectedETags: [seen.etag, sold.etag])
        #expect(archived.isArchived)
        #expect(try await store.product(.id(seen.id)) == archived)
    }
}
