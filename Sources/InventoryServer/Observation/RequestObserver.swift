package import InventoryKit
import Synchronization

/// Sees every request that was answered: counts it, and tells whoever watches.
package final class RequestObserver: Sendable {
    let traffic = Traffic()
    let feed = RequestFeed()
    let connections = ConnectionFigures()
    private let routes = Mutex([RouteTraffic]())
    private let clock: any WallClock

    package init(clock: any WallClock = SystemClock()) {
        self.clock = clock
    }

    /// Takes the figures of a server's routes in.
    func watch(_ traffic: RouteTraffic) { routes.withLock { $0.append(traffic) } }

    /// Of all servers, so a route may be there more than once.
    var routeFigures: [RouteTraffic.Figures] { routes.withLock { $0 }.flatMap(\.all) }

    /// - Parameter kind: what the request counts as for its limit; nothing where it is none of these.
    func answered(_ kind: RateClass?, status: Int, in time: Duration, entry: @autoclosure () -> AccessLogEntry) {
        traffic.count(kind, status: status, in: time)
        guard feed.isWatched else { return }
        let entry = entry()
        // Whoever watches does not want to see others watch.
        if !entry.path.hasPrefix(AdminProtocol.root) { feed.publish(entry.event(at: clock.now())) }
    }
}

/// What has been asked and answered since the process began, counted without locks.
final class Traffic: Sendable {
    private final class Counter: Sendable {
        let value = Atomic<UInt64>(0)
    }

    private enum Figure: Int, CaseIterable {
        case read, write, purchase, other
        case ok, redirected, refused, conflict, limited, failed
        case limitedRead, limitedWrite, limitedPurchase

        init(_ kind: RateClass?) {
            self =
                switch kind {
                case .read: .read
                case .write: .write
                case .purchase: .purchase
                case nil: .other
                }
        }

        init(limited kind: RateClass) {
            self =
                switch kind {
                case .read: .limitedRead
                case .write: .limitedWrite
                case .purchase: .limitedPurchase
                }
        }

        init(status: Int) {
            self =
                switch status {
                case ..<300: .ok
                case ..<400: .redirected
                case 409: .conflict
                case 429: .limited
                case ..<500: .refused
                default: .failed
                }
        }
    }

    /// Those of ``Figure/limited`` that a limit of requests refused.
    var limited: [(kind: RateClass, count: UInt64)] {
        [(.read, self[.limitedRead]), (.write, self[.limitedWrite]), (.purchase, self[.limitedPurchase])]
    }

    private let figures = Figure.allCases.map { _ in Counter() }
    private let latencies = (0..<LatencyBuckets.count).map { _ in Counter() }

    func count(_ kind: RateClass?, status: Int, in time: Duration) {
        figures[Figure(kind).rawValue].value.add(1, ordering: .relaxed)
        figures[Figure(status: status).rawValue].value.add(1, ordering: .relaxed)
        if status == 429, let kind { figures[Figure(limited: kind).rawValue].value.add(1, ordering: .relaxed) }
        // Probes and metrics would only make the rest look faster.
        if kind != nil { latencies[LatencyBuckets.index(of: time)].value.add(1, ordering: .relaxed) }
    }

    private subscript(figure: Figure) -> UInt64 { figures[figure.rawValue].value.load(ordering: .relaxed) }

    var requests: StatsSnapshot.Requests {
        var requests = StatsSnapshot.Requests()
        requests.read = self[.read]
        requests.write = self[.write]
        requests.purchase = self[.purchase]
        requests.other = self[.other]
        return requests
    }

    var responses: StatsSnapshot.Responses {
        var responses = StatsSnapshot.Responses()
        responses.ok = self[.ok]
        responses.redirected = self[.redirected]
        responses.refused = self[.refused]
        responses.conflict = self[.conflict]
        responses.limited = self[.limited]
        responses.failed = self[.failed]
        return responses
    }

    /// How many answers took how long, by bucket, without empty ones.
    var latencyCounts: [Int: UInt64] {
        var counts: [Int: UInt64] = [:]
        for (index, counter) in latencies.enumerated() {
            let count = counter.value.load(ordering: .relaxed)
            if count > 0 { counts[index] = count }
        }
        return counts
    }
}

extension RateClass {
    private static let purchases = "/purchase"

    /// What a request counts as. Probes, documents and preflights are none of these.
    init?(method: String, uri: String) {
        // The router serves `http://host/v1/…` like `/v1/…`, so what does not begin with a path counts whatever it is.
        // Looked at byte by byte, since comparing characters costs more than all the rest here.
        guard uri.utf8.starts(with: "/v1/".utf8) || uri.utf8.first != UInt8(ascii: "/") else { return nil }
        switch method {
        case "OPTIONS": return nil
        case "GET", "HEAD": self = .read
        case "POST":
            let path = uri.utf8.prefix { $0 != UInt8(ascii: "?") }
            self = path.suffix(Self.purchases.utf8.count).elementsEqual(Self.purchases.utf8) ? .purchase : .write
        default: self = .write
        }
    }
}
