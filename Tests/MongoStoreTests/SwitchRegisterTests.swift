import InventoryKit
import Logging
import StoreContract
import TestSupport
import Testing

@testable import MongoStore

/// The switch's document, on a server of its own and on a replica set.
@Suite("The switch's document in MongoDB", .serialized)
struct SwitchRegisterTests {
    enum Deployment: CaseIterable, Sendable {
        case standalone, replicaSet
    }

    @Test(
        "A look makes a document that is off, and changes nothing of one that is there", arguments: Deployment.allCases)
    func look(_ deployment: Deployment) async throws {
        try await withRegister(deployment) { register in
            let made = try await register.apply(.look(generationIfNew: "-/1", claimIfNew: "-/2"))
            #expect(made == SwitchDocument(generation: "-/1", claim: "-/2", beat: 1))
            let seen = try await register.apply(.look(generationIfNew: "-/3", claimIfNew: "-/4"))
            #expect(seen == SwitchDocument(generation: "-/1", claim: "-/2", beat: 2))
        }
    }

    @Test("A veto switches off, and makes a document where there is none", arguments: Deployment.allCases)
    func veto(_ deployment: Deployment) async throws {
        try await withRegister(deployment) { register in
            let made = try await register.apply(.veto(claim: "r/1", generationIfNew: "-/1"))
            #expect(made == SwitchDocument(generation: "-/1", claim: "r/1", beat: 1))
            _ = try await register.apply(.turnOn(claimSeen: "r/1", generation: "r/2"))
            let off = try await register.apply(.veto(claim: "-/3", generationIfNew: "-/3"))
            #expect(off == SwitchDocument(generation: "r/2", claim: "-/3", beat: 3))
        }
    }

    @Test("Only who has seen the last claim switches on", arguments: Deployment.allCases)
    func turnOn(_ deployment: Deployment) async throws {
        try await withRegister(deployment) { register in
            #expect(try await register.apply(.turnOn(claimSeen: "r/1", generation: "r/2")) == nil, "there is none")
            _ = try await register.apply(.veto(claim: "r/1", generationIfNew: "-/1"))
            #expect(try await register.apply(.turnOn(claimSeen: "r/0", generation: "r/2")) == nil)
            let on = try await register.apply(.turnOn(claimSeen: "r/1", generation: "r/2"))
            #expect(on == SwitchDocument(generation: "r/2", claim: "", beat: 2))
            #expect(on?.isOn == true)
            #expect(try await register.apply(.turnOn(claimSeen: "r/1", generation: "r/3")) == nil)
            let seen = try await register.apply(.look(generationIfNew: "-/4", claimIfNew: "-/4"))
            #expect(seen?.generation == "r/2")
        }
    }

    @Test("Of many who switch on at once, one does", arguments: Deployment.allCases)
    func oneWins(_ deployment: Deployment) async throws {
        try await withRegister(deployment) { register in
            for round in 0..<5 {
                _ = try await register.apply(.veto(claim: "r/\(round)", generationIfNew: "-/1"))
                let winners = try await withThrowingTaskGroup(of: SwitchDocument?.self) { group in
                    for caller in 0..<8 {
                        group.addTask {
                            try await register.apply(
                                .turnOn(claimSeen: "r/\(round)", generation: "r/\(round)-\(caller)"))
                        }
                    }
                    return try await group.reduce(into: [SwitchDocument]()) { all, one in if let one { all.append(one) }
                    }
                }
                #expect(winners.count == 1)
                let seen = try await register.apply(.look(generationIfNew: "-/2", claimIfNew: "-/2"))
                #expect(seen?.generation == winners.first?.generation)
            }
        }
    }

    @Test("Of many who look first at once, all see the same document", arguments: Deployment.allCases)
    func firstLooks(_ deployment: Deployment) async throws {
        try await withRegister(deployment) { register in
            let seen = try await withThrowingTaskGroup(of: SwitchDocument?.self) { group in
                for caller in 0..<8 {
                    group.addTask {
                        try await register.apply(.look(generationIfNew: "-/\(caller)", claimIfNew: "-/\(caller)"))
                    }
                }
                return try await group.reduce(into: [SwitchDocument]()) { all, one in if let one { all.append(one) } }
            }
            #expect(seen.count == 8)
            #expect(Set(seen.map(\.generation)).count == 1)
            #expect(Set(seen.map(\.beat)) == Set(1...8))
        }
    }

    @Test("A document that somebody has spoilt is off, and is put right by a veto and a turn")
    func spoilt() async throws {
        let server = try await MongoServer.shared()
        let fixture = MongoStoreFixture { server.url(database: $0) }
        let store = try store(fixture)
        _ = try await MongoShell(url: fixture.url).run(
            #"{"insert": "meta", "documents": [{"_id": "cache", "gen": 7}]}"#)
        let seen = try #require(try await store.apply(.look(generationIfNew: "-/1", claimIfNew: "-/1")))
        #expect(!seen.isOn)
        _ = try await store.apply(.veto(claim: "r/1", generationIfNew: "-/2"))
        let on = try await store.apply(.turnOn(claimSeen: "r/1", generation: "r/2"))
        #expect(on == SwitchDocument(generation: "r/2", claim: "", beat: 3))
        await store.close()
        try await fixture.discard()
    }

    @Test("Without a server it fails within its time")
    func unreachable() async throws {
        let store = MongoStore(
            url: try MongoURL("mongodb://127.0.0.1:\(FreePort.any())/test"), logger: Logger(label: "test"))
        await #expect(throws: InventoryError.unavailable(.outOfReach)) {
            try await store.apply(.look(generationIfNew: "-/1", claimIfNew: "-/1"))
        }
        await store.close()
    }

    // MARK: Parts

    /// A store that is not prepared: the document does not wait for that.
    private func store(_ fixture: MongoStoreFixture) throws -> MongoStore {
        MongoStore(url: try MongoURL(fixture.url), connections: 1, logger: Logger(label: "test"))
    }

    private func withRegister(
        _ deployment: Deployment, _ body: (any CacheSwitchRegister) async throws -> Void
    ) async throws {
        let fixture: MongoStoreFixture
        switch deployment {
        case .standalone:
            let server = try await MongoServer.shared()
            fixture = MongoStoreFixture { server.url(database: $0) }
        case .replicaSet:
            let set = try await MongoReplicaSet.shared()
            fixture = MongoStoreFixture { set.url(database: $0) }
        }
        let store = try store(fixture)
        try await body(store)
        await store.close()
        try await fixture.discard()
    }
}
