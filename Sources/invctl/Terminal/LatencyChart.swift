extension LatencyHistogram {
    /// Bars of how many took how long, on a logarithmic axis, and the percentiles below.
    ///
    /// Each row stands for the durations from its own up to the next one's; the row that holds a percentile says so.
    /// The axis is as fine as the height allows.
    func draw(width: Int, height: Int, utf8: Bool = true) -> [StyledText] {
        guard count > 0, width > 0, height > 0 else { return height > 0 ? ["nothing recorded"] : [] }
        let rows = rows(atMost: height - 1)
        let most = rows.map(\.count).max() ?? 0
        let labels = rows.map { Figures.duration(nanoseconds: $0.start) }
        let counts = rows.map { Figures.count($0.count) }
        let labelWidth = labels.map(displayWidth).max() ?? 0
        let countWidth = counts.map(displayWidth).max() ?? 0
        let marks = rows.indices.map { percentiles(in: rows, at: $0) }
        // Two spaces between the parts; a percentage has at most seven characters.
        let fixed = labelWidth + 2 + 2 + countWidth + 2 + 7 + 2 + (marks.map(\.count).max() ?? 0)
        let barWidth = Swift.max(width - fixed, 4)
        let lines = rows.indices.map { index -> StyledText in
            let bar = bar(share: Double(rows[index].count) / Double(Swift.max(most, 1)), width: barWidth, utf8: utf8)
            let percent = Figures.percent(Double(rows[index].count) / Double(count))
            var line = StyledText(pad(labels[index], to: labelWidth, .right), .dim) + "  "
            line += StyledText(pad(bar, to: barWidth), .cyan) + "  "
            line += StyledText(pad(counts[index], to: countWidth, .right)) + "  "
            line += StyledText(pad(percent, to: 7, .right), .dim)
            return marks[index].isEmpty ? line : line + "  " + StyledText(marks[index], .bold)
        }
        return (lines + [summary(width: width)]).map { $0.truncated(to: width, ellipsis: utf8 ? "…" : "...") }
    }

    /// Percentiles, the largest, how many and their mean: as many of these as fit, but at least the first.
    func summary(width: Int) -> StyledText {
        var parts = [("p50", 50), ("p90", 90), ("p99", 99), ("p99.9", 99.9), ("max", 100)].map { name, percent in
            (name, Figures.duration(nanoseconds: percentile(percent) ?? 0))
        }
        parts.append(("count", Figures.count(count)))
        parts.append(("mean", Figures.duration(nanoseconds: Figures.whole(mean ?? 0))))
        var line = StyledText()
        for (name, figure) in parts {
            let part = StyledText(name + " ", .dim) + StyledText(figure, .bold)
            guard line.width > 0 else {
                line = part
                continue
            }
            guard line.width + 2 + part.width <= width else { break }
            line += "  " + part
        }
        return line
    }

    private struct Row {
        /// In nanoseconds, belonging to the row.
        var start: Int
        var count: Int
    }

    /// Steps of a decade in round figures, the finest first.
    private static let scales: [[Double]] = [
        [1, 1.2, 1.6, 2, 2.5, 3.2, 4, 5, 6.4, 8], [1, 1.6, 2.5, 4, 6.4], [1, 2, 5], [1, 3.2], [1],
    ]

    /// - Returns: at least one row; more than asked for only where even decades do not fit.
    private func rows(atMost limit: Int) -> [Row] {
        var rows: [Row] = []
        for scale in Self.scales {
            rows = self.rows(scale: scale)
            if rows.count <= limit { break }
        }
        // The slowest are what one looks for, so the fastest share a row.
        while rows.count > Swift.max(limit, 1) {
            rows[0].count += rows.remove(at: 1).count
        }
        return rows
    }

    private func rows(scale: [Double]) -> [Row] {
        let buckets = buckets
        var rows: [Row] = []
        var next = buckets.startIndex
        // Up to 10^19 ns, beyond the largest there is.
        let edges = (2...18).flatMap { decade in scale.map { Int(($0 * power(decade - 1)).rounded()) * 10 } }
        for (start, end) in zip([0] + edges, edges + [.max]) {
            var number = 0
            while next < buckets.endIndex, buckets[next].nanoseconds < end || end == .max {
                number += buckets[next].count
                next += 1
            }
            if number > 0 || !rows.isEmpty { rows.append(Row(start: start, count: number)) }
            if next == buckets.endIndex { break }
        }
        return rows
    }

    private func power(_ exponent: Int) -> Double {
        (0..<exponent).reduce(1) { power, _ in power * 10 }
    }

    private func percentiles(in rows: [Row], at index: Int) -> String {
        let end = index + 1 < rows.count ? rows[index + 1].start : .max
        let start = index == 0 ? 0 : rows[index].start
        return [50.0, 90, 99].filter { percent in
            guard let value = percentile(percent) else { return false }
            return value >= start && (value < end || end == .max)
        }
        .map { "p\(Int($0))" }.joined(separator: " ")
    }

    private func bar(share: Double, width: Int, utf8: Bool) -> String {
        guard share > 0 else { return "" }
        guard utf8 else { return String(repeating: "#", count: Swift.max(1, Figures.whole(share * Double(width)))) }
        let eighths = Swift.max(1, Figures.whole(share * Double(width * 8)))
        let rest = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8]
        return String(repeating: "█", count: eighths / 8) + rest
    }
}
