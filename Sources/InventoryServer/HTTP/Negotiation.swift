import HTTPTypes
import InventoryKit

/// The headers that make a request conditional (RFC 9110, section 13).
enum Conditions {
    /// The states that `If-Match` permits; nothing where the header is absent or permits any. What cannot be one of our
    /// validators permits no state. Comparison is strong, so weak ones never match.
    static func ifMatch(_ headers: HTTPFields) -> [ETag]? {
        guard let value = headers[.ifMatch], value.trimmed != "*" else { return nil }
        return value.split(separator: ",").compactMap { ETag(quoted: $0.trimmed) }
    }

    /// Whether `If-None-Match` names the state, so that it need not be sent again. Comparison is weak.
    ///
    /// - Parameter quoted: the state's strong validator.
    static func ifNoneMatch(_ headers: HTTPFields, names quoted: String) -> Bool {
        guard let value = headers[.ifNoneMatch] else { return false }
        return value.split(separator: ",").contains { candidate in
            let candidate = candidate.trimmed
            return candidate == "*" || candidate == quoted
                || (candidate.hasPrefix("W/") && candidate.dropFirst(2) == quoted)
        }
    }
}

/// The media types of requests and answers.
enum MediaTypes {
    static let json: Set<String> = ["application/json"]
    static let mergePatch: Set<String> = ["application/merge-patch+json", "application/json"]
    static let ndjson: Set<String> = ["application/x-ndjson", "application/ndjson", "application/jsonl"]

    /// - Throws: a ``Problem`` when the body is none of the types, or not UTF-8.
    static func check(_ headers: HTTPFields, isOneOf types: Set<String>) throws(Problem) {
        let given = headers[.contentType] ?? ""
        // Nearly every request says it just so.
        if types.contains(given), headers[.contentEncoding] == nil { return }
        let parts = given.split(separator: ";").map { SKU.fold(String($0.trimmed)) }
        let isUTF8 = parts.dropFirst().allSatisfy { parameter in
            !parameter.hasPrefix("charset=") || ["utf-8", "\"utf-8\""].contains(parameter.dropFirst(8))
        }
        guard let type = parts.first, types.contains(type), isUTF8, headers[.contentEncoding] == nil else {
            let wanted = types.sorted().joined(separator: " or ")
            throw Problem(
                .unsupportedMediaType, "Send the body as \(wanted), in UTF-8 and not compressed (Content-Type).")
        }
    }

    /// - Throws: a ``Problem`` when `Accept` leaves the type out.
    static func check(_ headers: HTTPFields, accept type: String) throws(Problem) {
        guard let accept = headers[.accept], !accept.trimmed.isEmpty else { return }
        let ranges = ["*/*", type.prefix { $0 != "/" } + "/*", type]
        // The most specific range decides (RFC 9110, 12.5.1).
        var (best, isAccepted) = (-1, false)
        for range in accept.split(separator: ",") {
            let parts = range.split(separator: ";").map { SKU.fold(String($0.trimmed)) }
            guard let name = parts.first, let place = ranges.firstIndex(of: name), place >= best else { continue }
            let isRefused = parts.dropFirst().contains { $0.hasPrefix("q=") && (Double($0.dropFirst(2)) ?? 0) <= 0 }
            (best, isAccepted) = (place, place == best && isAccepted || !isRefused)
        }
        guard isAccepted else { throw Problem(.notAcceptable, "This is answered as \(type), which Accept leaves out.") }
    }
}

extension StringProtocol {
    /// Without the blanks and tabs that HTTP permits around a list's members.
    var trimmed: SubSequence {
        let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        let head = drop(while: isBlank)
        guard let end = head.lastIndex(where: { !isBlank($0) }) else { return head }
        return head[...end]
    }
}
