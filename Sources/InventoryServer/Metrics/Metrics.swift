import HTTPTypes
import Hummingbird
package import InventoryKit
import NIOCore

/// All figures for Prometheus. `docs/metrics.md` explains each; a test compares.
package struct Metrics: Sendable {
    let inventory: Inventory
    let limiter: any RateLimiter
    let observer: RequestObserver
    let places: Places

    /// Connections of clients at most.
    let connectionsMax: Int

    /// Connections to Redis that are live now; nothing where there is no Redis.
    let redisConnections: @Sendable () -> Int?

    /// When the certificate in force expires; nothing where there is none.
    let certificateExpiry: @Sendable () -> Timestamp?

    package init(
        inventory: Inventory, limiter: any RateLimiter, observer: RequestObserver, places: Places,
        connectionsMax: Int, redisConnections: @escaping @Sendable () -> Int?,
        certificateExpiry: @escaping @Sendable () -> Timestamp?
    ) {
        self.inventory = inventory
        self.limiter = limiter
        self.observer = observer
        self.places = places
        self.connectionsMax = connectionsMax
        self.redisConnections = redisConnections
        self.certificateExpiry = certificateExpiry
    }

    var route: Route {
        Route(.get, "/metrics", produces: "text/plain", access: .open) { exchange in
            try exchange.query.finish()
            return Response(
                status: .ok,
                headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8", .cacheControl: "no-store"],
                body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
        }
    }

    var text: String {
        var metrics = MetricsText()
        addRequests(to: &metrics)
        addConnections(to: &metrics)
        addStock(to: &metrics)
        addStore(to: &metrics)
        addCache(to: &metrics)
        addLimiter(to: &metrics)
        ProcessFigures.add(to: &metrics)
        return metrics.text
    }

    private func addRequests(to metrics: inout MetricsText) {
        let routes = observer.routeFigures
        metrics.family(
            "inventoryd_http_requests_total", .counter,
            "Requests that were answered, by route and status; - is none of the routes.",
            Self.summed(
                routes.flatMap { route in
                    route.byStatus.map { status, count in
                        let status = status == 0 ? "other" : String(status)
                        return ([("method", route.method), ("route", route.path), ("status", status)], Double(count))
                    }
                }))
        metrics.histogram(
            "inventoryd_http_request_duration_seconds", "From a request's head to the end of its answer.",
            bounds: RouteTraffic.bounds.map { Double($0) / 1_000_000 },
            Dictionary(grouping: routes, by: { [$0.method, $0.path] }).sorted {
                $0.key.lexicographicallyPrecedes($1.key)
            }
            .compactMap { key, same in
                let counts = same.map(\.byLatency)
                let buckets = counts.dropFirst().reduce(counts[0]) { zip($0, $1).map(&+) }
                guard buckets.contains(where: { $0 > 0 }) else { return nil }
                let sum = Double(same.reduce(0) { $0 &+ $1.totalMicroseconds }) / 1_000_000
                return ([("method", key[0]), ("route", key[1])], buckets, sum)
            })
        metrics.family(
            "inventoryd_http_requests_in_flight", .gauge, "Requests of the REST API under way.",
            UInt64(max(0, places.inUse)))
        metrics.family(
            "inventoryd_http_requests_waiting", .gauge, "Requests of the REST API for which there is no room yet.",
            UInt64(max(0, places.waiting)))
    }

    private func addConnections(to metrics: inout MetricsText) {
        metrics.family(
            "inventoryd_http_connections", .gauge, "Connections of clients to the REST API.",
            UInt64(max(0, observer.connections.open)))
        metrics.family(
            "inventoryd_http_connections_max", .gauge, "The most there may be; more wait to be accepted.",
            UInt64(connectionsMax))
        metrics.family(
            "inventoryd_http_refused_connections_total", .counter, "Connections that were one too many for an address.",
            observer.connections.refusals)
        if let expiry = certificateExpiry() {
            metrics.family(
                "inventoryd_tls_certificate_expiry_seconds", .gauge, "When the certificate expires, since 1970.",
                [([], Double(expiry.milliseconds) / 1_000)])
        }
    }

    /// Samples with the same labels, as of two servers that have the same routes, are one.
    private static func summed(
        _ samples: [(labels: [(String, String)], value: Double)]
    ) -> [(labels: [(String, String)], value: Double)] {
        Dictionary(grouping: samples) { $0.labels.map(\.1) }
            .sorted { $0.key.lexicographicallyPrecedes($1.key) }
            .map { ($0.value[0].labels, $0.value.reduce(0) { $0 + $1.value }) }
    }

    private func addStock(to metrics: inout MetricsText) {
        let totals = inventory.figures.totals
        metrics.family(
            "inventoryd_purchases_total", .counter, "Purchases that happened; repetitions are not counted again.",
            totals.purchases)
        metrics.family("inventoryd_units_sold_total", .counter, "Units in those purchases.", totals.unitsSold)
        metrics.family(
            "inventoryd_corrections_total", .counter, "Adjustments and counts that happened.", totals.corrections)
        metrics.family(
            "inventoryd_replays_total", .counter, "Repeated requests that were answered as before.", totals.replays)
        metrics.family(
            "inventoryd_stock_refusals_total", .counter, "Purchases, adjustments and counts that the state refused.",
            totals.refusals.sorted { $0.key < $1.key }.map { ([("reason", $0.key)], Double($0.value)) })
    }

    private func addStore(to metrics: inout MetricsText) {
        let store = inventory.store.statistics
        metrics.family("inventoryd_store_waiting", .gauge, "Changes that wait for their turn.", UInt64(store.waiting))
        metrics.family(
            "inventoryd_store_commits_total", .counter, "Writes that made changes durable.", store.commits)
        metrics.family(
            "inventoryd_store_changes_total", .counter, "Changes in those writes: by commits, the mean batch.",
            store.changes)
        metrics.family(
            "inventoryd_store_calls", .gauge, "Calls that wait for a connection to MongoDB or use one.",
            UInt64(store.calls))
        metrics.family(
            "inventoryd_store_connections", .gauge, "Connections to MongoDB at most.", UInt64(store.connections))
    }

    private func addCache(to metrics: inout MetricsText) {
        let cache = inventory.cache.statistics
        let reads: [(labels: [(String, String)], value: Double)] = [
            ("product", cache.products), ("absent", cache.absent),
        ].flatMap { name, reads in
            [("hit", reads.hits), ("miss", reads.misses), ("bypass", reads.bypasses)].map { result, count in
                ([("class", name), ("result", result)], Double(count))
            }
        }
        metrics.family(
            "inventoryd_cache_usable", .gauge, "1 while the cache is used, 0 while it cannot be or there is none.",
            inventory.cache.condition == .ok ? 1 : 0)
        metrics.family(
            "inventoryd_cache_reads_total", .counter, "Reads of single products, by what was found and where.", reads)
        metrics.family(
            "inventoryd_cache_joined_total", .counter, "Hits that shared another's question to Redis.", cache.joined)
        metrics.family("inventoryd_cache_fills_total", .counter, "Products put into the cache.", cache.fills)
        metrics.family(
            "inventoryd_cache_refused_fills_total", .counter, "Fills that a write had overtaken.", cache.refusedFills)
        metrics.family(
            "inventoryd_cache_invalidations_total", .counter, "Writes that settled with the cache.",
            cache.invalidations)
        metrics.family(
            "inventoryd_cache_errors_total", .counter, "Questions to Redis without a usable answer.", cache.errors)
        metrics.family(
            "inventoryd_cache_served_bytes_total", .counter, "Documents served from the cache.", cache.bytes)
        if let connections = redisConnections() {
            metrics.family(
                "inventoryd_redis_connections", .gauge, "Live connections to Redis; one for each event loop is all.",
                UInt64(connections))
        }
    }

    private func addLimiter(to metrics: inout MetricsText) {
        metrics.family(
            "inventoryd_rate_limited_total", .counter, "Requests that were told 429, by the limit that was used up.",
            observer.traffic.limited.map { ([("class", $0.kind.rawValue)], Double($0.count)) })
        let limiter = limiter.statistics
        metrics.family(
            "inventoryd_limiter_alone_total", .counter, "Calls that this daemon judged by itself.",
            limiter.decidedAlone)
        metrics.family(
            "inventoryd_limiter_questions_total", .counter, "Questions to Redis; one is good for many calls.",
            limiter.questions)
        metrics.family(
            "inventoryd_limiter_lost_questions_total", .counter, "Questions that had no answer in time.",
            limiter.lostQuestions)
    }
}
