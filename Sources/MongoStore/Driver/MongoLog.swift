import CMongoc
import Logging
import Synchronization

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// libmongoc's own messages, on their way into our log. It has one handler for the whole process.
enum MongoLog {
    private struct State {
        var logger: Logger?
        /// The URIs in use, for what is secret in them.
        var urls: [MongoURL] = []

        /// What threads have been told that listen for themselves.
        var heard: [pthread_t: [String]] = [:]
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

    /// What libmongoc says while this thread calls it, which goes to no log.
    static func messages<Value>(during body: () -> Value) -> (value: Value, messages: [String]) {
        let thread = pthread_self()
        state.withLock { $0.heard[thread] = [] }
        let value = body()
        return (value, state.withLock { $0.heard.removeValue(forKey: thread) ?? [] })
    }

    static func redact(_ url: MongoURL) { state.withLock { $0.urls.append(url) } }

    static func forget(_ url: MongoURL) {
        state.withLock { state in
            if let place = state.urls.firstIndex(of: url) { state.urls.remove(at: place) }
        }
    }

    private static func take(_ level: mongoc_log_level_t, domain: String, _ message: String) {
        let (logger, text): (Logger?, String) = state.withLock { state in
            if state.heard[pthread_self()]?.append(message) != nil { return (nil, message) }
            return (state.logger, state.urls.reduce(message) { text, url in url.redacted(text) })
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
