import Glibc
import Synchronization
import Testing

@testable import invctl

/// Notes what it is told to run; `fail N` gives that exit code.
private final class RecordingHost: ShellHost {
    let commands = CommandTable(commands: [])
    let ran = Mutex<[[String]]>([])

    func run(_ words: [String]) async -> Int32 {
        ran.withLock { $0.append(words) }
        return words.first == "fail" ? Int32(words.last ?? "") ?? 1 : 0
    }

    func skus(prefix: String, limit: Int) async -> [String] { [] }
    func daemonState() async -> DaemonState { .up("test") }
}

private struct Outcome {
    var code: Int32
    var ran: [[String]]
    var told: [String]
}

private func run(_ script: some Sequence<UInt8>) async throws -> Outcome {
    var template = Array(((getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp") + "/script.XXXXXX").utf8CString)
    let descriptor = mkstemp(&template)
    let path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    defer { unlink(path) }
    let bytes = Array(script)
    try #require(bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) } == bytes.count)
    close(descriptor)
    let outcome = await run(path: path)
    return Outcome(
        code: outcome.code, ran: outcome.ran, told: outcome.told.map { $0.replacing(path, with: "FILE") })
}

private func run(path: String) async -> Outcome {
    let host = RecordingHost()
    let told = Told()
    var shell = Shell(host: host)
    shell.tell = { line in told.lines.withLock { $0.append(line) } }
    let code = await shell.run(script: .file(path))
    return Outcome(code: code, ran: host.ran.withLock { $0 }, told: told.lines.withLock { $0 })
}

private final class Told: Sendable {
    let lines = Mutex<[String]>([])
}

extension SignalTests {
    @Suite("Scripts", .serialized)
    struct ScriptTests {
        @Test("runs each line, without blank lines, comments and the ends of lines of other systems")
        func runs() async throws {
            let outcome = try await run("\u{FEFF}# comment\n\n  \na 'b c'\r\n\r\n d # e\nhelp\n?\nlast".utf8)
            #expect(outcome.ran == [["a", "b c"], ["d"], ["help"], ["help"], ["last"]])
            #expect(outcome.code == 0)
            #expect(outcome.told == [])
        }

        @Test("stops at the first command that fails, with its exit code and its line")
        func stops() async throws {
            let outcome = try await run("a\n\nfail 6\nb\n".utf8)
            #expect(outcome.ran == [["a"], ["fail", "6"]])
            #expect(outcome.code == 6)
            #expect(outcome.told == ["FILE:3: stopped at this line (exit code 6)"])
        }

        @Test("ends at exit", arguments: ["exit", "quit"])
        func exits(word: String) async throws {
            let outcome = try await run("a\n\(word)\nb".utf8)
            #expect(outcome.ran == [["a"]])
            #expect(outcome.code == 0)
        }

        @Test("runs nothing of a line that leaves a quote open")
        func unclosed() async throws {
            let outcome = try await run("a\nb 'c\nd".utf8)
            #expect(outcome.ran == [["a"]])
            #expect(outcome.code == 2)
            #expect(outcome.told.first?.hasPrefix("FILE:2: the quote ' in column 3 is not closed") == true)
            #expect(outcome.told.last == "FILE:2: stopped at this line (exit code 2)")
        }

        @Test("takes a line of 64 KiB and refuses a longer one", arguments: [0, 1, 200_000])
        func long(excess: Int) async throws {
            let line = String(repeating: "x", count: Script.lineBytesMax + excess)
            for ending in ["\n", ""] {
                let outcome = try await run(("a\n" + line + ending).utf8)
                #expect(outcome.ran == (excess == 0 ? [["a"], [line]] : [["a"]]))
                #expect(outcome.code == (excess == 0 ? 0 : 2))
                #expect(
                    outcome.told.first?.hasPrefix("FILE:2: the line is longer than 65536 bytes")
                        == (excess == 0 ? nil : true))
            }
        }

        @Test("refuses what is no text", arguments: [[0x61, 0x00, 0x62], [0xFF], [0x61, 0xC3]] as [[UInt8]])
        func noText(bytes: [UInt8]) async throws {
            let outcome = try await run(bytes)
            #expect(outcome.ran == [])
            #expect(outcome.code == 2)
            #expect(outcome.told.first?.hasPrefix("FILE:1: the line is no UTF-8 text") == true)
        }

        @Test("says which script it cannot read", arguments: ["/nonexistent/script", "/"])
        func unreadable(path: String) async {
            let outcome = await run(path: path)
            #expect(outcome.code == 1)
            #expect(outcome.told.first?.hasPrefix("\(path): ") == true)
        }

        /// Otherwise Ctrl-C would be lost on whatever comes after the script.
        @Test("leaves the handling of signals as it was")
        func signals() async throws {
            var before = sigaction()
            sigaction(SIGINT, nil, &before)
            _ = try await run("a\n".utf8)
            var after = sigaction()
            sigaction(SIGINT, nil, &after)
            #expect(before.sa_flags == after.sa_flags)
            #expect(
                unsafeBitCast(before.__sigaction_handler.sa_handler, to: Int.self)
                    == unsafeBitCast(after.__sigaction_handler.sa_handler, to: Int.self))
        }
    }
}
