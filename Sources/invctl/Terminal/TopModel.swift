/// What `top` shows, as of one moment. Rates are per second; histories have the newest last, nil where nothing was
/// measured.
struct TopModel: Equatable, Sendable {
    var daemon: Daemon
    var store: Store
    var requests = Requests()
    var statuses = Statuses()
    var latency = Latency()
    var cache = Cache()
    var purchases = Purchases()
    var process = Process()

    /// The most asked for first; may be empty.
    var products: [BusyProduct] = []

    var contact = Contact.live

    enum Contact: Equatable, Sendable {
        case live
        /// The daemon has not answered for so long, and why; the figures are the last ones.
        case lost(since: Duration, reason: String)
    }

    struct Daemon: Equatable, Sendable {
        var name = "inventoryd"
        var version: String
        var uptime: Duration
        var isDraining = false
    }

    struct Store: Equatable, Sendable {
        /// "MongoDB 7.0, rs0"
        var description: String
        var isReady: Bool
    }

    struct Requests: Equatable, Sendable {
        var perSecond = 0.0
        var history: [Double?] = []
        var reads = 0.0
        var writes = 0.0
        var purchases = 0.0
        var inFlight = 0
    }

    /// Answers per second.
    struct Statuses: Equatable, Sendable {
        var successes = 0.0
        /// 4xx other than 429.
        var clientErrors = 0.0
        var tooManyRequests = 0.0
        var serverErrors = 0.0
    }

    /// In nanoseconds; nil while nothing is measured.
    struct Latency: Equatable, Sendable {
        var p50: Int?
        var p90: Int?
        var p99: Int?
        var max: Int?
        /// Of p99.
        var history: [Double?] = []
    }

    struct Cache: Equatable, Sendable {
        enum Condition: Sendable {
            case ok
            /// There is one, but it is bypassed.
            case off
            /// None is configured.
            case none
        }

        struct Redis: Equatable, Sendable {
            var description: String
            /// Of its last answer, in nanoseconds; nil when it does not answer.
            var latency: Int?
        }

        var condition = Condition.none
        var redis: Redis?

        /// Hit rates from 0 to 1; nil while nothing was read.
        var tenSeconds: Double?
        var minute: Double?
        var ever: Double?
        var history: [Double?] = []

        var hits = 0.0
        var misses = 0.0
        var bypasses = 0.0
        var fills = 0.0
        /// Reads that the store did not have to serve.
        var readsSpared = 0.0
    }

    struct Purchases: Equatable, Sendable {
        var accepted = 0.0
        /// For want of stock, and for other reasons of the state.
        var refused = 0.0
        /// Of those accepted.
        var history: [Double?] = []
    }

    struct Process: Equatable, Sendable {
        /// In bytes; nil where the system does not tell.
        var memory: Int?
        var connections = 0
    }

    struct BusyProduct: Equatable, Sendable {
        var sku: String
        var perSecond: Double
    }
}
