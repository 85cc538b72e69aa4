/// Every command there is, as completion and the help at the cursor see it.
struct CommandTable: Hashable, Sendable {
    var commands: [Command]

    /// Flags that every command takes.
    var flags: [Flag] = []

    /// A noun with its verbs, or a command that stands alone.
    struct Command: Hashable, Sendable {
        var name: String

        /// One line, without a full stop.
        var abstract = ""

        /// The verbs of a noun. One that has verbs takes no arguments.
        var verbs: [Command] = []
        var flags: [Flag] = []

        /// What it expects, in order.
        var arguments: [Argument] = []

        /// Whether the last of the arguments may come again and again.
        var repeatsLast = false
    }

    struct Flag: Hashable, Sendable {
        /// All its names with their dashes, the one to be suggested first: `["--output", "-o"]`.
        var names: [String]

        /// What follows it, `nil` when it stands alone.
        var value: Argument?
        var help = ""
    }

    /// What kind of word is expected, by which it is completed.
    enum Argument: Hashable, Sendable {
        /// The SKU of a product, as the daemon knows it.
        case sku
        case file
        case choice([String])
        /// Anything else; what people call it, such as `QUANTITY`.
        case text(String)
        case none
    }
}
