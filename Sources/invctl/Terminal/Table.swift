/// A table without borders: what programs can cut by white space and people can read.
struct Table: Sendable {
    struct Column: Sendable {
        /// Shown in capitals.
        var title: String
        var alignment = Alignment.left

        /// Gives way when the terminal is too narrow, down to ``narrowest`` columns.
        var isFlexible = false
    }

    /// What is left of a flexible column when there is no room at all.
    static let narrowest = 8

    var columns: [Column]
    private(set) var rows: [[StyledText]] = []

    init(_ columns: [Column]) { self.columns = columns }

    /// Missing cells are blank, those beyond the last column are left out.
    mutating func append(_ cells: [StyledText]) { rows.append(cells) }

    /// - Parameters:
    ///   - width: of the terminal; nil where there is none, and then nothing is cut. A table of which the columns that
    ///     are not flexible are too wide stays too wide: cutting a SKU would tell another one.
    ///   - utf8: what a cut is shown with.
    /// - Returns: the header and the rows.
    func lines(width: Int?, utf8: Bool = true) -> [StyledText] {
        let header = columns.map { StyledText($0.title.uppercased(), .bold) }
        let widths = widths(header: header, limit: width)
        return ([header] + rows).map { cells in
            var line = StyledText()
            var start = 0
            for (index, column) in columns.enumerated() {
                let cell = index < cells.count ? cells[index] : ""
                let cut = cell.truncated(to: widths[index], ellipsis: utf8 ? "…" : "...")
                // Filled up only before something, so that no line ends in spaces.
                if cut.width > 0 {
                    line = line.padded(to: column.alignment == .left ? start : start + widths[index] - cut.width) + cut
                }
                start += widths[index] + 2
            }
            return line
        }
    }

    private func widths(header: [StyledText], limit: Int?) -> [Int] {
        var widths = header.map(\.width)
        for row in rows {
            for (index, cell) in row.prefix(widths.count).enumerated() {
                widths[index] = max(widths[index], cell.width)
            }
        }
        guard let limit else { return widths }
        var excess = widths.reduce(2 * (widths.count - 1), +) - limit
        // The widest gives way first, so that short ones stay whole.
        while excess > 0 {
            let candidates = columns.indices.filter { columns[$0].isFlexible && widths[$0] > Self.narrowest }
            guard let widest = candidates.max(by: { widths[$0] < widths[$1] }) else { break }
            let next = candidates.filter { widths[$0] < widths[widest] }.map { widths[$0] }.max() ?? Self.narrowest
            let step = min(excess, max(1, widths[widest] - max(next, Self.narrowest)))
            widths[widest] -= step
            excess -= step
        }
        return widths
    }
}
