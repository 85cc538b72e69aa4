import Foundation
import InventoryKit

/// The real `inventoryd`, started for a test on a port of its own.
package final class DaemonProcess: Sendable {
    package enum Failure: Error, CustomStringConvertible {
        case didNotStart(log: String)
        case tookTooLong(waitingFor: String, log: String)

        package var description: String {
            switch self {
            case .didNotStart(let log): "inventoryd did not start:\n\(log)"
            case .tookTooLong(let what, let log): "waited too long for \(what):\n\(log)"
            }
        }
    }

    package let port: Int
    package let client: HTTPTestClient
    private let process: ChildProcess

    package var pid: Int32 { process.pid }
    package var log: [String] { process.errorLines }

    /// Starts the daemon and returns when it serves.
    ///
    /// - Parameters:
    ///   - prefix: a command that runs the daemon, such as `unshare --mount`.
    package init(
        stateDirectory: String, environment: [String: String] = [:], arguments: [String] = [], prefix: [String] = []
    ) async throws {
        // Tests call as fast as they can from one address.
        var variables = [
            "INVENTORYD_STATE_DIR": stateDirectory, "PORT": "0", "LOG_FORMAT": "json", "INVENTORYD_RATE_READ": "off",
            "INVENTORYD_RATE_WRITE": "off", "INVENTORYD_RATE_PURCHASE": "off",
        ]
        variables.merge(environment) { _, given in given }
        process = try ChildProcess(prefix + [Self.binary] + arguments, environment: variables)
        let line = try await process.errorLine { $0.contains("serves on") }
        guard let message = (try? JSONDocument(parsing: Array(line.utf8)))?.root["message"].string,
            let address = message.split(separator: " ").first(where: { $0.hasSuffix(",") && $0.contains(":") }),
            let port = address.dropLast().split(separator: ":").last.flatMap({ Int($0) })
        else { throw Failure.didNotStart(log: line) }
        self.port = port
        client = HTTPTestClient(port: port)
    }

    /// Where `swift build` has put the daemon; `INVENTORYD_BINARY` names another.
    package static var binary: String {
        ProcessInfo.processInfo.environment["INVENTORYD_BINARY"] ?? projectDirectory + "/.build/debug/inventoryd"
    }

    package static var projectDirectory: String {
        URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .path
    }

    /// The memory it has of its own, in bytes, as proc(5) says.
    package func residentBytes() throws -> Int {
        let status = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
        guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmRSS:") }),
            let kilobytes = line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap({ Int($0) })
        else { throw Failure.didNotStart(log: status) }
        return kilobytes * 1_024
    }

    package func signal(_ number: Int32) { process.signal(number) }

    /// `kill -9`, and waits until it is dead.
    package func killHard() async throws {
        signal(SIGKILL)
        _ = try await process.exitCode()
    }

    /// SIGTERM, and its exit code.
    package func stop() async throws -> Int32 {
        signal(SIGTERM)
        return try await process.exitCode()
    }

    package func exitCode() async throws -> Int32 { try await process.exitCode() }

    /// Waits for a line of the log.
    package func logLine(_ isWanted: (String) -> Bool) async throws -> String {
        try await process.errorLine(isWanted)
    }
}
