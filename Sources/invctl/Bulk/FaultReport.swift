import InventoryKit

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

private func openFile(_ path: String) -> Int32 {
    unsafe open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
}

private func isSameFile(_ one: Int32, _ other: Int32) -> Bool {
    var (own, others) = (stat(), stat())
    return unsafe fstat(one, &own) == 0 && fstat(other, &others) == 0 && own.st_dev == others.st_dev
        && own.st_ino == others.st_ino
}

/// What became of rows that were not taken: each with its line in a file, or the first ones on standard error, and how
/// many of each kind.
struct FaultReport: ~Copyable {
    /// So many are told on standard error; of all the summary tells.
    private static let toldMax = 20

    private let console: Console
    private let file: Terminal?
    private var told = 0
    private(set) var tally = FaultTally()

    /// - Parameter input: what is read, which is not to be written over.
    /// - Throws: ``CommandFailure`` when the file cannot be made.
    init(file path: String?, console: Console, beside input: Int32 = -1) throws {
        file = try path.map { try Self.open($0, beside: input) }
        self.console = console
    }

    private static func open(_ path: String, beside input: Int32) throws -> Terminal {
        let descriptor = openFile(path)
        guard descriptor >= 0 else {
            throw CommandFailure(
                .usage, "no-report", "\(path) cannot be written: \(unsafe String(cString: strerror(errno)))")
        }
        guard !isSameFile(descriptor, input) else {
            close(descriptor)
            throw CommandFailure(.usage, "no-report", "\(path) is what is to be read: name another file for the report")
        }
        // A pipe, or a terminal, has nothing to be emptied.
        _ = ftruncate(descriptor, 0)
        let file = Terminal(descriptor: descriptor, capabilities: .pipe)
        try file.send(CSVText.line(["line", "kind", "detail"]))
        return file
    }

    deinit { if let file { close(file.descriptor) } }

    mutating func add(_ fault: RowFault) throws {
        tally.add(fault)
        if let file { return try file.send(CSVText.line([String(fault.line), fault.kind.rawValue, fault.detail])) }
        guard fault.kind.isFailure, told < Self.toldMax else { return }
        told += 1
        try? console.errors.write([StyledText("line \(fault.line): \(fault.detail)")])
    }

    /// Says how many there were of each kind.
    ///
    /// - Returns: how many rows were lost.
    func finish() throws -> Int {
        for line in tally.summary { console.note(line) }
        return tally.failures
    }

    /// How many rows of each kind.
    var json: JSON {
        .object(Dictionary(uniqueKeysWithValues: tally.counts.map { ($0.key.rawValue, .integer(Int64($0.value))) }))
    }

    func failure(done: Int) -> CommandFailure {
        CommandFailure(
            done == 0 ? .failed : .partly, "rows-failed",
            "\(Figures.count(tally.failures, "row was", "rows were")) not taken\(file == nil ? "; --report FILE has each of them" : "")"
        )
    }
}

/// Tells how far some work is: a bar on a terminal, now and then a line elsewhere, nothing where it is to be quiet.
struct ProgressLine {
    private let label: String
    private let console: Console
    private let began = ContinuousClock.now
    private var window = RateWindow()
    private var last: Progress?
    private var nextLook = ContinuousClock.now

    init(_ label: String, _ console: Console) {
        self.label = label
        self.console = console
    }

    private var isBar: Bool { console.errors.capabilities.hasScreen }

    mutating func update(done: Int, total: Int?) {
        guard !console.isQuiet, !console.mode.isJSON, ContinuousClock.now >= nextLook else { return }
        nextLook = ContinuousClock.now + .milliseconds(100)
        show(done: done, total: total)
    }

    private mutating func show(done: Int, total: Int?) {
        let elapsed = ContinuousClock.now - began
        window.note(done: done, at: elapsed)
        let progress = Progress(label, done: done, total: total, elapsed: elapsed, perSecond: window.perSecond)
        if isBar {
            try? console.errors.redraw(
                progress.bar(width: console.errors.size.columns - 1, utf8: console.errors.capabilities.hasUTF8))
            last = progress
        } else if elapsed >= .seconds(1), progress.isDue(after: last) {
            try? console.errors.write([progress.plainLine])
            last = progress
        }
    }

    /// Takes the bar away, until there is more to tell: before anything else is written, and at the end.
    mutating func hide() {
        guard isBar, last != nil else { return }
        try? console.errors.redraw("")
        last = nil
    }
}
