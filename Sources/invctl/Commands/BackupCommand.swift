import AdminClient
import ArgumentParser
import InventoryKit

struct BackupCommand: ToolCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup", abstract: "Copy the embedded store into a file, while it sells.",
        discussion: """
            Every purchase that was acknowledged before is in it, and it has been looked through for damage. The file is for \
            this user alone, and is there as a whole or not at all. To restore it, stop the daemon, move the old \
            inventory.sqlite and what begins with its name out of the state directory, put the backup in its place, and start \
            the daemon. For MongoDB see docs/operations.md.

            EXAMPLES
              invctl backup /var/backups/inventory-$(date +%F).sqlite
              invctl backup - | zstd > inventory.sqlite.zst
            """)
    @Argument(help: "A file, or - for standard output.") var file: String
    @Flag(help: "Replace a file that is there.") var force = false
    @OptionGroup var common: CommonOptions

    /// How long the daemon may take to make the copy before it sends any of it: on a slow disk, hundreds of gigabytes.
    private static let patience = Duration.seconds(3_600)

    func run(_ tool: Tool) async throws {
        let output = try tool.output(file, replacing: force)
        var progress = ProgressLine("backup KiB", tool.console)
        do {
            try await tool.connected { connection in
                try await connection.pieces(
                    AdminRequest(.post, AdminProtocol.root + "/backup"), patience: Self.patience, silence: tool.timeout
                ) { piece, total in
                    try output.write(piece)
                    progress.update(done: output.bytesWritten >> 10, total: total.map { $0 >> 10 })
                }
            }
            try output.finish()
        } catch {
            progress.hide()
            output.discard()
            throw error
        }
        progress.hide()
        try tool.tell(
            Record(
                file, ["file": .string(file), "bytes": .integer(Int64(output.bytesWritten))],
                [
                    .init("file", file),
                    .init("size", Figures.bytes(output.bytesWritten)),
                ]), besides: output)
    }
}

extension Tool {
    /// Where a stream of bytes is to go.
    ///
    /// - Throws: ``CommandFailure`` when it cannot go there.
    func output(_ path: String, replacing: Bool) throws -> WholeFile {
        guard path != "-" || !console.output.capabilities.isTerminal else {
            throw CommandFailure(
                .usage, "usage", "This is not for reading: name a file, or send it on with a pipe or > FILE.")
        }
        return try WholeFile(path, replacing: replacing)
    }

    /// Tells of what was written; not among the bytes themselves.
    func tell(_ record: Record, besides output: WholeFile) throws {
        guard output.isStandardOutput else { return try console.write(record) }
        console.note(record.fields.map { "\($0.title) \($0.text.plain)" }.joined(separator: ", "))
    }
}
