import CMongoc
import Logging
import Synchronization

/// libmongoc's own messages, on their way into our log. It has one handler for the whole process.
enum MongoLog {
    private struct State {
        var logger: Logger?
        /// The URIs in use, for what is secret in them.
        var urls: [MongoURL] = []
    }

    private static let state = Mutex(State())

    /// Starts libmongoc, once in a process: it is not to be started again after it was stopped, so it never is.
    private static let started: Void = {
        mongoc_init()
        unsafe mongoc_log_set_handler(
            { level, domain, message, _ in
                MongoLog.take(
                    level, domain: unsafe domain.map { unsafe String(cString: $0) } ?? "",
                    unsafe message.map { unsafe String(cString: $0) } ?? "")
            }, nil)
    }()

    /// Takes libmongoc's messages from now on; without a logger they are dropped.
    static func start(_ logger: Logger? = nil) {
        if let logger { state.withLock { $0.logger = logger } }
        _ = started
    }

    static func redact(_ url: MongoURL) { state.withLock { $0.urls.append(url) } }

    static func forget(_ url: MongoURL) {
        state.withLock { state in
            if let place = state.urls.firstIndex(of: url) { state.urls.remove(at: place) }
        }
    }

    private static func take(_ level: mongoc_log_level_t, domain: String, _ message: String) {
        let (logger, text) = state.withLock { state in
            (state.logger, state.urls.reduce(message) { text, url in url.redacted(text) })
        }
        logger?.log(level: Self.level(level), "libmongoc: \(text)", metadata: ["domain": "\(domain)"])
    }

    private static func level(_ level: mongoc_log_level_t) -> Logger.Level {
        switch level {
        case MONGOC_LOG_LEVEL_ERROR, MONGOC_LOG_LEVEL_CRITICAL: .error
        case MONGOC_LOG_LEVEL_WARNING: .warning
        case MONGOC_LOG_LEVEL_MESSAGE, MONGOC_LOG_LEVEL_INFO: .info
        case MONGOC_LOG_LEVEL_DEBUG: .debug
        default: .trace
        }
    }
}
