package import InventoryKit

/// Why the daemon did not do what it was asked, in words that say what to do.
package enum AdminError: Error, Sendable, CustomStringConvertible {
    /// Nobody listens at any of the places.
    case notRunning(tried: [String])

    /// This user may not connect.
    case noPermission(path: String)

    /// The path is longer than a socket's address holds.
    case pathTooLong(path: String)

    /// No answer within so many seconds.
    case timedOut(seconds: Double)

    /// The connection ended before the answer did.
    case closed(String)

    /// The daemon says no.
    case refused(Refused)

    /// What answers is no inventoryd, or one of another release.
    case foreign(String)

    /// A problem document (RFC 9457), as the daemon sent it.
    package struct Refused: Sendable {
        package let status: Int
        package let document: JSON

        /// The stable name of what is wrong.
        package var code: String { text("code") ?? "-" }
        package var detail: String { text("detail") ?? text("title") ?? "status \(status)" }

        package init(status: Int, document: JSON) {
            self.status = status
            self.document = document
        }

        package subscript(_ name: String) -> JSON? {
            guard case .object(let members) = document else { return nil }
            return members[name]
        }

        package func text(_ name: String) -> String? {
            if case .string(let text)? = self[name] { text } else { nil }
        }

        package func integer(_ name: String) -> Int64? {
            if case .integer(let value)? = self[name] { value } else { nil }
        }

        /// What is wrong with each member or parameter: `/price/amount must be …`.
        package var faults: [String] {
            guard case .array(let errors)? = self["errors"] else { return [] }
            return errors.compactMap { error in
                guard case .object(let members) = error, case .string(let detail)? = members["detail"] else {
                    return nil
                }
                for name in ["pointer", "parameter"] {
                    if case .string(let place)? = members[name] { return place.isEmpty ? detail : "\(place) \(detail)" }
                }
                return detail
            }
        }
    }

    package var description: String {
        switch self {
        case .notRunning(let tried):
            """
            inventoryd is not running, or elsewhere: nobody listens at \(tried.joined(separator: ", ")). Start it with \
            inventoryd (or systemctl start inventoryd), or name its socket with --socket or INVCTL_SOCKET.
            """
        case .noPermission(let path):
            """
            this user may not connect to \(path). Ask as root or as the daemon's user, or have yourself added to the \
            group of the socket (ls -l \(path)).
            """
        case .pathTooLong(let path):
            """
            the socket's path has \(path.utf8.count) bytes, and a socket's address holds \
            \(AdminSocketPlace.pathLimit): \(path). Name a shorter one.
            """
        case .timedOut(let seconds):
            "the daemon did not answer within \(seconds < 1 ? "\(Int(seconds * 1_000)) ms" : "\(Int(seconds)) s"). See invctl doctor, or wait longer with --timeout."
        case .closed(let reason):
            "the connection to the daemon ended before the answer did (\(reason)). See its log, and try again."
        case .refused(let refused):
            ([refused.detail] + refused.faults).joined(separator: "\n  ")
        case .foreign(let what):
            "what answers there is no inventoryd that this invctl understands: \(what)"
        }
    }
}

extension AdminError {
    /// Reads a line of an answer that comes in lines: trouble is the last of them, `{"error": problem}`.
    ///
    /// - Throws: ``refused(_:)`` where it is trouble.
    package static func check(_ line: [UInt8]) throws(AdminError) {
        guard let problem = (try? JSONDocument(parsing: line))?.root["error"], problem != .null else { return }
        throw .refused(Refused(status: Int(clamping: problem["status"].int ?? 500), document: problem))
    }
}
