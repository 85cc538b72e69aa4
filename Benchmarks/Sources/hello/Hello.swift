import Hummingbird
import Logging

/// The least that Hummingbird can do: a constant answer, nothing logged. The yardstick for a cached read.
@main
struct Hello {
    static func main() async throws {
        let router = Router()
        router.get("/") { _, _ in "Hello" }
        let port = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 8081
        let app = Application(
            router: router,
            configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: port)),
            logger: Logger(label: "hello") { _ in SwiftLogNoOpLogHandler() }
        )
        try await app.runService()
    }
}
