/// How far some work is.
struct Progress: Equatable, Sendable {
    /// What is being done: "seed".
    var label: String
    var done: Int

    /// nil when nobody knows.
    var total: Int?

    /// Since the start.
    var elapsed: Duration

    /// Of late (see ``RateWindow``), in things per second; nil: the mean since the start.
    var perSecond: Double?

    init(_ label: String, done: Int, total: Int? = nil, elapsed: Duration, perSecond: Double? = nil) {
        self.label = label
        self.done = max(done, 0)
        self.total = total
        self.elapsed = elapsed
        self.perSecond = perSecond
    }

    /// From 0 to 1; nil when the total is not known. Of nothing all is done.
    var fraction: Double? {
        guard let total else { return nil }
        return total > 0 ? min(Double(done) / Double(total), 1) : 1
    }

    /// In things per second, 0 while there is nothing to tell it from.
    var rate: Double {
        let seconds = elapsed / .seconds(1)
        let rate = perSecond ?? (seconds > 0 ? Double(done) / seconds : 0)
        return rate.isFinite ? max(rate, 0) : 0
    }

    /// nil when it cannot be told: no total, or no headway.
    var timeLeft: Duration? {
        guard let total, rate > 0 else { return nil }
        return .seconds(min(max(0, Double(total) - Double(done)) / rate, 1e9))
    }

    var isComplete: Bool { fraction == 1 }

    /// Whether it is time for the next line where no bar can be drawn: at the beginning, at the end, and in between at
    /// every tenth of the work or every five seconds, whichever is first.
    /// - Parameter last: what the last line told; nil before the first.
    func isDue(after last: Progress?) -> Bool {
        guard let last else { return true }
        if isComplete { return !last.isComplete }
        if elapsed - last.elapsed >= .seconds(5) { return true }
        guard let now = fraction, let then = last.fraction else { return false }
        return Int(now * 10) > Int(then * 10)
    }

    /// In one line of at most this width, the least needed left out: `seed  [#####>     ]  43 %  43,000/100,000
    /// 21,400/s  ETA 2 s`.
    func bar(width: Int, utf8: Bool = true) -> StyledText {
        let head = StyledText(label, .bold)
        let figures = figures(filledUp: true)
        guard let fraction else { return line([head] + figures, width: width, utf8: utf8) }
        let percent = StyledText(pad(wholePercent(fraction), to: 5, .right))
        // Between the parts two spaces, around the bar its brackets.
        for figures in [figures, Array(figures.prefix(2)), Array(figures.prefix(1)), []] {
            // The time left has a place of one width as well, so that the bar keeps its own.
            let slack = figures.count == 3 ? max(0, 12 - (figures.last?.width ?? 0)) : 0
            let rest = ([head, percent] + figures).reduce(slack) { $0 + $1.width + 2 }
            let room = min(width - rest - 2, 40)
            guard room >= 6 || (figures.isEmpty && room >= 3) else { continue }
            return line([head, gauge(fraction, width: room), percent] + figures, width: width, utf8: utf8)
        }
        return line([percent, head], width: width, utf8: utf8)
    }

    /// The same without a bar, for logs and pipes.
    var plainLine: StyledText {
        var parts = [StyledText(label)]
        if let fraction { parts.append(StyledText(wholePercent(fraction))) }
        return line(parts + figures(filledUp: false), width: .max, utf8: true)
    }

    /// How many, how fast, how long still; filled up, they stay in their places while they grow.
    private func figures(filledUp: Bool) -> [StyledText] {
        let number = Figures.count(done)
        let all = total.map { Figures.count($0) } ?? ""
        let count = (filledUp ? pad(number, to: displayWidth(all), .right) : number) + (total == nil ? "" : "/" + all)
        let rate = StyledText(pad(Figures.rate(rate), to: filledUp ? 9 : 0, .right))
        if isComplete { return [StyledText(count), rate, StyledText("in " + Figures.duration(elapsed))] }
        guard total != nil else { return [StyledText(count), rate] }
        return [StyledText(count), rate, StyledText("ETA " + (timeLeft.map(Figures.span) ?? "-"))]
    }

    /// Rounded down: 100 % is the end.
    private func wholePercent(_ fraction: Double) -> String { "\(Int(fraction * 100)) %" }

    private func gauge(_ fraction: Double, width: Int) -> StyledText {
        let filled = Int(fraction * Double(width))
        let head = filled < width && filled > 0 ? ">" : ""
        let bar = String(repeating: "#", count: filled - head.count) + head
        return "[" + StyledText(pad(bar, to: width), .green) + "]"
    }

    private func line(_ parts: [StyledText], width: Int, utf8: Bool) -> StyledText {
        var line = StyledText()
        for (index, part) in parts.enumerated() {
            if index > 0 { line += "  " }
            line += part
        }
        return line.truncated(to: width, ellipsis: utf8 ? "…" : "...")
    }
}

/// The rate over the last few seconds, in constant memory.
struct RateWindow: Sendable {
    private static let slots = 32
    private let length: Duration
    private var samples: [(at: Duration, done: Int)] = []

    init(length: Duration = .seconds(5)) { self.length = length }

    /// How far the work was at a time since its start. Samples closer together than a slot replace each other.
    mutating func note(done: Int, at elapsed: Duration) {
        // The newest is always moved on; it stays only when a slot has gone by since the one before it.
        if samples.count >= 2, elapsed - samples[samples.count - 2].at < length / Self.slots { samples.removeLast() }
        samples.append((elapsed, done))
        while samples.count > 2, elapsed - samples[1].at >= length || samples.count > Self.slots + 2 {
            samples.removeFirst()
        }
    }

    /// nil while there are no two times to compare.
    var perSecond: Double? {
        guard let first = samples.first, let last = samples.last, last.at > first.at else { return nil }
        return (Double(last.done) - Double(first.done)) / ((last.at - first.at) / .seconds(1))
    }
}
