import InventoryKit
import Synchronization
import TestSupport
import Testing

extension MongoFaultTests {
    /// A replica set of three that loses its primary.
    @Suite("Failover", .serialized)
    struct Failover {
        /// Fails where a write that is sent again to the next primary is done twice.
        @Test("The primary is stepped down and then killed under load")
        func primary() async throws {
            try await withTemporaryDirectory { directory in
                let set = try await MongoReplicaSet.start(directory: directory, members: 3)
                let daemons = [
                    try await DaemonProcess.ready(on: set.url()), try await DaemonProcess.ready(on: set.url()),
                ]
                let storm = try await PurchaseStorm(at: daemons)
                try await storm.rage {
                    try await storm.acknowledges(200)
                    try await set.stepDown()
                    try await storm.acknowledges(200)
                    let dead = try await set.killPrimary()
                    try await storm.acknowledges(200)
                    try await dead.restart()
                    try await set.awaitFollowers()
                    try await storm.acknowledges(100)
                    try await set.stepDown()
                    try await storm.acknowledges(100)
                }
                #expect(storm.history.acknowledged >= 500)
                try await storm.expectTruth(in: set.shell())
                for daemon in daemons { #expect(try await daemon.stop() == 0) }
                for member in set.members { try await member.killHard() }
            }
        }

        /// Fails where a write counts as done before a majority has it: what the old primary took alone is undone when
        /// it comes back.
        @Test("The primary is cut off from the others, and one daemon still reaches it")
        func deposed() async throws {
            try await withTemporaryDirectory { directory in
                let proxies = Mutex<[Int: FaultyProxy]>([:])
                let set = try await MongoReplicaSet.start(directory: directory, members: 3) { server in
                    let proxy = try await FaultyProxy.start(to: server.port)
                    proxies.withLock { $0[server.port] = proxy }
                    return proxy.port
                }
                let old = try await set.primary()
                let way = try #require(proxies.withLock { $0[old.port] })
                let follower = try await DaemonProcess.ready(on: set.url())
                let faithful = try await DaemonProcess.ready(on: old.url())
                let storm = try await PurchaseStorm(at: [follower, faithful])
                try await storm.rage {
                    try await storm.acknowledges(200)
                    try await way.refuse()
                    try await way.cut()
                    _ = try await set.primary(other: old)
                    try await storm.acknowledges(100)
                    try await storm.fallsSilent(10)
                    storm.enter(through: [follower])
                    try await way.accept()
                    try await set.awaitFollowers()
                    try await storm.acknowledges(100)
                }
                try await storm.expectTruth(in: set.shell())
                for daemon in [follower, faithful] {
                    let code = try await daemon.stop()
                    #expect(code == 0, "\(daemon.log.filter { !$0.contains(#""level":"info""#) }.suffix(20))")
                }
                for member in set.members { try await member.killHard() }
            }
        }
    }
}
