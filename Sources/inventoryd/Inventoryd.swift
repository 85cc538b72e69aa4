import ArgumentParser
import FoundationEssentials
import InventoryKit
import Logging
import MongoStore
import NIOPosix

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The daemon's command line: reads the configuration, then checks, prints or runs it.
@main
struct Inventoryd: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inventoryd",
        abstract: "An inventory of products and their stock, over a REST API.",
        discussion: """
            Without any setting it listens on 127.0.0.1:8080 and keeps its data in an embedded store. Settings come from \
            flags, else the environment, else .env in the working directory, else a file (--config, or \
            /etc/inventoryd/inventoryd.conf). --print-config shows each value and where it came from.
            """,
        version: "inventoryd \(Release.version)",
        subcommands: [Migrate.self]
    )

    @OptionGroup var settings: SettingOptions

    func run() async throws {
        guard let reading = try settings.readToRun() else { return }
        #if canImport(Glibc)
        MemoryArenas.bound()
        #endif
        let daemon = Daemon(reading: reading) { [settings] in settings.reading }
        do { try await daemon.run() } catch {
            complain("\(error)")
            leave(EXIT_FAILURE)
        }
        leave(EXIT_SUCCESS)
    }
}

/// Ends the process past what libraries do at an exit: a thread may still wait in one of them, for a server that does not
/// answer.
private func leave(_ code: Int32) -> Never {
    fflush(nil)
    _exit(code)
}

/// `inventoryd migrate`: what a start does by itself, for those who want it done before.
struct Migrate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make the store's tables or collections and indexes, or bring them up to date, and exit.",
        discussion: "A start does the same. On a large database it may take minutes, and is better done before."
    )

    @OptionGroup var settings: SettingOptions

    func run() async throws {
        guard let reading = try settings.readToRun() else { return }
        // What the store holds is nobody else's to read.
        umask(0o077)
        do {
            let logger = Logger(label: "inventoryd") { _ in SwiftLogNoOpLogHandler() }
            if let url = reading.configuration.mongo {
                let store = MongoStore(
                    url: url, connections: 4, timeout: reading.configuration.mongoTimeout, logger: logger)
                do { try await store.migrate() } catch {
                    await store.close()
                    throw error
                }
                await store.close()
                print("MongoDB at \(url.display) is up to date.")
            } else {
                let backend = try Backend(
                    reading.configuration, group: MultiThreadedEventLoopGroup.singleton, logger: logger)
                await backend.close()
                print("The embedded store in \(reading.configuration.stateDirectory) is up to date.")
            }
        } catch {
            complain("\(error)")
            leave(EXIT_FAILURE)
        }
        leave(EXIT_SUCCESS)
    }
}

/// Says something before there is a log.
func complain(_ text: String) {
    let bytes = Array("inventoryd: \(text)\n".utf8)
    _ = unsafe write(STDERR_FILENO, bytes, bytes.count)
}
