import AdminClient
import InventoryKit

/// What the process ends with. The manual and `invctl help exit-codes` tell them from here.
enum ExitStatus: Int32, CaseIterable, Sendable {
    case ok = 0
    case failed = 1
    case usage = 2
    case notReachable = 3
    case forbidden = 4
    case notFound = 5
    case refused = 6
    case timedOut = 7
    case partly = 8
    case interrupted = 130

    var meaning: String {
        switch self {
        case .ok: "it is done"
        case .failed: "it failed; the message says why"
        case .usage: "the command line or the input is not right"
        case .notReachable: "the daemon cannot be reached"
        case .forbidden: "this user may not do that"
        case .notFound: "there is no such thing"
        case .refused:
            "the state does not allow it: not enough stock, a conflict, archived, a store that is being imported into"
        case .timedOut: "no answer in time"
        case .partly: "some rows or lines were done, and some were not"
        case .interrupted: "interrupted by Ctrl-C"
        }
    }
}

/// Why a command did not do what it was told.
struct CommandFailure: Error, Sendable {
    let status: ExitStatus

    /// A stable name: of a problem (docs/errors.md), or of this tool.
    let code: String
    let message: String

    /// Further figures, for those who read JSON.
    var members: [String: JSON] = [:]

    /// Of one that need not be told: whoever ended the pipe knows.
    static let noReader = "no-reader"

    /// Whether what was asked for last may have been done all the same.
    var isInDoubt: Bool {
        code == "outcome-unknown"
            || [.notReachable, .timedOut, .interrupted].contains(status) && code != "not-running"
    }

    /// The same, of something that can be run again, and how far it came.
    func unfinished(_ done: Int, _ known: String, members more: [String: JSON] = [:]) -> CommandFailure {
        var members = members.merging(more) { $1 }
        members["done"] = .integer(Int64(done))
        return CommandFailure(
            status, code,
            """
            \(message)
            \(Figures.count(done)) \(known). Run the same command again: it goes on, and nothing happens twice.
            """, members: members)
    }

    init(_ status: ExitStatus, _ code: String, _ message: String, members: [String: JSON] = [:]) {
        self.status = status
        self.code = code
        self.message = message
        self.members = members
    }

    /// What any error means for who called the tool.
    init(_ error: any Error) {
        switch error {
        case let failure as CommandFailure: self = failure
        case let error as AdminError: self.init(error)
        case is CancellationError: self.init(.interrupted, "interrupted", "interrupted")
        case let error as InvalidValue: self.init(.usage, "usage", error.detail)
        case InventoryError.invalid(let faults):
            let faults = faults.map { $0.pointer.isEmpty ? $0.detail : "\($0.pointer) \($0.detail)" }
            self.init(.usage, ProblemCode.invalid.rawValue, faults.joined(separator: "\n  "))
        case let error as OutputFailure:
            self.init(.failed, error.isForWantOfReaders ? Self.noReader : "no-output", error.description)
        default: self.init(.failed, "failed", "\(error)")
        }
    }

    private init(_ error: AdminError) {
        switch error {
        case .notRunning: self.init(.notReachable, "not-running", error.description)
        case .noPermission: self.init(.forbidden, "no-permission", error.description)
        case .pathTooLong: self.init(.usage, "path-too-long", error.description)
        case .timedOut: self.init(.timedOut, "timed-out", error.description)
        case .closed: self.init(.notReachable, "closed", error.description)
        case .foreign: self.init(.failed, "foreign", error.description)
        case .refused(let refused):
            var members: [String: JSON] = [:]
            if case .object(let all) = refused.document { members = all }
            self.init(Self.status(of: refused), refused.code, error.description, members: members)
        }
    }

    private static func status(of refused: AdminError.Refused) -> ExitStatus {
        switch refused.status {
        case 400, 405, 406, 413, 414, 415, 422, 431: .usage
        case 401, 403: .forbidden
        case 404: .notFound
        case 409, 410, 412: .refused
        case 408, 504: .timedOut
        default: .failed
        }
    }
}
