import InventoryKit
import TestSupport
import Testing

extension MongoFaultTests {
    /// A network between the daemon and the database that cuts, delays and loses.
    @Suite("Network", .serialized)
    struct Network {
        @Test("Connections are cut under load, again and again", arguments: MongoDeployment.allCases)
        func cut(_ deployment: MongoDeployment) async throws {
            try await storm(on: deployment) { storm, proxy in
                for _ in 0..<6 {
                    try await storm.acknowledges(Int.random(in: 20...80))
                    try await proxy.cut()
                }
                try await proxy.refuse()
                try await proxy.cut()
                try await storm.fallsSilent(10)
                try await proxy.accept()
                try await storm.acknowledges(50)
            }
        }

        @Test("Everything is slow, and then slower than anybody waits", arguments: MongoDeployment.allCases)
        func delay(_ deployment: MongoDeployment) async throws {
            try await storm(on: deployment) { storm, proxy in
                proxy.delay(.milliseconds(25))
                try await storm.acknowledges(60)
                // Writes arrive when the daemon has given up the connection and sent them again.
                proxy.delay(DaemonProcess.mongoTimeout * 0.7)
                try await storm.fallsSilent(30)
                try await proxy.pass()
                try await storm.acknowledges(60)
            }
        }

        @Test(
            "The answers to writes are lost, or the writes", arguments: MongoWrite.allCases, MongoDeployment.allCases)
        func lose(_ write: MongoWrite, _ deployment: MongoDeployment) async throws {
            try await storm(on: deployment, openings: write.openings, isAlone: write.isFiling) { storm, proxy in
                var lost = 0
                // More than once in a row: what is sent again is lost as well.
                for (loss, times) in [(FaultyProxy.Loss.answer, 2), (.request, 2), (.answer, 1)] {
                    try await storm.acknowledges(30)
                    proxy.lose(loss, of: write.marker, times: times)
                    lost += times
                    try await proxy.lost(lost)
                }
                try await storm.acknowledges(30)
            }
        }

        /// Nothing that was held may do harm when it comes through late.
        @Test("Everything is swallowed, and comes through when nobody expects it", arguments: MongoDeployment.allCases)
        func hold(_ deployment: MongoDeployment) async throws {
            try await storm(on: deployment) { storm, proxy in
                for _ in 0..<2 {
                    try await storm.acknowledges(50)
                    proxy.blackHole()
                    try await storm.fallsSilent(24)
                    try await proxy.pass()
                    try await storm.acknowledges(50)
                }
            }
        }

        /// A storm over one daemon that reaches the database by a proxy, and another that does without.
        ///
        /// - Parameter isAlone: without the other, which might do what the one fails to do.
        private func storm(
            on deployment: MongoDeployment, openings: [Int64] = [1_000_000, 1_000_000, 40], isAlone: Bool = false,
            _ body: (PurchaseStorm, FaultyProxy) async throws -> Void
        ) async throws {
            let database = try await deployment.database()
            let proxy = try await FaultyProxy.start(to: database.port)
            var daemons = [try await DaemonProcess.ready(on: database.url(through: proxy))]
            if !isAlone { daemons.append(try await DaemonProcess.ready(on: database.url)) }
            let storm = try await PurchaseStorm(at: daemons, openings: openings)
            try await storm.rage { try await body(storm, proxy) }
            try await storm.expectTruth(in: database.shell)
            for daemon in daemons { #expect(try await daemon.stop() == 0) }
        }
    }
}
