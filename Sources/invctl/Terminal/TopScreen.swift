/// The picture of `top`: a ``TopModel`` as lines that fit a size.
///
/// Each matter has a line with its name, one figure to look at, and its course; the figures behind it stand below in
/// columns, so that they stay where they are from one picture to the next. What does not fit is left out, the least
/// needed first; with more room the courses get longer and higher.
struct TopScreen {
    var model: TopModel
    var size: TerminalSize
    var utf8 = true

    /// Whether the keys are told; not in a one-shot output.
    var tellsKeys = true

    /// The picture stands still because the user wants it to.
    var isPaused = false

    /// A line, and how much it is needed: 0 the most. Those of one rank stay or go together.
    struct Row {
        var rank: Int
        var line: StyledText
    }

    /// No line is wider than the size, and there are no more than it has rows.
    var lines: [StyledText] {
        guard size.columns > 0, size.rows > 0 else { return [] }
        var rows: [Row] = []
        // The highest courses with which everything fits; else the lowest, and then not everything does.
        for height in [3, 2, 1] {
            rows = all(chartHeight: height)
            if rows.count <= size.rows { break }
        }
        return fitting(rows).map { row in
            // The banner alone stays bright.
            let line = isLost && row.rank > 0 ? row.line.restyled(.dim) : row.line
            return line.truncated(to: size.columns, ellipsis: ellipsis)
        }
    }

    var isLost: Bool { model.contact != .live }
    var ellipsis: String { utf8 ? "…" : "..." }

    private func all(chartHeight: Int) -> [Row] {
        let space = [Row(rank: 40, line: "")]
        return banner + header + space + requests(chartHeight) + space + latency(chartHeight) + space
            + hitRate(chartHeight) + space + purchases(chartHeight) + space + process + products
            + (tellsKeys ? space + [Row(rank: 30, line: footer)] : [])
    }

    private func fitting(_ rows: [Row]) -> [Row] {
        var left = size.rows
        var kept: Set<Int> = []
        for rank in Set(rows.map(\.rank)).sorted() {
            let count = rows.count { $0.rank == rank }
            guard count <= left else { continue }
            left -= count
            kept.insert(rank)
        }
        return rows.filter { kept.contains($0.rank) }
    }

    // MARK: The state

    private var banner: [Row] {
        guard case .lost(let since, let reason) = model.contact else { return [] }
        let text = "*** NO ANSWER for \(Figures.span(since)): \(reason). These are the last figures. ***"
        let line = StyledText(pad(printable(text), to: size.columns), [.bold, .red, .reverse])
        return [Row(rank: 0, line: line)]
    }

    private var header: [Row] {
        let daemon = model.daemon
        let state =
            isLost
            ? StyledText("no answer", [.bold, .red])
            : !model.store.isReady
                ? StyledText("NOT READY", [.bold, .red])
                : daemon.isDraining ? StyledText("draining", [.bold, .yellow]) : StyledText("ready", .green)
        let name = StyledText(daemon.name, .bold) + " " + StyledText(daemon.version)
        let uptime = StyledText("  up ", .dim) + StyledText(Figures.span(daemon.uptime))
        // The state is what the line is looked at for; the name gives way to it.
        let room = size.columns - state.width - 2
        let left = (name.width + uptime.width <= room ? name + uptime : name).truncated(to: room, ellipsis: ellipsis)
        let title = left.padded(to: room) + "  " + state
        let storeState = model.store.isReady ? StyledText("ready", .green) : StyledText("NOT READY", [.bold, .red])
        return [
            Row(rank: 1, line: title),
            Row(
                rank: model.store.isReady ? 8 : 2,
                line: stated("STORE", storeState, StyledText(model.store.description))
            ),
            Row(rank: model.cache.condition == .off ? 3 : 9, line: stated("CACHE", cacheState, redis)),
        ]
    }

    private var cacheState: StyledText {
        switch model.cache.condition {
        case .ok: StyledText("ok", .green)
        case .off: StyledText("off", [.bold, .yellow])
        case .none: StyledText("none", .dim)
        }
    }

    private var redis: StyledText {
        guard let redis = model.cache.redis else { return "" }
        guard let latency = redis.latency else {
            return StyledText("does not answer", [.bold, .yellow]) + StyledText("  " + redis.description)
        }
        return StyledText(Figures.duration(nanoseconds: latency)) + StyledText("  " + redis.description)
    }

    private func stated(_ name: String, _ state: StyledText, _ rest: StyledText) -> StyledText {
        let head = label(name) + state.padded(to: figureWidth)
        return size.columns - head.width >= 8 ? head + "  " + rest : head
    }

    // MARK: The matters

    private func requests(_ height: Int) -> [Row] {
        let requests = model.requests
        let statuses = model.statuses
        return matter(
            "REQUESTS", rank: 4, height: height, figure: rate(requests.perSecond),
            course: Sparkline(requests.history), tail: peak(requests.history).map { ("peak", Figures.rate($0)) }
        )
            + cells(
                [
                    TopCell("2xx", rate: statuses.successes), TopCell("4xx", rate: statuses.clientErrors),
                    TopCell("429", rate: statuses.tooManyRequests, alarm: .yellow),
                    TopCell("5xx", rate: statuses.serverErrors, alarm: [.bold, .red]),
                ], rank: 10)
            + cells(
                [
                    TopCell("read", rate: requests.reads), TopCell("write", rate: requests.writes),
                    TopCell("buy", rate: requests.purchases), TopCell("in flight", count: requests.inFlight),
                ], rank: 13)
    }

    private func latency(_ height: Int) -> [Row] {
        let latency = model.latency
        return matter(
            isNarrow ? "P99" : "LATENCY p99", rank: 5, height: height,
            figure: StyledText(TopCell.duration(latency.p99), .bold),
            course: Sparkline(latency.history),
            tail: peak(latency.history).map { ("peak", Figures.duration(nanoseconds: Figures.whole($0))) }
        )
            + cells(
                [
                    TopCell("p50", duration: latency.p50), TopCell("p90", duration: latency.p90),
                    TopCell("p99", duration: latency.p99), TopCell("max", duration: latency.max),
                ], rank: 12)
    }

    private func hitRate(_ height: Int) -> [Row] {
        let cache = model.cache
        let rate = cache.tenSeconds ?? .nan
        let style: Style = !rate.isFinite ? .dim : rate >= 0.9 ? .green : rate >= 0.5 ? .yellow : .red
        let spared = String(Figures.rate(cache.readsSpared).prefix { $0 != "/" })
        let more = hasTails ? [] : [TopCell("spared", rate: cache.readsSpared)]
        return matter(
            "HIT RATE", rank: 6, height: min(height, 2), figure: StyledText(Figures.percent(rate), [.bold, style]),
            course: Sparkline(cache.history, top: 1), tail: ("spared", spared + " reads/s")
        )
            + cells(
                [
                    TopCell("10 s", fraction: cache.tenSeconds), TopCell("1 min", fraction: cache.minute),
                    TopCell("ever", fraction: cache.ever),
                ] + more, rank: 14)
            + cells(
                [
                    TopCell("hit", rate: cache.hits), TopCell("miss", rate: cache.misses),
                    TopCell("bypass", rate: cache.bypasses), TopCell("fill", rate: cache.fills),
                ], rank: 16)
    }

    private func purchases(_ height: Int) -> [Row] {
        let purchases = model.purchases
        let refused = Figures.rate(purchases.refused)
        return matter(
            "PURCHASES", rank: 7, height: height, figure: rate(purchases.accepted),
            course: Sparkline(purchases.history), tail: ("refused", refused)
        ) + (hasTails ? [] : cells([TopCell("refused", rate: purchases.refused)], rank: 15))
    }

    private var process: [Row] {
        let process = model.process
        let memory = process.memory.map { Figures.bytes($0) } ?? "-"
        let line =
            label("PROCESS") + StyledText(memory, .bold).padded(to: figureWidth, .right) + "  "
            + StyledText(Figures.count(process.connections)) + StyledText(" connections", .dim)
        return [Row(rank: 18, line: line)]
    }

    private var products: [Row] {
        guard !model.products.isEmpty else { return [] }
        let rows = cells(model.products.prefix(10).map { TopCell($0.sku, rate: $0.perSecond) }, rank: 20)
        return rows.enumerated().map { index, row in
            Row(rank: row.rank, line: (index == 0 ? label("PRODUCTS") : label("")) + row.line)
        }
    }

    private var footer: StyledText {
        StyledText("q", .bold) + StyledText(" quit  ", .dim) + StyledText("p", .bold)
            + (isPaused ? StyledText(" go on  ", .dim) + StyledText("paused", .yellow) : StyledText(" pause", .dim))
    }

    private func peak(_ history: [Double?]) -> Double? { history.compactMap { $0 }.filter(\.isFinite).max() }
}
