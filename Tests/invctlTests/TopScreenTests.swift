import Testing

@testable import invctl

@Suite("The screen of top")
struct TopScreenTests {
    private func model() -> TopModel {
        var model = TopModel(
            daemon: .init(version: "0.4.0", uptime: .seconds(273_800)),
            store: .init(description: "MongoDB 7.0, rs0", isReady: true)
        )
        let history = (0..<300).map { Optional(Double($0 % 17)) }
        model.requests = .init(
            perSecond: 3_456, history: history, reads: 3_210, writes: 146, purchases: 100, inFlight: 12)
        model.statuses = .init(successes: 3_440, clientErrors: 12, tooManyRequests: 4, serverErrors: 0)
        model.latency = .init(p50: 412_000, p90: 1_100_000, p99: 3_210_000, max: 22_000_000, history: history)
        model.cache = .init(
            condition: .ok, redis: .init(description: "Redis 7.2", latency: 310_000), tenSeconds: 0.998, minute: 0.991,
            ever: 0.972, history: history.map { $0.map { $0 / 17 } }, hits: 3_100, misses: 12, bypasses: 3, fills: 12,
            readsSpared: 3_088)
        model.purchases = .init(accepted: 97, refused: 3, history: history)
        model.process = .init(memory: 50_600_000, connections: 120)
        model.products = [.init(sku: "85123A", perSecond: 412), .init(sku: "22423", perSecond: 310)]
        return model
    }

    private func hostile() -> TopModel {
        var model = model()
        let text = Hostile.texts.joined()
        model.daemon.version = text
        model.store.description = text
        model.cache.redis?.description = text
        model.products = Hostile.texts.map { .init(sku: $0, perSecond: .infinity) }
        model.requests = .init(
            perSecond: 1e300, history: Hostile.doubles, reads: .nan, writes: -1e18, purchases: .infinity, inFlight: .min
        )
        model.latency = .init(p50: .min, p90: .max, p99: .max, max: nil, history: Hostile.doubles)
        model.cache.tenSeconds = .nan
        model.cache.history = Hostile.doubles
        model.process = .init(memory: .min, connections: .max)
        model.daemon.uptime = .seconds(Int64.max)
        model.contact = .lost(since: .seconds(Int64.max), reason: text)
        return model
    }

    private func text(_ model: TopModel, _ columns: Int, _ rows: Int) -> String {
        plain(TopScreen(model: model, size: TerminalSize(columns: columns, rows: rows)).lines).joined(separator: "\n")
    }

    @Test("fits every size", arguments: [true, false], [true, false])
    func fits(isHostile: Bool, utf8: Bool) {
        var model = isHostile ? hostile() : model()
        for (index, columns) in stride(from: 20, through: 200, by: isHostile ? 9 : 1).enumerated() {
            model.store.isReady = index % 2 == 0
            for rows in [1, 5, 12, 24, 60] {
                let size = TerminalSize(columns: columns, rows: rows)
                let lines = TopScreen(model: model, size: size, utf8: utf8).lines
                let shown = lines.map { withoutColour($0.rendered(colour: true, utf8: utf8)) }
                #expect(lines.count <= rows && !lines.isEmpty)
                #expect(shown.allSatisfy { displayWidth($0) <= columns }, "\(columns)×\(rows)")
                if !utf8 { #expect(shown.allSatisfy { $0.utf8.allSatisfy { (0x20..<0x7F).contains($0) } }) }
            }
        }
    }

    @Test("has the same in every number of rows", arguments: 5...60)
    func rows(rows: Int) {
        // Fifteen lines say all there is; the blank ones between them come together.
        let lines = TopScreen(model: model(), size: TerminalSize(columns: 80, rows: rows)).lines
        #expect(lines.count <= rows)
        #expect(lines.count >= min(rows, 15))
        if rows >= 5 { #expect(text(model(), 80, rows).contains("3,456/s")) }
    }

    @Test("bears sizes that are none")
    func noSize() {
        #expect(TopScreen(model: model(), size: TerminalSize(columns: 0, rows: 24)).lines.isEmpty)
        #expect(TopScreen(model: model(), size: TerminalSize(columns: 80, rows: -1)).lines.isEmpty)
    }

    @Test("shows all there is in 80 × 24")
    func usual() {
        let text = text(model(), 80, 24)
        for part in [
            "inventoryd 0.4.0", "up 3 d 4 h", "MongoDB 7.0, rs0", "310 µs", "3,456/s", "3,210/s", "146/s", "100/s",
            "3,440/s", "429", "412 µs", "1.1 ms", "3.2 ms", "22.0 ms", "99.8 %", "99.1 %", "97.2 %", "3,100/s",
            "spared 3,088 reads/s", "97/s", "refused 3/s", "48.3 MiB", "120 connections", "85123A", "q quit",
        ] { #expect(text.contains(part), "\(part)") }
    }

    @Test("keeps in 40 × 12 what an operator looks for first")
    func small() {
        let text = text(model(), 40, 12)
        for part in ["ready", "REQUESTS", "3,456/s", "LATENCY p99", "3.2 ms", "HIT RATE", "99.8 %", "5xx", "97/s"] {
            #expect(text.contains(part), "\(part)")
        }
        #expect(!text.contains("quit"))
    }

    @Test("draws longer courses in more width, and higher ones in more height")
    func growth() {
        func blocks(_ columns: Int, _ rows: Int) -> Int {
            text(model(), columns, rows).filter { "▁▂▃▄▅▆▇█".contains($0) }.count
        }
        #expect(blocks(120, 24) > blocks(80, 24))
        #expect(blocks(80, 40) > blocks(80, 24))
    }

    @Test("says first that the daemon is gone, and dims what it last knew")
    func lost() throws {
        var model = model()
        model.contact = .lost(since: .seconds(12), reason: "connection refused")
        for (columns, rows) in [(80, 24), (40, 12), (80, 1)] {
            let lines = TopScreen(model: model, size: TerminalSize(columns: columns, rows: rows)).lines
            let first = try #require(lines.first)
            #expect(first.plain.hasPrefix("*** NO ANSWER for 12 s: "))
            #expect(first.rendered(colour: true, utf8: true).hasPrefix("\u{1B}[1;7;31m"))
            for line in lines.dropFirst() where line.width > 0 {
                let rendered = line.rendered(colour: true, utf8: true)
                #expect(rendered.hasPrefix("\u{1B}[2m") && !rendered.contains("\u{1B}[1") && !rendered.contains("32m"))
            }
        }
    }

    @Test("puts trouble first where there is little room, and in words as well as in colours")
    func trouble() {
        var model = model()
        model.store.isReady = false
        model.cache.condition = .off
        model.cache.redis?.latency = nil
        #expect(text(model, 40, 3).contains("STORE       NOT READY"))
        #expect(text(model, 40, 3).contains("CACHE       off"))
        #expect(text(model, 80, 24).contains("does not answer"))
        model.store.isReady = true
        model.daemon.isDraining = true
        #expect(text(model, 40, 5).contains("draining"))
    }

    @Test("colours errors and refusals only where there are some")
    func alarms() {
        var model = model()
        model.statuses.tooManyRequests = 0
        func rendered() -> String {
            TopScreen(model: model, size: .usual).lines.map { $0.rendered(colour: true, utf8: true) }.joined()
        }
        #expect(!rendered().contains("31m"))
        #expect(!rendered().contains("33m"))
        model.statuses.serverErrors = 0.2
        #expect(rendered().contains("\u{1B}[1;31m0.2/s"))
    }

    @Test("tells no rate of hits where nothing was read")
    func idle() {
        var model = model()
        model.cache = .init()
        model.latency = .init()
        let text = text(model, 80, 24)
        #expect(text.contains("HIT RATE            -"))
        #expect(text.contains("CACHE       none"))
    }

    @Test("names no keys in a one-shot output")
    func oneShot() {
        let lines = TopScreen(model: model(), size: .usual, tellsKeys: false).lines
        #expect(!plain(lines).joined().contains("quit"))
    }
}
