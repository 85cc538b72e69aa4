import HTTPTypes
import Synchronization

/// What came of the requests to each route of one server, and how long their answers took: counted without locks, since
/// the table of routes is known when it begins.
final class RouteTraffic: Sendable {
    /// The upper bounds of the buckets, in microseconds; a last one takes what is longer.
    static let bounds: [Int64] = [
        100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
        5_000_000, 10_000_000,
    ]

    /// What answers there are; others count as the last.
    static let statuses = [
        200, 201, 204, 304, 400, 401, 403, 404, 405, 406, 408, 409, 410, 412, 413, 414, 415, 422, 429, 431, 500, 503, 0,
    ]

    /// One route's figures.
    final class Figures: Sendable {
        let method: String
        let path: String
        private let answers = RouteTraffic.statuses.map { _ in Counter() }
        private let latencies = (0...RouteTraffic.bounds.count).map { _ in Counter() }
        private let microseconds = Counter()

        init(method: String, path: String) {
            self.method = method
            self.path = path
        }

        func count(status: Int, in time: Duration) {
            let index = RouteTraffic.statuses.firstIndex(of: status) ?? RouteTraffic.statuses.count - 1
            answers[index].value.add(1, ordering: .relaxed)
            let (seconds, attoseconds) = time.components
            let microseconds = max(0, seconds &* 1_000_000 &+ attoseconds / 1_000_000_000_000)
            let bucket = RouteTraffic.bounds.firstIndex { microseconds <= $0 } ?? RouteTraffic.bounds.count
            latencies[bucket].value.add(1, ordering: .relaxed)
            self.microseconds.value.add(UInt64(microseconds), ordering: .relaxed)
        }

        /// Those there were, by status; 0 stands for another one.
        var byStatus: [(status: Int, count: UInt64)] {
            zip(RouteTraffic.statuses, answers).map { ($0, $1.value.load(ordering: .relaxed)) }.filter { $0.count > 0 }
        }

        /// How many fell into each bucket, and into the last.
        var byLatency: [UInt64] { latencies.map { $0.value.load(ordering: .relaxed) } }
        var totalMicroseconds: UInt64 { microseconds.value.load(ordering: .relaxed) }
    }

    final class Counter: Sendable {
        let value = Atomic<UInt64>(0)
    }

    let all: [Figures]

    /// By path, then by method: there are one to four of a path.
    private let known: [String: [Figures]]
    private let other = Figures(method: "-", path: "-")

    init(_ routes: [Route]) {
        let figures = routes.map { Figures(method: $0.method.rawValue, path: $0.path) }
        known = Dictionary(grouping: figures, by: \.path)
        all = figures + [other]
    }

    /// - Parameter path: the route's, as the table has it; nothing where there is none.
    func count(_ method: String, _ path: String?, status: Int, in time: Duration) {
        let wanted = method == "HEAD" ? "GET" : method
        let figures = path.flatMap { known[$0] }?.first { $0.method == wanted } ?? other
        figures.count(status: status, in: time)
    }
}
