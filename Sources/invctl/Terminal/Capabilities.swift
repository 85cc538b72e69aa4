/// When to use colours: `--color never|always|auto`.
enum ColourChoice: String, CaseIterable, Sendable {
    case never
    case always
    case auto
}

/// What may be written to a descriptor.
struct Capabilities: Equatable, Sendable {
    var isTerminal = false
    var hasColour = false
    var hasUTF8 = false

    /// The cursor can be moved about: a terminal that is not dumb.
    var hasScreen = false

    /// Without a terminal and without a word on what is at the other end.
    static let pipe = Self()

    init(isTerminal: Bool = false, hasColour: Bool = false, hasUTF8: Bool = false, hasScreen: Bool = false) {
        self.isTerminal = isTerminal
        self.hasColour = hasColour
        self.hasUTF8 = hasUTF8
        self.hasScreen = hasScreen
    }

    /// - Parameter variable: of the environment, by its name.
    init(isTerminal: Bool, colour: ColourChoice, variable: (String) -> String?) {
        self.isTerminal = isTerminal
        let isDumb = variable("TERM").map { $0 == "dumb" || $0.isEmpty } ?? true
        hasScreen = isTerminal && !isDumb
        // https://no-color.org: set, and not empty; what is said on the command line goes first.
        let isUnwanted = variable("NO_COLOR").map { !$0.isEmpty } ?? false
        hasColour =
            switch colour {
            case .never: false
            case .always: true
            case .auto: isTerminal && !isDumb && !isUnwanted
            }
        // The first of them that is not empty holds, as setlocale(3) has it.
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].lazy.compactMap(variable).first { !$0.isEmpty } ?? "C"
        let name = locale.lowercased()
        hasUTF8 = name.contains("utf-8") || name.contains("utf8")
    }
}

/// Of a terminal, in characters.
struct TerminalSize: Equatable, Sendable {
    var columns: Int
    var rows: Int

    static let usual = Self(columns: 80, rows: 24)

    /// - Parameters:
    ///   - window: as the terminal has it; a zero there is what it does not know.
    ///   - variable: of the environment, by its name; asked for what the terminal does not know.
    static func from(window: Self?, variable: (String) -> String?) -> Self {
        func either(_ window: Int?, _ name: String, _ usual: Int) -> Int {
            if let window, window > 0 { return min(window, 1_000) }
            guard let text = variable(name), let value = Int(text), value > 0 else { return usual }
            return min(value, 1_000)
        }
        return Self(
            columns: either(window?.columns, "COLUMNS", usual.columns), rows: either(window?.rows, "LINES", usual.rows)
        )
    }
}
