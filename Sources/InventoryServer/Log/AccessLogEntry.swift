import InventoryKit

/// One request in the log.
struct AccessLogEntry {
    let requestID: String
    let method: String
    let route: String
    let path: String
    let status: Int
    let duration: Duration

    /// `hit`, `miss` or `bypass`, where a cache was asked.
    let cache: String?
    let caller: String

    /// Why the answer did not arrive, or was none to a request.
    let error: String?

    private var microseconds: Int64 {
        let (seconds, attoseconds) = duration.components
        return seconds * 1_000_000 + attoseconds / 1_000_000_000_000
    }

    /// Most paths are no longer than a log wants, and to count characters costs more than all the rest of a line.
    private var shortPath: String { path.utf8.count <= 512 ? path : String(path.prefix(512)) }

    /// The request as those are told who watch.
    func event(at time: Timestamp) -> MonitorEvent {
        MonitorEvent(
            at: time.rfc3339, requestId: requestID, method: method, path: shortPath, status: status,
            durationUs: microseconds, cache: cache, caller: caller)
    }

    func json(at time: Timestamp) -> [UInt8] {
        var writer = JSONWriter(capacity: 384)
        writer.object { writer in
            writer.member("time", time)
            writer.member("level", "info")
            writer.member("message", "request")
            writer.member("request_id", requestID)
            writer.member("method", method)
            writer.member("route", route)
            writer.member("path", shortPath)
            writer.member("status", Int64(status))
            writer.member("duration_us", microseconds)
            if let cache { writer.member("cache", cache) }
            writer.member("caller", caller)
            if let error { writer.member("error", error) }
        }
        return writer.bytes
    }

    func text(at time: Timestamp) -> [UInt8] {
        var line = "\(time.rfc3339) info \(method) \(shortPath) \(status) \(microseconds)us"
        if let cache { line += " \(cache)" }
        line += " \(caller) \(requestID)"
        if let error { line += " (\(error))" }
        return line.utf8.map { $0 < 0x20 || $0 == 0x7F ? 0x3F : $0 }
    }
}
