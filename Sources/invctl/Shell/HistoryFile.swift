import Glibc

/// The lines typed before, in a file that only its owner can read. Each line is in the file before its command runs;
/// shells that run side by side add to the same file.
struct HistoryFile {
    static let entriesMax = 2_000
    /// What of a file is looked at, from its end.
    private static let bytesMax = entriesMax * (HistoryFilter.lineBytesMax + 1)

    let path: String
    /// Those of earlier shells, then this one's.
    private(set) var entries: [String] = []

    /// `$XDG_STATE_HOME/invctl/history`, else below the home directory.
    /// - Returns: `nil` without a home.
    static func path(environment: (String) -> String?) -> String? {
        // A relative path is to be ignored, says the XDG specification.
        if let state = environment("XDG_STATE_HOME"), state.hasPrefix("/") { return state + "/invctl/history" }
        guard let home = environment("HOME"), home.hasPrefix("/") else { return nil }
        return home + "/.local/state/invctl/history"
    }

    init(path: String) { self.path = path }

    /// Reads what earlier shells have left.
    mutating func load() throws(HistoryError) {
        let descriptor = try openLocked()
        defer { close(descriptor) }
        entries = try contents(of: descriptor).entries
    }

    /// Remembers a line that ``HistoryFilter`` keeps, and no other. In memory even if the file fails.
    /// - Returns: whether it was one to keep.
    mutating func add(_ line: String) throws(HistoryError) -> Bool {
        guard HistoryFilter.keeps(line, after: entries.last) else { return false }
        entries = entries.suffix(Self.entriesMax - 1) + [line]
        try append(line)
        return true
    }

    private func append(_ line: String) throws(HistoryError) {
        let descriptor = try openLocked()
        defer { close(descriptor) }
        let old = try contents(of: descriptor)
        guard old.entries.count < Self.entriesMax, !old.isTruncated else {
            return try replace(with: old.entries.suffix(Self.entriesMax - 1) + [line])
        }
        // A shell that died while writing left a line without an end.
        guard Output.writeAll((old.endsInLine ? "" : "\n") + line + "\n", to: descriptor) else { throw failure() }
    }

    /// Puts a new file in place of the full one. The old one is locked meanwhile; who waits for it looks again.
    private func replace(with entries: [String]) throws(HistoryError) {
        let draft = path + ".new"
        // What is there was left by a shell that died, for this one has the lock.
        _ = unsafe unlink(draft)
        let descriptor = unsafe open(draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure() }
        let isWritten = Output.writeAll(entries.map { $0 + "\n" }.joined(), to: descriptor)
        let error = failure()
        close(descriptor)
        guard isWritten else {
            _ = unsafe unlink(draft)
            throw error
        }
        guard unsafe rename(draft, path) == 0 else { throw failure() }
    }

    private func contents(
        of descriptor: Int32
    ) throws(HistoryError) -> (entries: [String], endsInLine: Bool, isTruncated: Bool) {
        let size = Int(lseek(descriptor, 0, SEEK_END))
        let start = max(0, size - Self.bytesMax)
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while bytes.count < Self.bytesMax {
            let count = unsafe chunk.withUnsafeMutableBytes { buffer in
                unsafe pread(descriptor, buffer.baseAddress, buffer.count, start + bytes.count)
            }
            guard count >= 0 else { throw failure() }
            guard count > 0 else { break }
            bytes += chunk.prefix(count)
        }
        let lines = bytes.split(separator: UInt8(ascii: "\n")).dropFirst(start > 0 ? 1 : 0).lazy.compactMap {
            $0.count <= HistoryFilter.lineBytesMax && !$0.contains(0) ? String(validating: $0, as: UTF8.self) : nil
        }
        return (Array(lines), bytes.last ?? UInt8(ascii: "\n") == UInt8(ascii: "\n"), start > 0)
    }

    /// Opens the file, or makes it and the folders above it, and waits for it a little while.
    private func openLocked() throws(HistoryError) -> Int32 {
        for (offset, byte) in path.utf8.enumerated().dropFirst() where byte == UInt8(ascii: "/") {
            let folder = String(decoding: path.utf8.prefix(offset), as: UTF8.self)
            // A folder further up may be there and refuse to be made.
            let isThere = unsafe mkdir(folder, 0o700) == 0 || errno == EEXIST || access(folder, X_OK) == 0
            guard isThere else { throw failure() }
        }
        for _ in 0..<100 {
            let flags = O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY
            let descriptor = unsafe open(path, flags, 0o600)
            guard descriptor >= 0 else { throw failure() }
            do {
                if try isLocked(descriptor) { return descriptor }
                close(descriptor)
            } catch {
                close(descriptor)
                throw error
            }
            _ = poll(nil, 0, 2)
        }
        throw HistoryError(reason: "another program holds \(path)")
    }

    /// - Returns: `false` when it is worth trying again.
    private func isLocked(_ descriptor: Int32) throws(HistoryError) -> Bool {
        var own = stat()
        guard unsafe fstat(descriptor, &own) == 0 else { throw failure() }
        guard own.st_mode & S_IFMT == S_IFREG else { throw HistoryError(reason: "\(path) is no plain file") }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            guard errno == EWOULDBLOCK || errno == EINTR else { throw failure() }
            return false
        }
        // Another shell may have put a new file in its place.
        var present = stat()
        return unsafe lstat(path, &present) == 0 && present.st_ino == own.st_ino && present.st_dev == own.st_dev
    }

    private func failure() -> HistoryError {
        let error = errno
        if error == ELOOP { return HistoryError(reason: "\(path) is a symbolic link, which is not followed") }
        return HistoryError(reason: "\(path): \(unsafe String(cString: strerror(error)))")
    }
}

/// Why lines are not kept.
struct HistoryError: Error, Hashable {
    let reason: String
}
