import InventoryKit
import InventoryServer
import Logging
import MongoStore
import RedisClient

/// How the daemon runs, every value checked.
struct Configuration: Sendable, Equatable {
    var host = ""
    var port = 0
    var stateDirectory = ""

    /// MongoDB instead of the embedded store.
    var mongo: MongoURL?
    var mongoConnections = 16
    var mongoTimeout = Duration.seconds(10)

    /// Redis, for the cache of a shared store and for rate limits.
    var redis: RedisURL?

    /// Where operators ask; nothing where they cannot.
    var socket: String?

    /// Whether somebody named the socket, so that it must not go without.
    var isSocketNamed = false
    var adminGroup: AdminGroup?

    /// Files in PEM, for TLS; nothing for plain HTTP.
    var certificateFile: String?
    var certificateKeyFile: String?

    /// What somebody said; nothing where nobody did.
    var statedAuthentication: Authentication?
    /// Where metrics are served besides the admin socket.
    var metricsAddress: APIServer.Address?
    var cacheTimeToLive = Duration.seconds(60)
    var writesPerTransaction = 256
    var server = ServerSettings()
    var logFormat = LogSink.Format.json

    /// Every setting there is, in the order of the documentation.
    static let table: [Setting] = [
        Setting("INVENTORYD_HOST", default: "127.0.0.1", flag: "host", "address the API listens on; :: for all") {
            $1.host = try Text.notBlank($0)
        },
        Setting(
            "PORT", "INVENTORYD_PORT", default: "8080", flag: "port", "port the API listens on; 0 for any that is free"
        ) {
            $1.port = try Text.integer($0, in: 0...65_535)
        },
        Setting(
            "INVENTORYD_STATE_DIR", default: nil, flag: "state-dir",
            "directory of the embedded store; default $STATE_DIRECTORY, else $XDG_STATE_HOME/inventoryd, else ~/.local/state/inventoryd"
        ) { $1.stateDirectory = try Text.notBlank($0) },
        Setting(
            "MONGO_URL", "MONGO_URI", default: nil, isSecret: true,
            "MongoDB, as mongodb:// or mongodb+srv://, with the database in its path (else inventory); default is the embedded store"
        ) { text, configuration in
            do { configuration.mongo = try MongoURL(text) } catch let error as MongoURLError {
                throw SettingError(error.description)
            }
        },
        Setting(
            "INVENTORYD_MONGO_POOL", default: "16", flag: "mongo-pool",
            "connections to MongoDB for calls at most, 4 to 256"
        ) { $1.mongoConnections = try Text.integer($0, in: 4...256) },
        Setting(
            "INVENTORYD_MONGO_TIMEOUT", default: "10s", flag: "mongo-timeout",
            "how long a call waits for MongoDB before it fails with 503"
        ) { $1.mongoTimeout = try Text.duration($0) },
        Setting(
            "REDIS_URL", default: nil, isSecret: true,
            "Redis, as redis://, rediss:// or unix://, for the cache of MongoDB and for rate limits of all daemons; default is neither"
        ) { text, configuration in
            do { configuration.redis = try RedisURL(text) } catch let error as RedisURLError {
                throw SettingError(error.description)
            }
        },
        Setting(
            "INVENTORYD_SOCKET", default: nil, flag: "socket",
            "Unix socket of the admin channel, or none; default is in $RUNTIME_DIRECTORY, else in the first of /run/inventoryd, $XDG_RUNTIME_DIR/inventoryd and /tmp/inventoryd-UID that can be used"
        ) { text, configuration in
            guard text != "none" else { return }
            guard text.hasPrefix("/"), text.utf8.count <= AdminSocketPlace.pathLimit else {
                throw SettingError(
                    "must be none, or a path that begins with / and has at most \(AdminSocketPlace.pathLimit) bytes")
            }
            configuration.socket = text
        },
        Setting(
            "INVENTORYD_ADMIN_GROUP", default: nil, flag: "admin-group",
            "group whose members may change things over the admin socket; default is nobody but root and the daemon's user"
        ) { text, configuration in
            do { configuration.adminGroup = try AdminGroup(named: text) } catch let trouble as SocketTrouble {
                throw SettingError(trouble.description)
            }
        },
        Setting(
            "INVENTORYD_AUTH", default: nil, flag: "auth",
            "requests that need an API key: off (none), writes or all; default is off on a loopback address, else all",
            effect: \.authentication.rawValue
        ) { $1.statedAuthentication = try Text.choice($0, Authentication.self) },
        Setting(
            "INVENTORYD_TLS_CERT", default: nil, flag: "tls-cert",
            "file in PEM with the certificate of the API, then those that lead to an authority, for HTTPS; default is plain HTTP. SIGHUP reads it again"
        ) { $1.certificateFile = try Text.notBlank($0) },
        Setting(
            "INVENTORYD_TLS_KEY", default: nil, flag: "tls-key", "file in PEM with the key of that certificate"
        ) { $1.certificateKeyFile = try Text.notBlank($0) },
        Setting(
            "INVENTORYD_METRICS_LISTEN", default: nil, flag: "metrics-listen",
            "address and port, as in 127.0.0.1:9090, where /metrics is served to whoever can reach it; default is the admin socket alone"
        ) { $1.metricsAddress = try Text.address($0) },
        Setting(
            "INVENTORYD_CACHE_TTL", default: "60s", flag: "cache-ttl",
            "how long a cached product is served, give or take a tenth"
        ) {
            $1.cacheTimeToLive = try Text.duration($0)
        },
        Setting(
            "INVENTORYD_GROUP_COMMIT", default: "256", flag: "group-commit",
            "writes that share one transaction of the embedded store at most, up to 4096; 1 gives each its own"
        ) { $1.writesPerTransaction = try Text.integer($0, in: 1...4_096) },
        Setting(
            "INVENTORYD_RATE_READ", default: "1000/s:2000", flag: "rate-read",
            "reads per caller: calls a second (/s), minute (/m) or hour (/h), and after a colon at once; off for no limit"
        ) { $1.server.limits[.read] = try Text.rate($0) },
        Setting(
            "INVENTORYD_RATE_WRITE", default: "100/s:200", flag: "rate-write",
            "changes per caller, other than purchases; a bulk load is one"
        ) { $1.server.limits[.write] = try Text.rate($0) },
        Setting(
            "INVENTORYD_RATE_PURCHASE", default: "200/s:400", flag: "rate-purchase", "purchases per caller"
        ) { $1.server.limits[.purchase] = try Text.rate($0) },
        Setting(
            "INVENTORYD_TRUSTED_PROXIES", default: "", flag: "trusted-proxies",
            "addresses or ranges (10.0.0.0/8), separated by commas, whose X-Forwarded-For is believed; none by default"
        ) { $1.server.limits.trustedProxies = try Text.ranges($0) },
        Setting(
            "INVENTORYD_CORS_ORIGINS", default: "", flag: "cors-origins",
            "origins browsers may call from, separated by commas; * for any; none by default"
        ) { $1.server.corsOrigins = try Text.origins($0) },
        Setting(
            "INVENTORYD_REQUIRE_IDEMPOTENCY_KEY", default: "false", flag: "require-idempotency-key",
            "whether every POST must have an Idempotency-Key: true or false"
        ) { $1.server.requiresIdempotencyKey = try Text.bool($0) },
        Setting(
            "INVENTORYD_MAX_IN_FLIGHT", default: "1024", flag: "max-in-flight",
            "requests under way at once; more wait for 250 ms at most, and are told 503 then"
        ) { $1.server.maxInFlight = try Text.integer($0, in: 1...1_000_000) },
        Setting(
            "INVENTORYD_MAX_CONNECTIONS_PER_ADDRESS", default: "256", flag: "max-connections-per-address",
            "connections at once from one address; 0 or off for any number. This machine and trusted proxies may have any number"
        ) { $1.server.maxConnectionsPerAddress = try Text.limit($0, upTo: 1_000_000) },
        Setting(
            "LOG_LEVEL", default: "info", flag: "log-level",
            "least severe level to log: trace, debug, info, notice, warning, error or critical"
        ) { $1.server.logLevel = try Text.choice($0, Logger.Level.self) },
        Setting(
            "LOG_FORMAT", default: nil, flag: "log-format",
            "form of the log: text or json; default text on a terminal, else json"
        ) { $1.logFormat = try Text.choice($0, LogSink.Format.self) },
    ]

    /// The settings that can change while the daemon runs.
    static let changeable: Set<String> = [
        "INVENTORYD_RATE_READ", "INVENTORYD_RATE_WRITE", "INVENTORYD_RATE_PURCHASE", "INVENTORYD_TRUSTED_PROXIES",
        "INVENTORYD_CORS_ORIGINS", "INVENTORYD_REQUIRE_IDEMPOTENCY_KEY", "INVENTORYD_MAX_IN_FLIGHT",
        "INVENTORYD_MAX_CONNECTIONS_PER_ADDRESS", "LOG_LEVEL",
    ]

    /// What no single setting can see.
    func contradictions() -> [String] {
        var mistakes: [String] = []
        if mongo == nil, stateDirectory.isEmpty {
            mistakes.append("INVENTORYD_STATE_DIR: must be set, because there is no HOME to put state under")
        }
        switch (certificateFile, certificateKeyFile) {
        case (nil, nil): break
        case (let certificate?, let key?):
            do { try ServerCertificate.check(certificate: certificate, key: key) } catch {
                mistakes.append("INVENTORYD_TLS_CERT, INVENTORYD_TLS_KEY: \(error)")
            }
        case (_, nil): mistakes.append("INVENTORYD_TLS_KEY: must be set too, to the key of INVENTORYD_TLS_CERT")
        case (nil, _): mistakes.append("INVENTORYD_TLS_CERT: must be set too, to the certificate of INVENTORYD_TLS_KEY")
        }
        return mistakes
    }

    /// What a setting says to no effect.
    var ineffective: [String] { mongo?.warnings.map { "MONGO_URL: \($0), which has no effect" } ?? [] }

    /// Which requests need an API key. Where others than this machine can reach it, all do unless somebody says otherwise.
    var authentication: Authentication { statedAuthentication ?? (Self.isLoopback(host) ? .off : .all) }

    /// How clients are let in, for the line after the start; nothing where only this machine's are.
    ///
    /// - Parameter hasSocket: whether there is an admin socket to make a key over.
    func keyAdvice(hasSocket: Bool) -> (level: Logger.Level, text: String)? {
        let reason =
            statedAuthentication == nil ? "because others than this machine can reach it" : "as INVENTORYD_AUTH says"
        let whom: String
        switch authentication {
        case .off where !Self.isLoopback(host):
            return (.warning, "Anybody who can reach it may do anything, as INVENTORYD_AUTH=off says")
        case .off: return nil
        case .writes: whom = "Changes need an API key"
        case .all: whom = "All requests need an API key"
        }
        let how =
            hasSocket
            ? "Make one with: invctl key create NAME --scopes read,purchase"
            : "To make one it has to have an admin socket, and there is none: see INVENTORYD_SOCKET"
        return (.notice, "\(whom), \(reason). \(how)")
    }

    static func isLoopback(_ host: String) -> Bool {
        // An address in figures: a name that only begins like one may lead anywhere.
        let figures = host.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
        return host == "localhost" || host == "::1"
            || (figures.count == 4 && figures[0] == 127 && !figures.contains(nil))
    }
}
