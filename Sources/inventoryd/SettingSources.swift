import FoundationEssentials
import InventoryKit
import InventoryServer
import Logging

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// One place that settings come from, with what each name is set to there.
struct SettingSource: Sendable {
    /// As `--print-config` tells it: `environment`, a file's path.
    let origin: String
    let values: [String: String]
    var mistakes: [String] = []

    /// Whether names that are no setting are a mistake: in our own file, but not in an environment that is everybody's.
    var isOurs = false

    init(origin: String, values: [String: String]) {
        self.origin = origin
        self.values = values
    }

    /// Reads a file of `NAME=VALUE` lines, strictly: a line that is none is a mistake, and so is a name given twice.
    ///
    /// - Returns: nothing where there is no file and none was asked for.
    static func file(_ path: String, isRequired: Bool, isOurs: Bool) -> SettingSource? {
        guard isRequired || FileManager.default.fileExists(atPath: path) else { return nil }
        do {
            let data = try Data(contentsOf: URL(filePath: path))
            guard data.count <= 1_048_576, let text = String(validating: data, as: UTF8.self) else {
                return SettingSource(origin: path, mistakes: ["\(path): must be a text file of at most 1 MiB in UTF-8"])
            }
            return SettingSource(path: path, text: text, isOurs: isOurs)
        } catch {
            return SettingSource(origin: path, mistakes: ["\(path): cannot be read (\(fileReason(error)))"])
        }
    }

    init(path: String, text: String, isOurs: Bool) {
        var values: [String: String] = [:]
        var mistakes: [String] = []
        for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            let line = line.trimmingWhiteSpace
            if line.isEmpty || line.hasPrefix("#") { continue }
            guard let (name, value) = Self.assignment(line) else {
                mistakes.append(
                    "\(path):\(index + 1): must be NAME=VALUE, a comment (#) or blank; quotes must be closed")
                continue
            }
            if values.updateValue(value, forKey: name) != nil {
                mistakes.append("\(path):\(index + 1): \(name) is set a second time")
            }
        }
        self.init(origin: path, values: values)
        self.mistakes = mistakes
        self.isOurs = isOurs
    }

    private init(origin: String, mistakes: [String]) {
        self.init(origin: origin, values: [:])
        self.mistakes = mistakes
    }

    private static func assignment(_ line: Substring) -> (name: String, value: String)? {
        let line = line.hasPrefix("export ") ? line.dropFirst(7).trimmingWhiteSpace : line
        guard let equals = line.firstIndex(of: "=") else { return nil }
        let name = line[..<equals]
        let isName = name.utf8.allSatisfy { byte in
            (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || byte == 0x5F
        }
        guard !name.isEmpty, isName, let value = value(line[line.index(after: equals)...].trimmingWhiteSpace) else {
            return nil
        }
        return (String(name), value)
    }

    /// A value bare (a comment may follow after a blank), in single quotes (as it stands), or in double quotes (with
    /// `\"`, `\\` and `\n`).
    private static func value(_ text: Substring) -> String? {
        guard let quote = text.first, quote == "\"" || quote == "'" else {
            let end = text.firstRange(of: " #")?.lowerBound ?? text.endIndex
            return String(text[..<end].trimmingWhiteSpace)
        }
        var value = ""
        var rest = text.dropFirst()
        while let character = rest.popFirst() {
            if character == quote {
                let tail = rest.trimmingWhiteSpace
                return tail.isEmpty || tail.hasPrefix("#") ? value : nil
            }
            if character == "\\", quote == "\"" {
                switch rest.popFirst() {
                case "n": value.append("\n")
                case let escaped? where escaped == "\"" || escaped == "\\": value.append(escaped)
                default: return nil
                }
            } else {
                value.append(character)
            }
        }
        return nil
    }
}

/// A configuration, where each value came from, and everything that is wrong with it.
struct ConfigurationReading: Sendable {
    struct Value: Sendable {
        let setting: Setting
        let text: String
        let origin: String
    }

    private(set) var configuration = Configuration()
    private(set) var values: [Value] = []
    private(set) var mistakes: [String] = []
    private(set) var warnings: [String] = []

    /// - Parameters:
    ///   - sources: the first that has a value wins.
    ///   - environment: for the places where state is kept by default.
    ///   - isTerminal: whether people read the log as it is written.
    init(sources: [SettingSource], environment: [String: String], isTerminal: Bool) {
        mistakes = sources.flatMap(\.mistakes)
        rejectUnknownNames(sources)
        for setting in Configuration.table {
            guard let (text, origin) = find(setting, in: sources) ?? Self.fallback(setting, environment, isTerminal)
            else { continue }
            values.append(Value(setting: setting, text: text, origin: origin))
            if setting.name == "INVENTORYD_SOCKET" { configuration.isSocketNamed = origin != "default" }
            do { try setting.apply(text, &configuration) } catch {
                let detail = (error as? SettingError)?.detail ?? "\(error)"
                let shown = setting.isSecret ? "" : " (it is \"\(text)\", from \(origin))"
                mistakes.append("\(setting.name): \(detail)\(shown)")
            }
        }
        mistakes += configuration.contradictions()
        warnings += configuration.ineffective
    }

    /// All settings, secrets masked.
    var lines: [ConfigLine] {
        Configuration.table.map { setting in
            guard let value = values.first(where: { $0.setting.name == setting.name }) else {
                return ConfigLine(name: setting.name, value: setting.effect?(configuration) ?? "", origin: "default")
            }
            return ConfigLine(
                name: setting.name, value: setting.isSecret ? "********" : value.text, origin: value.origin)
        }
    }

    /// The names of what an earlier reading had otherwise, secrets included.
    func changes(since before: ConfigurationReading) -> Set<String> {
        func texts(_ reading: ConfigurationReading) -> [String: String] {
            Dictionary(reading.values.map { ($0.setting.name, $0.text) }) { first, _ in first }
        }
        let (old, new) = (texts(before), texts(self))
        return Set(old.keys).union(new.keys).filter { old[$0] != new[$0] }
    }

    /// This reading with the values of those names from another.
    func taking(_ names: Set<String>, from other: ConfigurationReading) -> ConfigurationReading {
        var merged = self
        merged.values =
            other.values.filter { names.contains($0.setting.name) }
            + values.filter { !names.contains($0.setting.name) }
        merged.configuration.server = other.configuration.server
        return merged
    }

    /// All values as people read them, secrets masked.
    var printout: String {
        let shown = lines.map { line in (line.name, line.value.isEmpty ? "\"\"" : line.value, line.origin) }
        let nameWidth = shown.map(\.0.count).max() ?? 0
        let textWidth = min(48, shown.map(\.1.count).max() ?? 0)
        func pad(_ text: String, _ width: Int) -> String {
            text + String(repeating: " ", count: max(0, width - text.count))
        }
        return shown.map { "\(pad($0.0, nameWidth))  \(pad($0.1, textWidth))  \($0.2)" }.joined(separator: "\n")
    }

    private mutating func find(_ setting: Setting, in sources: [SettingSource]) -> (text: String, origin: String)? {
        for source in sources {
            // What is set to nothing is not set: container platforms hand down empty variables.
            let given = setting.names.compactMap { name in source.values[name].flatMap { $0.isEmpty ? nil : (name, $0) }
            }
            let files =
                setting.isSecret
                ? setting.names.compactMap { name in
                    source.values[name + "_FILE"].flatMap { $0.isEmpty ? nil : (name, $0) }
                } : []
            if let first = given.first, let other = given.dropFirst().first, first.1 != other.1 {
                mistakes.append("\(first.0): \(other.0) says something else; set one of them (\(source.origin))")
            }
            if let first = given.first {
                if let file = files.first {
                    mistakes.append("\(first.0): \(file.0)_FILE is set too; set one of them (\(source.origin))")
                }
                return (first.1, source.origin)
            }
            if let (name, path) = files.first {
                guard let data = try? Data(contentsOf: URL(filePath: path)), data.count <= 65_536,
                    let text = String(validating: data, as: UTF8.self)
                else {
                    mistakes.append("\(name)_FILE: \(path) cannot be read as a text file")
                    return nil
                }
                return (String(text[...].trimmingWhiteSpace), "\(source.origin), \(path)")
            }
        }
        return nil
    }

    private static func fallback(
        _ setting: Setting, _ environment: [String: String], _ isTerminal: Bool
    ) -> (text: String, origin: String)? {
        switch setting.name {
        case "INVENTORYD_STATE_DIR": return stateDirectory(environment).map { ($0, "default") }
        case "INVENTORYD_SOCKET": return (socket(environment), "default")
        case "LOG_FORMAT": return (isTerminal ? "text" : "json", "default")
        default: return setting.defaultText.map { ($0, "default") }
        }
    }

    private static func stateDirectory(_ environment: [String: String]) -> String? {
        func path(_ name: String) -> String? { environment[name].flatMap { $0.hasPrefix("/") ? $0 : nil } }
        // systemd names several directories with colons between them; the first is ours.
        if let systemd = path("STATE_DIRECTORY") { return String(systemd.prefix { $0 != ":" }) }
        if let xdg = path("XDG_STATE_HOME") { return xdg + "/inventoryd" }
        return path("HOME").map { $0 + "/.local/state/inventoryd" }
    }

    private static func socket(_ environment: [String: String]) -> String {
        if let systemd = environment["RUNTIME_DIRECTORY"], systemd.hasPrefix("/") {
            return systemd.prefix { $0 != ":" } + "/admin.sock"
        }
        let places = AdminSocketPlace.defaults(environment: environment, userID: geteuid())
        return places.first(where: canMakeSocket) ?? places.last ?? "none"
    }

    private static func canMakeSocket(at path: String) -> Bool {
        let directory = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
        let parent = String(directory[..<(directory.lastIndex(of: "/") ?? directory.startIndex)])
        var status = stat()
        if unsafe stat(directory, &status) == 0 {
            // Root may write anywhere, and another user's directory is refused all the same.
            return unsafe access(directory, W_OK) == 0 && (status.st_uid == geteuid() || status.st_uid == 0)
        }
        return unsafe access(parent, W_OK) == 0
    }

    private mutating func rejectUnknownNames(_ sources: [SettingSource]) {
        let known = Set(
            Configuration.table.flatMap { $0.isSecret ? $0.names + $0.names.map { $0 + "_FILE" } : $0.names })
        for source in sources {
            for name in source.values.keys.sorted() where !known.contains(name) {
                if source.isOurs {
                    mistakes.append("\(source.origin): \(name) is no setting of this version")
                } else if name.hasPrefix("INVENTORYD_") {
                    warnings.append("\(name) (\(source.origin)) is no setting of this version and has no effect")
                }
            }
        }
    }
}

extension Substring {
    fileprivate var trimmingWhiteSpace: Substring {
        let head = drop(while: \.isWhitespace)
        guard let end = head.lastIndex(where: { !$0.isWhitespace }) else { return head }
        return head[...end]
    }
}

/// Why a file or directory could not be had, in a few words.
func fileReason(_ error: any Error) -> String {
    switch (error as? CocoaError)?.code {
    case .fileReadNoPermission?, .fileWriteNoPermission?: "permission denied"
    case .fileNoSuchFile?, .fileReadNoSuchFile?: "there is no such file"
    case .fileWriteFileExists?: "a file is in the way"
    case .fileWriteVolumeReadOnly?: "the file system is read-only"
    case .fileWriteOutOfSpace?: "no room is left"
    case .fileReadUnknown?, .fileWriteUnknown?: systemReason(error) ?? "\(error)"
    default: "\(error)"
    }
}

/// The system's word for it, which Foundation has underneath what it has no word for.
private func systemReason(_ error: any Error) -> String? {
    let underlying = unsafe (error as? CocoaError)?.userInfo["NSUnderlyingError"] as? POSIXError
    guard let underlying else { return nil }
    return unsafe String(cString: strerror(underlying.code.rawValue))
}
