import InventoryKit

/// Where a command writes: answers to standard output in the mode asked for, everything else to standard error.
struct Console: Sendable {
    let output: Terminal
    let errors: Terminal
    let mode: OutputMode
    let isQuiet: Bool

    init(mode: OutputMode, colour: ColourChoice, isQuiet: Bool) {
        output = Terminal(descriptor: 1, colour: colour)
        errors = Terminal(descriptor: 2, colour: colour)
        self.mode = mode
        self.isQuiet = isQuiet
    }

    // MARK: Answers

    /// One thing.
    func write(_ record: Record) throws {
        switch mode {
        case .table, .wide:
            let fields = record.fields.filter { mode == .wide || !$0.isWide }
            let width = fields.map { displayWidth($0.title) }.max() ?? 0
            try output.write(fields.map { StyledText($0.title, .bold).padded(to: width) + "  " + $0.text })
        case .json, .jsonl: try write(record.json)
        case .csv: try writeCSV([record], titles: record)
        case .name: try output.send(record.name + "\n")
        }
    }

    /// Several things of one kind.
    ///
    /// - Parameters:
    ///   - empty: told where there are none.
    ///   - example: one like them, whose titles are the header of a CSV that has no rows.
    ///   - document: what they are part of, as JSON; nothing where it is the array of them.
    func write(
        _ records: [Record], empty: String, like example: Record? = nil, document: JSON? = nil
    ) throws {
        switch mode {
        case .table, .wide:
            guard let first = records.first else { return note(empty) }
            let shown = first.fields.indices.filter { mode == .wide || !first.fields[$0].isWide }
            var table = Table(
                shown.map { index in
                    let field = first.fields[index]
                    return Table.Column(title: field.title, alignment: field.alignment, isFlexible: field.isFlexible)
                })
            for record in records { table.append(shown.map { record.fields[$0].text }) }
            try output.write(table.lines(width: output.tableWidth, utf8: output.capabilities.hasUTF8))
        case .json: try write(document ?? .array(records.map(\.json)))
        case .jsonl: for record in records { try write(record.json) }
        case .csv: try writeCSV(records, titles: records.first ?? example)
        case .name: try output.send(records.map { $0.name + "\n" }.joined())
        }
    }

    func write(_ document: JSON) throws { try output.send(String(decoding: document.encoded(), as: UTF8.self) + "\n") }

    private func writeCSV(_ records: [Record], titles: Record?) throws {
        guard let titles else { return }
        let lines = [titles.fields.map(\.title)] + records.map { $0.fields.map(\.text.plain) }
        try output.send(lines.map { CSVText.line($0) }.joined())
    }

    // MARK: Beside the answers

    /// What people may want to know and programs do not; not told where it is to be quiet.
    func note(_ text: String) {
        guard !isQuiet, !mode.isJSON else { return }
        // Whoever does not read it loses nothing.
        try? errors.write(text.split(separator: "\n", omittingEmptySubsequences: false).map { StyledText(String($0)) })
    }

    func warn(_ text: String) {
        try? errors.write([StyledText("warning: ", .yellow) + StyledText(text)])
    }

    /// Says why a command failed, as JSON where JSON was asked for.
    func complain(_ failure: CommandFailure) {
        guard failure.code != CommandFailure.noReader else { return }
        guard mode.isJSON else {
            let lines = failure.message.split(separator: "\n", omittingEmptySubsequences: false)
            for (index, line) in lines.enumerated() {
                let head: StyledText = index == 0 ? StyledText("invctl: ", .red) : ""
                try? errors.write([head + StyledText(String(line))])
            }
            return
        }
        var members = failure.members
        members["code"] = .string(failure.code)
        members["message"] = .string(failure.message)
        members["exit_code"] = .integer(Int64(failure.status.rawValue))
        try? errors.send(String(decoding: JSON.object(["error": .object(members)]).encoded(), as: UTF8.self) + "\n")
    }
}

/// Lines of CSV (RFC 4180).
enum CSVText {
    static func line(_ fields: [String]) -> String { fields.map(field).joined(separator: ",") + "\r\n" }

    private static func field(_ text: String) -> String {
        guard text.utf8.contains(where: { [0x2C, 0x22, 0x0A, 0x0D].contains($0) }) else { return text }
        return "\"" + text.replacing("\"", with: "\"\"") + "\""
    }
}
