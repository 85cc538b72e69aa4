import Glibc

/// The names of files, for completion.
enum FileNames {
    /// Of a folder no more than this many entries are looked at, so that a TAB comes back at once.
    private static let entriesMax = 20_000

    /// What may complete the beginning of a path, in order of the alphabet; folders end in a slash. Hidden files only
    /// if a dot has been typed, and none whose name cannot be shown.
    static func candidates(prefix: String) -> [Completion.Candidate] {
        let cut = prefix.utf8.lastIndex(of: UInt8(ascii: "/")).map { prefix.utf8.index(after: $0) }
        let folder = String(prefix[..<(cut ?? prefix.startIndex)])
        let beginning = String(prefix[(cut ?? prefix.startIndex)...])
        guard let directory = unsafe opendir(folder.isEmpty ? "." : folder) else { return [] }
        defer { unsafe closedir(directory) }

        var found: [Completion.Candidate] = []
        for _ in 0..<entriesMax {
            guard let entry = unsafe readdir(directory) else { break }
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { name in
                unsafe name.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(validatingCString: $0) }
            }
            guard let name, name != ".", name != "..", name.hasPrefix(beginning),
                !name.hasPrefix(".") || beginning.hasPrefix("."),
                !name.unicodeScalars.contains(where: Listing.isControl)
            else { continue }
            let path = folder + name
            var status = stat()
            let isFolder = unsafe stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
            found.append(.init(text: isFolder ? path + "/" : path, continues: isFolder))
        }
        return found.sorted { $0.text < $1.text }
    }
}
