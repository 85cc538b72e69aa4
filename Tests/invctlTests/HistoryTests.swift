import Glibc
import Testing

@testable import invctl

/// A folder that is gone afterwards.
private final class Folder {
    let path: String

    init() throws {
        var template = Array(((getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp") + "/history.XXXXXX").utf8CString)
        path = try #require(mkdtemp(&template).map { String(cString: $0) })
    }

    deinit {
        for name in FileNames.candidates(prefix: path + "/") { remove(path: name.text) }
        rmdir(path)
    }

    private func remove(path: String) {
        guard path.hasSuffix("/") else {
            _ = unlink(path)
            return
        }
        for name in FileNames.candidates(prefix: path) { remove(path: name.text) }
        rmdir(path)
    }

    func write(_ text: String, to name: String) {
        let descriptor = open("\(path)/\(name)", O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        _ = Output.writeAll(text, to: descriptor)
        close(descriptor)
    }

    func mode(_ name: String) -> mode_t {
        var status = stat()
        return lstat("\(path)/\(name)", &status) == 0 ? status.st_mode & 0o777 : 0
    }
}

private func entries(_ path: String) throws -> [String] {
    var file = HistoryFile(path: path)
    try file.load()
    return file.entries
}

@Suite("The history")
struct HistoryTests {
    @Test(
        "leaves out secrets, lines that begin with a blank, and repetitions",
        arguments: [
            ("status", true), ("key list", true), ("", false), ("  ", false), (" status", false), ("\tstatus", false),
            ("last", false), ("key revoke inv_abc123", false), ("echo 'inv_x'", false), ("XXinv_x", false),
            ("import mongodb://user:pass@host/db", false), ("import mongodb+srv://u:p@h", false),
            ("x redis://:p@h", false), ("x rediss://u@h", false), ("x https://u:p/w@h", false),
            ("x redis://host/0", true), ("x redis://host a@b", true), ("mail a@b", true), ("invctl status", true),
            ("a\nb", false), ("a\0b", false), (String(repeating: "x", count: 4_096), true),
            (String(repeating: "x", count: 4_097), false),
        ])
    func filter(line: String, isKept: Bool) {
        #expect(HistoryFilter.keeps(line, after: "last") == isKept)
    }

    @Test("is where XDG says, else below the home directory")
    func path() {
        #expect(HistoryFile.path { ["XDG_STATE_HOME": "/s", "HOME": "/h"][$0] } == "/s/invctl/history")
        #expect(HistoryFile.path { ["XDG_STATE_HOME": "s", "HOME": "/h"][$0] } == "/h/.local/state/invctl/history")
        #expect(HistoryFile.path { ["HOME": "h"][$0] } == nil)
        #expect(HistoryFile.path { _ in nil } == nil)
    }

    @Test("is the owner's alone from the beginning, whatever the umask")
    func modes() throws {
        let folder = try Folder()
        let path = folder.path + "/state/invctl/history"
        var file = HistoryFile(path: path)
        let isKept = try file.add("status")
        #expect(isKept)
        #expect(folder.mode("state/invctl") == 0o700)
        #expect(folder.mode("state/invctl/history") == 0o600)
        let kept = try entries(path)
        #expect(kept == ["status"])
    }

    @Test("keeps 2,000 entries, the newest, and stays private when it is made anew")
    func bounded() throws {
        let folder = try Folder()
        folder.write((0..<2_500).map { "line \($0)\n" }.joined(), to: "history")
        var file = HistoryFile(path: folder.path + "/history")
        try file.load()
        _ = try file.add("newest")
        let kept = try entries(file.path)
        #expect(kept.count == 2_000)
        #expect(kept.first == "line 501")
        #expect(kept.last == "newest")
        #expect(file.entries == kept)
        #expect(folder.mode("history") == 0o600)
        #expect(folder.mode("history.new") == 0)
    }

    @Test("does not lose what another shell added meanwhile, even when it is made anew")
    func twoShells() throws {
        let folder = try Folder()
        folder.write((0..<1_999).map { "line \($0)\n" }.joined(), to: "history")
        var one = HistoryFile(path: folder.path + "/history")
        var two = HistoryFile(path: folder.path + "/history")
        try one.load()
        try two.load()
        for number in 0..<3 {
            _ = try one.add("one \(number)")
            _ = try two.add("two \(number)")
        }
        let kept = try entries(one.path)
        #expect(kept.suffix(6) == ["one 0", "two 0", "one 1", "two 1", "one 2", "two 2"])
        #expect(kept.count == 2_000)
    }

    @Test("survives a last line without an end, rubbish, and a draft that a dead shell left")
    func rubbish() throws {
        let folder = try Folder()
        folder.write("good\n\0zero\n" + String(repeating: "x", count: 10_000) + "\nhalf", to: "history")
        folder.write("old draft", to: "history.new")
        var file = HistoryFile(path: folder.path + "/history")
        _ = try file.add("next")
        let kept = try entries(file.path)
        #expect(kept == ["good", "half", "next"])
    }

    @Test("follows no symbolic link and takes nothing but a plain file")
    func links() throws {
        let folder = try Folder()
        symlink(folder.path + "/target", folder.path + "/history")
        var file = HistoryFile(path: folder.path + "/history")
        let error = #expect(throws: HistoryError.self) { try file.add("status") }
        #expect(error?.reason.hasSuffix("is a symbolic link, which is not followed") == true)
        #expect(folder.mode("target") == 0)
        // The conversation goes on with what it has in memory.
        #expect(file.entries == ["status"])
        unlink(file.path)
        mkfifo(file.path, 0o600)
        #expect(throws: HistoryError.self) { try file.load() }
        unlink(file.path)
        mkdir(file.path, 0o700)
        #expect(throws: HistoryError.self) { try file.load() }
    }

    /// A shell that was stopped while it held the lock must not stop all others.
    @Test("does not wait for ever for another program")
    func held() throws {
        let folder = try Folder()
        folder.write("", to: "history")
        let descriptor = open(folder.path + "/history", O_RDONLY)
        defer { close(descriptor) }
        #expect(flock(descriptor, LOCK_EX) == 0)
        var file = HistoryFile(path: folder.path + "/history")
        let error = #expect(throws: HistoryError.self) { try file.load() }
        #expect(error?.reason.hasPrefix("another program holds") == true)
    }
}
