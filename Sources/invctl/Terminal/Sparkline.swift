/// A course of values drawn in blocks, the newest at the right.
struct Sparkline: Sendable {
    /// The oldest first; nil where nothing was measured.
    var values: [Double?]

    /// The value of a full block; nil: the largest shown.
    var top: Double?

    init(_ values: [Double?], top: Double? = nil) {
        self.values = values
        self.top = top
    }

    private static let blocks: [Character] = Array(" ▁▂▃▄▅▆▇█")
    private static let ascii: [Character] = Array(" _.:-=+*#")

    /// In one line of exactly this width.
    func line(width: Int, utf8: Bool) -> String {
        rows(width: width, height: 1, utf8: utf8).first ?? ""
    }

    /// As a chart of several lines, the highest first. Older values than fit are left out, and what is missing is left
    /// blank.
    func rows(width: Int, height: Int, utf8: Bool) -> [String] {
        guard width > 0, height > 0 else { return Array(repeating: "", count: max(0, height)) }
        let shown = Array(repeating: nil, count: max(0, width - values.count)) + values.suffix(width)
        let top = top ?? shown.compactMap { $0 }.filter(\.isFinite).max() ?? 0
        let steps = (utf8 ? Self.blocks : Self.ascii).count - 1
        let levels = shown.map { level(of: $0, top: top, steps: steps * height) }
        let signs = utf8 ? Self.blocks : Self.ascii
        return (0..<height).reversed().map { row in
            String(levels.map { signs[min(max($0 - row * steps, 0), steps)] })
        }
    }

    /// 0 for a gap, else from 1: a zero is drawn as well, so that it differs from what was not measured.
    private func level(of value: Double?, top: Double, steps: Int) -> Int {
        guard let value, !value.isNaN else { return 0 }
        guard value > 0, top > 0 else { return 1 }
        let share = value.isFinite ? min(value / top, 1) : 1
        return 1 + Figures.whole(share * Double(steps - 1))
    }
}
