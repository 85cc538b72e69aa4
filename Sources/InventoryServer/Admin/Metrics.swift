import HTTPTypes
import Hummingbird
import InventoryKit
import NIOCore

extension AdminAPI {
    /// The same figures as `stats`, for Prometheus (its text format, version 0.0.4).
    var metricsRoute: Route {
        Route(.get, "/metrics", produces: "text/plain") { exchange in
            try exchange.query.finish()
            return Response(
                status: .ok,
                headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8", .cacheControl: "no-store"],
                body: ResponseBody(
                    byteBuffer: ByteBuffer(string: Metrics.text(stats.snapshot(), inventory.cache.statistics))))
        }
    }
}

enum Metrics {
    static func text(_ stats: StatsSnapshot, _ cache: CacheStatistics) -> String {
        var text = ""
        func family(_ name: String, _ type: String, _ help: String, _ samples: [(labels: String, value: UInt64)]) {
            text += "# HELP inventoryd_\(name) \(help)\n# TYPE inventoryd_\(name) \(type)\n"
            for sample in samples { text += "inventoryd_\(name)\(sample.labels) \(sample.value)\n" }
        }
        let (requests, responses) = (stats.requests, stats.responses)
        family(
            "requests_total", "counter", "Requests by kind.",
            [
                ("{kind=\"read\"}", requests.read), ("{kind=\"write\"}", requests.write),
                ("{kind=\"purchase\"}", requests.purchase), ("{kind=\"other\"}", requests.other),
            ])
        family(
            "responses_total", "counter", "Answers by outcome.",
            [
                ("{outcome=\"ok\"}", responses.ok), ("{outcome=\"redirected\"}", responses.redirected),
                ("{outcome=\"refused\"}", responses.refused), ("{outcome=\"conflict\"}", responses.conflict),
                ("{outcome=\"limited\"}", responses.limited), ("{outcome=\"failed\"}", responses.failed),
            ])
        family("requests_in_flight", "gauge", "Requests under way.", [("", UInt64(max(0, stats.inFlight)))])
        family(
            "cache_reads_total", "counter", "Reads of products and of ids that no product has, by what came of them.",
            [("product", cache.products), ("absent", cache.absent)].flatMap { name, reads in
                [
                    ("{class=\"\(name)\",result=\"hit\"}", reads.hits),
                    ("{class=\"\(name)\",result=\"miss\"}", reads.misses),
                    ("{class=\"\(name)\",result=\"bypass\"}", reads.bypasses),
                ]
            })
        family("cache_joined_total", "counter", "Hits that shared another's question to Redis.", [("", cache.joined)])
        family("cache_fills_total", "counter", "Fills.", [("", cache.fills)])
        family("cache_refused_fills_total", "counter", "Fills that came too late.", [("", cache.refusedFills)])
        family(
            "cache_invalidations_total", "counter", "Writes that settled with the cache.", [("", cache.invalidations)])
        family("cache_errors_total", "counter", "Questions to Redis without a usable answer.", [("", cache.errors)])
        family("cache_served_bytes_total", "counter", "Bytes of documents served from the cache.", [("", cache.bytes)])
        family(
            "resident_memory_bytes", "gauge", "Of the process.", [("", UInt64(max(0, stats.residentBytes)))])
        return text
    }
}
