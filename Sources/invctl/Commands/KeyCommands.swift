import AdminClient
import ArgumentParser
import InventoryKit

struct KeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key", abstract: "API keys: who may do what over the network.",
        discussion: "Keys are asked for where INVENTORYD_AUTH says so.",
        subcommands: [
            KeyCreateCommand.self, KeyListCommand.self, KeyRotateCommand.self, KeyRevokeCommand.self,
        ])
}

struct KeyCreateCommand: ToolCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Make a key; its secret is shown this once.",
        discussion: """
            Scopes: read (products and the ledger), purchase, stock (adjust and count), catalogue (create, change and \
            archive products), admin (all of them). The name is the actor in the ledger.

            EXAMPLES
              invctl key create webshop --scopes read,purchase
              INVENTORY_KEY=$(invctl key create webshop --scopes read,purchase -o name)
              curl -H "Authorization: Bearer $INVENTORY_KEY" http://127.0.0.1:8080/v1/products
            """)
    @Argument(help: "Whose it is.") var name: String
    @Option(help: ArgumentHelp("What it entitles to, separated by commas.", valueName: "scope,…")) var scopes: String
    @Flag(help: "Say what would be made.") var dryRun = false
    @OptionGroup var common: CommonOptions

    func run(_ tool: Tool) async throws {
        let owner = try KeyOwner(name)
        let scopes = try scopes.split(separator: ",").map { word in
            guard let scope = Scope(rawValue: String(word)) else {
                throw CommandFailure(
                    .usage, "usage",
                    "there is no scope \(word); there are \(Scope.allCases.map(\.rawValue).joined(separator: ", "))")
            }
            return JSON.string(scope.rawValue)
        }
        let wanted: JSON = ["owner": .string(owner.text), "scopes": .array(scopes)]
        guard !dryRun else {
            let list = scopes.compactMap(\.string).joined(separator: ", ")
            return try tool.console.write(
                Record(owner.text, wanted, [.init("would make", "a key for \(owner.text)"), .init("scopes", list)]))
        }
        try Shown.grant(
            try await tool.send(AdminRequest(.post, AdminProtocol.root + "/keys").with(wanted)), tool)
    }
}

struct KeyListCommand: ToolCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "The keys there are, without their secrets.",
        discussion: "EXAMPLES\n  invctl key list\n  invctl key list --all -o json")
    @Flag(help: "Those that have ended, too.") var all = false
    @OptionGroup var common: CommonOptions

    func run(_ tool: Tool) async throws {
        let answer = try await tool.send(AdminRequest(.get, AdminProtocol.root + "/keys"))
        let shown = zip(try answer.message([KeyListing].self), try answer.json().items)
            .filter { all || $0.0.state != .ended }
        try tool.console.write(
            shown.map { Shown.key($0.0, $0.1) },
            empty: "There is no key. Make one with: invctl key create NAME --scopes read,purchase",
            like: Shown.key(nil, [:]))
    }
}

struct KeyRotateCommand: ToolCommand {
    static let configuration = CommandConfiguration(
        commandName: "rotate", abstract: "Give a key another secret; it is shown this once.",
        discussion: """
            The old secret goes on for the time of grace, in which clients can change over. Name and scopes stay. A key has four \
            secrets at most: of more the oldest end at once, whatever their grace.

            EXAMPLES
              invctl key rotate webshop --grace 24h
              invctl key rotate webshop --grace 0s     the old secret has leaked
            """)
    @Argument(help: "Whose key.") var name: String
    @Option(help: ArgumentHelp("How long the old secret goes on; 0s to end it now.", valueName: "time"))
    var grace = GraceTime(seconds: 3_600)
    @Flag(help: "Say what would change.") var dryRun = false
    @OptionGroup var common: CommonOptions

    func run(_ tool: Tool) async throws {
        let owner = try KeyOwner(name)
        guard !dryRun else { return try await Shown.key(of: owner, would: "rotate", tool) }
        let request = AdminRequest(.post, AdminProtocol.root + "/keys/\(owner.text)/rotate")
        try Shown.grant(try await tool.send(request.with(["grace_seconds": .integer(grace.seconds)])), tool)
    }
}

struct KeyRevokeCommand: ToolCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke", abstract: "End a key, with all its secrets, for good.",
        discussion: "Every daemon sees it within seconds.\n\nEXAMPLES\n  invctl key revoke webshop --yes")
    @Argument(help: "Whose key.") var name: String
    @Flag(name: [.customShort("y"), .long], help: "Do not ask.") var yes = false
    @Flag(help: "Say what would be ended.") var dryRun = false
    @OptionGroup var common: CommonOptions

    func run(_ tool: Tool) async throws {
        let owner = try KeyOwner(name)
        guard !dryRun else { return try await Shown.key(of: owner, would: "end", tool) }
        try tool.confirm("End the key of \(owner.text)? Whoever uses it is locked out.", yes: yes)
        let answer = try await tool.send(AdminRequest(.delete, AdminProtocol.root + "/keys/\(owner.text)"))
        try tool.console.write(Shown.key(try answer.message(KeyListing.self), try answer.json()))
    }
}

/// A length of time up to 30 days, which may be none.
struct GraceTime: ExpressibleByArgument, Sendable {
    let seconds: Int64

    init(seconds: Int64) { self.seconds = seconds }

    init?(argument: String) {
        let digits = argument.prefix { $0.isASCII && $0.isNumber }
        let units: [String: Int64] = ["s": 1, "m": 60, "h": 3_600, "d": 86_400]
        guard let count = Int64(digits), let unit = units[String(argument.dropFirst(digits.count))],
            count <= 30 * 86_400 / unit
        else { return nil }
        seconds = count * unit
    }

    var defaultValueDescription: String { Figures.span(.seconds(seconds)) }
}

extension Shown {
    /// - Parameter key: nothing for an example of such a record.
    static func key(_ key: KeyListing?, _ json: JSON) -> Record {
        let style: Style =
            switch key?.state {
            case .active: .green
            case .rotating, .ending: .yellow
            case .ended, nil: []
            }
        return Record(
            key?.owner ?? "", json,
            [
                .init("name", key?.owner), .init("scopes", key?.scopes.joined(separator: ",")),
                .init("state", StyledText(key?.state.rawValue ?? "-", style)),
                .init("made", key?.createdAt), .init("last used", key?.lastUsedAt ?? "never"),
                .init("secrets", key?.secrets.map(\.text).joined(separator: ", "), isWide: true),
            ])
    }

    /// What a change that is only tried would be made to.
    fileprivate static func key(of owner: KeyOwner, would change: String, _ tool: Tool) async throws {
        let answer = try await tool.send(AdminRequest(.get, AdminProtocol.root + "/keys"))
        guard
            let (key, json) = zip(try answer.message([KeyListing].self), try answer.json().items)
                .first(where: { $0.0.owner == owner.text })
        else { throw CommandFailure(.notFound, "not-found", "\(owner.text) has no key; see invctl key list --all") }
        let record = Self.key(key, json)
        let headline = Record.Field("would \(change)", "the key of \(owner.text)")
        try tool.console.write(Record(record.name, json, [headline] + record.fields.dropFirst()))
    }

    /// A key with its secret. The name of the answer is the secret, so that `-o name` hands it to a script.
    fileprivate static func grant(_ answer: AdminAnswer, _ tool: Tool) throws {
        let grant = try answer.message(KeyGrant.self)
        let json = try answer.json()
        let record = key(grant.key, json["key"])
        try tool.console.write(Record(grant.secret, json, record.fields + [.init("secret", grant.secret)]))
        tool.console.note("Keep the secret now: it is not shown again.")
    }
}

extension KeyListing.Secret {
    fileprivate var text: String { "\(KeySecret.prefix)\(id)_…" + (endsAt.map { " until \($0)" } ?? "") }
}
