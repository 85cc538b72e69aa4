/// One line of the table of settings: what a variable is called, what it means, and how its text is read.
///
/// The table drives reading, `--print-config`, the help of flags, and the test that the README documents every variable.
struct Setting: Sendable {
    /// The variable's name; the first one is the one to recommend.
    let names: [String]
    let meaning: String
    let defaultText: String?

    /// Secrets are masked wherever they are shown, and may come from a file that `<NAME>_FILE` names.
    var isSecret = false

    /// Which flag sets it.
    var flag: String?

    /// What it comes to where nobody sets it and its default depends on other settings.
    var effect: (@Sendable (Configuration) -> String)?

    /// Reads the text into the configuration; throws a ``SettingError``.
    let apply: @Sendable (String, inout Configuration) throws -> Void

    var name: String { names[0] }

    init(
        _ names: String..., default defaultText: String?, isSecret: Bool = false, flag: String? = nil,
        _ meaning: String, effect: (@Sendable (Configuration) -> String)? = nil,
        apply: @escaping @Sendable (String, inout Configuration) throws -> Void
    ) {
        self.names = names
        self.meaning = meaning
        self.effect = effect
        self.defaultText = defaultText
        self.isSecret = isSecret
        self.flag = flag
        self.apply = apply
    }
}

/// What a setting's text must be and is not.
struct SettingError: Error {
    let detail: String

    init(_ detail: String) {
        self.detail = detail
    }
}
