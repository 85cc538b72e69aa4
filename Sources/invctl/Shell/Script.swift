import Glibc

/// The shell without a terminal: commands from a file or a pipe, one a line. Belongs to the shell's thread.
struct Script {
    /// A longer line is refused, in a script and at the terminal.
    static let lineBytesMax = 64 << 10

    enum Source: Hashable, Sendable {
        case file(String)
        case standardInput
    }

    let shell: Shell
    let session: Session

    /// - Returns: the exit code of the first command that fails, else 0.
    func run(_ source: Source) -> Int32 {
        let (name, descriptor) =
            switch source {
            case .file(let path): (path, unsafe open(path, O_RDONLY | O_CLOEXEC))
            case .standardInput: ("stdin", STDIN_FILENO)
            }
        guard descriptor >= 0 else {
            shell.tell("\(name): \(Self.reason(errno)). Check the name of the script.")
            return Shell.failed
        }
        defer { if descriptor != STDIN_FILENO { close(descriptor) } }
        var lines = ScriptLines(descriptor: descriptor, session: session)
        do throws(ScriptError) {
            while let line = try lines.next() {
                let words: [String]
                do throws(WordsError) { words = try Words.split(line) } catch { throw .faulty(error.description) }
                guard let first = words.first else { continue }
                if words.count == 1, first == "exit" || first == "quit" { return 0 }
                let code = session.run(words == ["?"] ? ["help"] : words)
                guard code == 0 else {
                    shell.tell("\(name):\(lines.number): stopped at this line (exit code \(code))")
                    return code
                }
            }
            return 0
        } catch {
            switch error {
            case .interrupted(let signal): return 128 + signal
            case .unreadable(let error):
                shell.tell("\(name): \(Self.reason(error))")
                return Shell.failed
            case .faulty(let reason):
                shell.tell("\(name):\(lines.number): \(reason)")
                shell.tell("\(name):\(lines.number): stopped at this line (exit code \(Shell.usage))")
                return Shell.usage
            }
        }
    }

    private static func reason(_ error: Int32) -> String { unsafe String(cString: strerror(error)) }
}

private enum ScriptError: Error {
    case interrupted(Int32)
    /// With the system's number of the error.
    case unreadable(Int32)
    case faulty(String)
}

/// The lines of a script as they come in; of a pipe each one as soon as it is there.
private struct ScriptLines {
    let descriptor: Int32
    let session: Session
    /// Of the line last read, from 1.
    private(set) var number = 0
    private var buffer: [UInt8] = []
    private var isAtEnd = false

    init(descriptor: Int32, session: Session) {
        self.descriptor = descriptor
        self.session = session
    }

    mutating func next() throws(ScriptError) -> String? {
        var searched = 0
        while true {
            if let end = buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) {
                defer { buffer.removeFirst(end + 1) }
                return try text(buffer[..<end])
            }
            searched = buffer.count
            if searched > Script.lineBytesMax || isAtEnd {
                defer { buffer = [] }
                return buffer.isEmpty ? nil : try text(buffer[...])
            }
            try fill()
        }
    }

    private mutating func text(_ line: ArraySlice<UInt8>) throws(ScriptError) -> String {
        number += 1
        var line = line
        if number == 1, line.starts(with: [0xEF, 0xBB, 0xBF]) { line = line.dropFirst(3) }
        if line.last == UInt8(ascii: "\r") { line = line.dropLast() }
        guard line.count <= Script.lineBytesMax else {
            throw .faulty("the line is longer than \(Script.lineBytesMax) bytes")
        }
        guard !line.contains(0), let text = String(validating: line, as: UTF8.self) else {
            throw .faulty("the line is no UTF-8 text")
        }
        return text
    }

    private mutating func fill() throws(ScriptError) {
        while true {
            let events = session.wait(input: descriptor)
            if let signal = events.signals.first { throw .interrupted(signal) }
            guard events.hasInput else { continue }
            var chunk = [UInt8](repeating: 0, count: 16 << 10)
            let count = unsafe read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR || errno == EAGAIN { continue }
            guard count >= 0 else { throw .unreadable(errno) }
            buffer += chunk.prefix(count)
            isAtEnd = count == 0
            return
        }
    }
}
