import InventoryKit
import TestSupport
import Testing

extension MongoFaultTests {
    /// `kill -9`, of daemons and of the database.
    @Suite("Kill", .serialized)
    struct Kill {
        /// Fails where an answer goes out before its write is durable, or where two daemons file the same twice.
        @Test(
            "Of two daemons in turn, at any moment under load; the other goes on, and files what was left",
            arguments: MongoDeployment.allCases)
        func daemons(_ deployment: MongoDeployment) async throws {
            let database = try await deployment.database()
            var daemons = [
                try await DaemonProcess.ready(on: database.url), try await DaemonProcess.ready(on: database.url),
            ]
            let storm = try await PurchaseStorm(at: daemons)
            let rounds = 5
            try await storm.rage {
                for round in 0..<rounds {
                    // Any moment is good, and no two runs have the same.
                    try await storm.acknowledges(Int.random(in: 20...120))
                    try await daemons[round % 2].killHard()
                    try await storm.acknowledges(Int.random(in: 20...120))
                    daemons[round % 2] = try await DaemonProcess.ready(on: database.url)
                    storm.enter(through: daemons)
                }
            }
            #expect(storm.silences >= rounds)
            try await storm.expectTruth(in: database.shell)
            for daemon in daemons { #expect(try await daemon.stop() == 0) }
        }

        @Test(
            "Of the only daemon between write and filing: the next one files it", arguments: MongoDeployment.allCases)
        func unfiled(_ deployment: MongoDeployment) async throws {
            let database = try await deployment.database()
            let daemon = try await DaemonProcess.ready(on: database.url)
            let storm = try await PurchaseStorm(at: [daemon])
            try await storm.rage {
                try await storm.acknowledges(100)
                try await eventually("unfiled movements") {
                    try await !database.shell.unfiledProducts().isEmpty ? () : nil
                }
                try await daemon.killHard()
            }
            // Nobody is there who could file them.
            #expect(try await !database.shell.unfiledProducts().isEmpty)

            let next = try await DaemonProcess.ready(on: database.url)
            storm.enter(through: [next])
            // Before anybody buys: it looks for them by itself.
            try await storm.expectFiled(in: database.shell)
            try await storm.expectTruth(in: database.shell)
            #expect(try await next.stop() == 0)
        }

        /// The moments that are too short to be met by chance: the database has done something, and the daemon dies
        /// before it can know.
        @Test(
            "Of the only daemon before it is answered", arguments: MongoWrite.allCases, MongoDeployment.allCases)
        func unanswered(_ write: MongoWrite, _ deployment: MongoDeployment) async throws {
            let database = try await deployment.database()
            let proxy = try await FaultyProxy.start(to: database.port)
            let daemon = try await DaemonProcess.ready(on: database.url(through: proxy))
            let storm = try await PurchaseStorm(at: [daemon], openings: write.openings)
            try await storm.rage {
                try await storm.acknowledges(150)
                proxy.lose(.answer, of: write.marker, times: 1_000)
                try await proxy.lost(3)
                try await daemon.killHard()
            }
            let next = try await DaemonProcess.ready(on: database.url)
            storm.enter(through: [next])
            #expect(storm.silences > 0)
            try await storm.expectTruth(in: database.shell)
            #expect(try await next.stop() == 0)
        }

        /// Fails where something is acknowledged, or filed, that is not in the journal.
        @Test("Of a standalone mongod under load, and it comes back on the same data")
        func mongod() async throws {
            try await withTemporaryDirectory { directory in
                let server = try await MongoServer.start(directory: directory)
                try await kill(server, rounds: 3, url: server.url(), shell: server.shell())
            }
        }

        @Test("Of the only member of a replica set under load, and it comes back on the same data")
        func member() async throws {
            try await withTemporaryDirectory { directory in
                let set = try await MongoReplicaSet.start(directory: directory)
                try await kill(set.members[0], rounds: 2, url: set.url(), shell: set.shell())
            }
        }

        private func kill(_ server: MongoServer, rounds: Int, url: String, shell: MongoShell) async throws {
            let daemons = [try await DaemonProcess.ready(on: url), try await DaemonProcess.ready(on: url)]
            let storm = try await PurchaseStorm(at: daemons)
            try await storm.rage {
                for _ in 0..<rounds {
                    try await storm.acknowledges(Int.random(in: 100...300))
                    try await server.killHard()
                    try await storm.fallsSilent(10)
                    try await server.restart()
                    // By itself, as soon as the database is back.
                    try await storm.acknowledges(50)
                }
            }
            try await storm.expectTruth(in: shell)
            for daemon in daemons { #expect(try await daemon.stop() == 0) }
            try await server.killHard()
        }
    }
}

/// The writes of a daemon, each of which can go wrong in its own way.
enum MongoWrite: CaseIterable, CustomTestStringConvertible {
    case oneProduct, manyProducts, filing, filingRefusals

    var testDescription: String {
        switch self {
        case .oneProduct: "a write to one product"
        case .manyProducts: "a write to several products"
        case .filing: "filing of movements"
        case .filingRefusals: "filing of refusals"
        }
    }

    /// Bytes by which the command is known: the type and the name of its first field, and what it goes to.
    var marker: String {
        switch self {
        case .oneProduct: "\u{2}findAndModify\u{0}"
        case .manyProducts: "\u{2}update\u{0}\u{9}\u{0}\u{0}\u{0}products"
        case .filing: "\u{2}insert\u{0}\u{A}\u{0}\u{0}\u{0}movements"
        case .filingRefusals: "\u{2}insert\u{0}\u{9}\u{0}\u{0}\u{0}outcomes"
        }
    }

    var isFiling: Bool { self == .filing || self == .filingRefusals }

    /// Stock with which a storm has the daemon send such a write.
    var openings: [Int64] {
        switch self {
        case .oneProduct: [400]
        case .manyProducts, .filing, .filingRefusals: [1_000_000, 1_000_000, 40]
        }
    }
}
