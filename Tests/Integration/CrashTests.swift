import Foundation
import InventoryKit
import Synchronization
import TestSupport
import Testing

/// `kill -9` of the real daemon in the middle of a storm of purchases.
@Suite("Crash")
struct CrashTests {
    /// What the buyers were told before the daemon died.
    private final class Told: Sendable {
        private let state = Mutex<(purchases: [String: JSON], attempted: [String])>(([:], []))

        var purchases: [String: JSON] { state.withLock { $0.purchases } }
        var attempted: [String] { state.withLock { $0.attempted } }

        func attempt(_ key: String) { state.withLock { $0.attempted.append(key) } }
        func acknowledge(_ key: String, _ purchase: JSON) { state.withLock { $0.purchases[key] = purchase } }
    }

    /// Fails where an answer goes out before the commit, or where a key is not remembered with its effect.
    @Test("Every acknowledged purchase is there, once, after kill -9", arguments: 1...3)
    func kill(round: Int) async throws {
        try await withTemporaryDirectory { directory in
            let told = Told()
            let opening = 1_000_000
            let id: String
            do {
                let daemon = try await DaemonProcess(stateDirectory: directory)
                let client = daemon.client
                id = try await client.create("STORM", stock: opening)
                let productID = id
                await withTaskGroup(of: Void.self) { group in
                    for buyer in 0..<32 {
                        group.addTask { await Self.buy(productID, buyer, client, told) }
                    }
                    group.addTask {
                        // Somewhere in the middle, at another place each round.
                        _ = try? await eventually("purchases", every: .milliseconds(1)) {
                            told.purchases.count >= 150 * round ? () : nil
                        }
                        _ = try? await daemon.killHard()
                    }
                }
            }
            let (acknowledged, attempted) = (told.purchases, told.attempted)
            #expect(acknowledged.count >= 150 * round)

            let daemon = try await DaemonProcess(stateDirectory: directory)
            let client = daemon.client
            // The same keys again: those that were acknowledged get the same answer, the others one effect at most.
            var purchases: Set<String> = []
            for key in attempted {
                let reply = try await client.post("/v1/products/\(id)/purchase", key: key, #"{"quantity":1}"#)
                #expect(reply.status == 201)
                if let before = acknowledged[key] {
                    #expect(reply.json["purchase"] == before)
                    #expect(reply.header("Idempotent-Replayed") == "true")
                }
                if let purchase = reply.json["purchase"]["id"].string { purchases.insert(purchase) }
            }
            #expect(purchases.count == attempted.count, "two keys must not share a purchase")

            let movements = try await client.all("/v1/products/\(id)/movements?limit=200").reversed()
            #expect(movements.map { $0["seq"].int } == (1...Int64(attempted.count + 1)).map { $0 })
            var balance: Int64 = 0
            for movement in movements {
                balance += movement["delta"].int ?? 0
                #expect(movement["on_hand"].int == balance)
            }
            #expect(balance == Int64(opening - attempted.count))
            #expect(try await client.get("/v1/products/\(id)").json["stock"]["on_hand"].int == balance)
            #expect(try await daemon.stop() == 0)
        }
    }

    /// Buys one unit after another until the daemon is gone.
    private static func buy(_ id: String, _ buyer: Int, _ client: HTTPTestClient, _ told: Told) async {
        for number in 0... {
            let key = "buyer-\(buyer)-\(number)"
            told.attempt(key)
            guard let reply = try? await client.post("/v1/products/\(id)/purchase", key: key, #"{"quantity":1}"#) else {
                return
            }
            #expect(reply.status == 201)
            told.acknowledge(key, reply.json["purchase"])
        }
    }
}
