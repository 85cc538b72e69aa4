import Dispatch
package import InventoryKit
package import Logging
import Synchronization

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Where log lines go: a file descriptor, written by a thread of its own, so that whoever reads the log cannot slow the
/// service down. What it does not take in time is dropped and counted.
package final class LogSink: Sendable {
    package enum Format: String, CaseIterable, Sendable {
        case text, json
    }

    private static let bufferLimit = 4 * 1_024 * 1_024

    /// What is kept to be filled again.
    private static let spareLimit = 512 * 1_024

    private struct Buffer {
        var bytes: [UInt8] = []
        var isFlushing = false
        var dropped = 0
    }

    private let descriptor: Int32
    private let format: Format
    private let clock: any WallClock
    private let buffer = Mutex(Buffer())
    private let queue = DispatchQueue(label: "inventory.log")

    package init(descriptor: Int32, format: Format, clock: any WallClock = SystemClock()) {
        self.descriptor = descriptor
        self.format = format
        self.clock = clock
    }

    /// Waits until everything said so far is written; not for long, where whoever reads the log stands still.
    package func flush() {
        let writing = DispatchWorkItem { self.write() }
        queue.async(execute: writing)
        _ = writing.wait(timeout: .now() + .seconds(1))
    }

    func access(_ entry: AccessLogEntry) {
        let now = clock.now()
        append(format == .json ? entry.json(at: now) : entry.text(at: now))
    }

    func message(_ level: Logger.Level, _ label: String, _ message: String, _ metadata: Logger.Metadata) {
        let now = clock.now().rfc3339
        switch format {
        case .json:
            var writer = JSONWriter()
            writer.object { writer in
                writer.member("time", now)
                writer.member("level", level.rawValue)
                writer.member("logger", label)
                writer.member("message", message)
                for (name, value) in metadata.sorted(by: { $0.key < $1.key }) {
                    writer.member(name, .string("\(value)"))
                }
            }
            append(writer.bytes)
        case .text:
            let fields = metadata.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
            // One event, one line, whatever an error's text contains.
            let line = "\(now) \(level.rawValue) \(message)\(fields)"
            append(line.utf8.map { $0 < 0x20 ? 0x20 : $0 })
        }
    }

    private func append(_ line: [UInt8]) {
        let starts = buffer.withLock { buffer in
            guard buffer.bytes.count + line.count <= Self.bufferLimit else {
                buffer.dropped += 1
                return false
            }
            buffer.bytes += line
            buffer.bytes.append(0x0A)
            defer { buffer.isFlushing = true }
            return !buffer.isFlushing
        }
        // Lines are written by the hundred under load: waking a thread for each would cost more than the requests.
        if starts { queue.asyncAfter(deadline: .now() + .milliseconds(10)) { self.write() } }
    }

    private func write() {
        var bytes: [UInt8] = []
        while true {
            // Two take turns, since one that grows anew each time asks the system for memory again and again.
            if bytes.capacity <= Self.spareLimit { bytes.removeAll(keepingCapacity: true) } else { bytes = [] }
            let dropped = buffer.withLock { buffer in
                defer { buffer.dropped = 0 }
                if buffer.bytes.isEmpty { buffer.isFlushing = false }
                swap(&buffer.bytes, &bytes)
                return buffer.dropped
            }
            guard !bytes.isEmpty else { return }
            writeAll(bytes)
            if dropped > 0 {
                message(
                    .warning, "log", "Log lines were dropped: what reads the log is too slow", ["dropped": "\(dropped)"]
                )
            }
        }
    }

    private func writeAll(_ bytes: [UInt8]) {
        unsafe bytes.withUnsafeBytes { buffer in
            var offset = 0
            while offset < buffer.count, let start = buffer.baseAddress {
                #if canImport(Glibc)
                let count = unsafe Glibc.write(descriptor, start + offset, buffer.count - offset)
                #else
                let count = unsafe Darwin.write(descriptor, start + offset, buffer.count - offset)
                #endif
                if count > 0 {
                    offset += count
                } else if errno == EAGAIN {
                    // Somebody who shares the descriptor has made it so.
                    var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    _ = unsafe poll(&wait, 1, -1)
                } else if errno != EINTR {
                    // Nobody is left to tell.
                    return
                }
            }
        }
    }
}

/// Sends swift-log's messages to a ``LogSink``, at the level that the server's settings say at that moment.
package struct SinkLogHandler: LogHandler {
    private let label: String
    private let sink: LogSink
    private let state: ServerState
    package var metadata: Logger.Metadata = [:]

    /// What the code asks for; the operator can only be told less than that, not more.
    private var least = Logger.Level.trace

    package init(label: String, sink: LogSink, state: ServerState) {
        self.label = label
        self.sink = sink
        self.state = state
    }

    package var logLevel: Logger.Level {
        get { max(least, state.settings.logLevel) }
        set { least = newValue }
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        let merged = metadata.merging(event.metadata ?? [:]) { _, new in new }
        sink.message(event.level, label, "\(event.message)", merged)
    }
}
