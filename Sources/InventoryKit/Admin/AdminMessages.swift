/// How the daemon is: `GET /admin/v1/status`.
package struct ServiceStatus: Codable, Sendable, Equatable {
    package enum State: String, Codable, Sendable {
        /// Waits for its store.
        case starting
        case ready
        /// Takes requests, and tells load balancers to send none.
        case draining
        /// Serves nothing: an inventory is being imported.
        case importing
        /// Serves nothing: an import broke off, and the store holds half an inventory.
        case unusable
        case stopping
        /// The store does not answer.
        case failing
    }

    package struct Part: Codable, Sendable, Equatable {
        /// `MongoDB at 127.0.0.1:27017/shop`; without secrets.
        package var description: String
        /// `ok`, `off`, `none`, `failing`.
        package var condition: String

        package init(description: String, condition: String) {
            self.description = description
            self.condition = condition
        }
    }

    package var version: String
    package var revision: Int
    package var pid: Int32
    package var startedAt: String
    package var uptimeSeconds: Double
    package var state: State

    /// Where the REST API listens; with `https://` before it where TLS is spoken.
    package var address: String
    package var store: Part
    package var cache: Part

    /// Which requests need an API key: `off`, `writes`, `all`. An older daemon does not say.
    package var authentication: String?

    /// When the certificate in force ends; nothing without TLS.
    package var certificateExpiresAt: String?
    package var logLevel: String

    package init(
        version: String, revision: Int, pid: Int32, startedAt: String, uptimeSeconds: Double, state: State,
        address: String, store: Part, cache: Part, authentication: String, certificateExpiresAt: String?,
        logLevel: String
    ) {
        self.version = version
        self.revision = revision
        self.pid = pid
        self.startedAt = startedAt
        self.uptimeSeconds = uptimeSeconds
        self.state = state
        self.address = address
        self.store = store
        self.cache = cache
        self.authentication = authentication
        self.certificateExpiresAt = certificateExpiresAt
        self.logLevel = logLevel
    }
}

extension ServiceStatus {
    /// Where the REST API is, for people to follow.
    package var url: String { address.hasPrefix("https://") ? address : "http://\(address)" }

    /// Whether only this machine can reach it.
    package var isLoopback: Bool {
        ["127.", "localhost:", "[::1]:"].contains { url.dropFirst(url.hasPrefix("https") ? 8 : 7).hasPrefix($0) }
    }
}

/// One request, as `GET /admin/v1/monitor` tells it while it happens.
package struct MonitorEvent: Codable, Sendable, Equatable {
    package var at: String
    package var requestId: String
    package var method: String
    package var path: String
    package var status: Int
    package var durationUs: Int64
    package var cache: String?
    package var caller: String

    package init(
        at: String, requestId: String, method: String, path: String, status: Int, durationUs: Int64, cache: String?,
        caller: String
    ) {
        self.at = at
        self.requestId = requestId
        self.method = method
        self.path = path
        self.status = status
        self.durationUs = durationUs
        self.cache = cache
        self.caller = caller
    }
}

/// A part that the daemon leans on, and how long it took to answer: `GET /admin/v1/backends`.
package struct BackendReport: Codable, Sendable, Equatable {
    /// `store` or `redis`.
    package var name: String
    package var description: String
    package var ok: Bool
    package var latencyUs: Int64

    /// Why it is not well, and what that means.
    package var trouble: String?

    package init(name: String, description: String, ok: Bool, latencyUs: Int64, trouble: String?) {
        self.name = name
        self.description = description
        self.ok = ok
        self.latencyUs = latencyUs
        self.trouble = trouble
    }
}

/// One setting: `GET /admin/v1/config`. Secrets are masked.
package struct ConfigLine: Codable, Sendable, Equatable {
    package var name: String
    package var value: String
    package var origin: String

    package init(name: String, value: String, origin: String) {
        self.name = name
        self.value = value
        self.origin = origin
    }
}

/// What reading the configuration again found: `POST /admin/v1/config:check`, `:reload`.
package struct ConfigReport: Codable, Sendable, Equatable {
    package var mistakes: [String]
    package var warnings: [String]

    /// Whether it is in force now.
    package var applied: Bool

    /// Settings whose new value counts after a restart only.
    package var needRestart: [String]

    package init(mistakes: [String], warnings: [String], applied: Bool, needRestart: [String]) {
        self.mistakes = mistakes
        self.warnings = warnings
        self.applied = applied
        self.needRestart = needRestart
    }
}

/// `POST /admin/v1/log`: from now on, or for some time.
package struct LogLevelReport: Codable, Sendable, Equatable {
    package var level: String
    package var before: String

    /// After so long it is what it was.
    package var forSeconds: Double?

    package init(level: String, before: String, forSeconds: Double?) {
        self.level = level
        self.before = before
        self.forSeconds = forSeconds
    }
}

/// The state that `drain`, `resume` and `stop` leave.
package struct StateReport: Codable, Sendable, Equatable {
    package var state: ServiceStatus.State

    package init(state: ServiceStatus.State) { self.state = state }
}

/// How far a check of all ledgers is, a line each; the last one is done: `POST /admin/v1/ledger:verify`.
package struct LedgerReport: Codable, Sendable, Equatable {
    package var products: Int64 = 0
    package var movements: Int64 = 0

    /// Products of which something is wrong.
    package var faulty: Int64 = 0

    /// The first faults, in words.
    package var faults: [String] = []
    package var done = false

    package init() {}
}

/// What was found wrong, and mended where it could be proven: `POST /admin/v1/ledger:repair`, a report a line.
package struct RepairReport: Codable, Sendable, Equatable {
    package var products: Int64 = 0
    package var dryRun: Bool

    /// What was mended, or would be; the first of them in words.
    package var mended: Int64 = 0
    package var repairs: [String] = []

    /// What is wrong and stays so; the first of them in words.
    package var faulty: Int64 = 0
    package var faults: [String] = []
    package var done = false

    package init(dryRun: Bool) { self.dryRun = dryRun }
}
