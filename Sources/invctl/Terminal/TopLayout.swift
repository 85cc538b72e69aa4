/// A figure with its name, in a column of figures.
struct TopCell {
    var name: String
    var figure: String
    /// For where the other does not fit.
    var short: String
    var style: Style

    init(_ name: String, figure: String, short: String? = nil, style: Style = []) {
        self.name = name
        self.figure = figure
        self.short = short ?? figure
        self.style = style
    }

    /// - Parameter alarm: how it looks unless it is zero.
    init(_ name: String, rate: Double, alarm: Style = []) {
        self.init(
            name, figure: Figures.rate(rate), short: Figures.shortRate(rate), style: rate > 0 ? alarm : []
        )
    }

    init(_ name: String, count: Int) {
        self.init(name, figure: Figures.count(count), short: Figures.short(Double(count)))
    }

    init(_ name: String, duration: Int?) { self.init(name, figure: Self.duration(duration)) }

    init(_ name: String, fraction: Double?) { self.init(name, figure: Figures.percent(fraction ?? .nan)) }

    static func duration(_ nanoseconds: Int?) -> String {
        nanoseconds.map { Figures.duration(nanoseconds: $0) } ?? "-"
    }

    /// The name at the left, the figure at the right.
    func text(width: Int, ellipsis: String) -> StyledText {
        let figure = displayWidth(name) + 1 + displayWidth(figure) <= width ? figure : short
        let room = width - displayWidth(figure) - 1
        return StyledText(name, .dim).truncated(to: room, ellipsis: ellipsis).padded(to: room) + " "
            + StyledText(figure, style)
    }
}

extension TopScreen {
    var isNarrow: Bool { size.columns < 30 }
    var labelWidth: Int { isNarrow ? 10 : 12 }
    var figureWidth: Int { 9 }
    private var tailWidth: Int { 22 }

    /// Room at the right of the courses for one figure more.
    var hasTails: Bool { size.columns >= 76 }

    func label(_ name: String) -> StyledText {
        StyledText(name, [.bold, .cyan]).padded(to: labelWidth)
    }

    func rate(_ perSecond: Double) -> StyledText {
        let long = Figures.rate(perSecond)
        return StyledText(displayWidth(long) <= figureWidth ? long : Figures.shortRate(perSecond), .bold)
    }

    /// The line of a matter, and those its course takes below when it is higher than one.
    func matter(
        _ name: String, rank: Int, height: Int, figure: StyledText, course: Sparkline, tail: (String, String)?
    ) -> [Row] {
        let head = label(name) + figure.padded(to: figureWidth, .right)
        let room = size.columns - head.width - 2 - (hasTails ? tailWidth + 2 : 0)
        // A course that is too short tells nothing.
        guard room >= 6 else { return [Row(rank: rank, line: head)] }
        let courses = course.rows(width: room, height: height, utf8: utf8)
        return courses.enumerated().map { index, course in
            var line = index == 0 ? head : StyledText().padded(to: head.width)
            line += "  " + StyledText(course, .cyan)
            if index == 0, hasTails, let tail {
                line += "  " + StyledText(tail.0 + " ", .dim) + StyledText(tail.1)
            }
            return Row(rank: rank, line: line)
        }
    }

    /// Figures in as many columns as there is room for, row by row, each row needed less than the one before.
    func cells(_ cells: [TopCell], rank: Int) -> [Row] {
        let isProducts = rank == 20
        let indent = hasTails || isProducts ? labelWidth : 2
        let gap = hasTails ? 3 : 2
        let perRow = max(1, min(5, (size.columns - indent + gap) / (12 + gap)))
        let width = max(8, min(20, (size.columns - indent + gap) / perRow - gap))
        return stride(from: 0, to: cells.count, by: perRow).enumerated().map { index, start in
            var line = StyledText().padded(to: isProducts ? 0 : indent)
            for (place, cell) in cells[start..<min(start + perRow, cells.count)].enumerated() {
                if place > 0 { line += StyledText().padded(to: gap) }
                line += cell.text(width: width, ellipsis: ellipsis)
            }
            return Row(rank: rank, line: line)
        }
    }
}
