import InventoryKit

/// Figures in the text format of Prometheus, version 0.0.4
/// (https://prometheus.io/docs/instrumenting/exposition_formats/).
struct MetricsText {
    enum Kind: String {
        case counter, gauge, histogram
    }

    private(set) var text = ""

    /// One figure, or one for each set of labels.
    mutating func family(
        _ name: String, _ kind: Kind, _ help: String, _ samples: [(labels: [(String, String)], value: Double)]
    ) {
        begin(name, kind, help)
        for sample in samples { line(name, sample.labels, sample.value) }
    }

    mutating func family(_ name: String, _ kind: Kind, _ help: String, _ value: UInt64) {
        family(name, kind, help, [([], Double(value))])
    }

    /// A histogram for each set of labels.
    ///
    /// - Parameters:
    ///   - bounds: the upper bounds of the buckets, in seconds; one more takes what is above.
    ///   - series: how many fell into each bucket, and the sum of all, in seconds.
    mutating func histogram(
        _ name: String, _ help: String, bounds: [Double],
        _ series: [(labels: [(String, String)], buckets: [UInt64], sum: Double)]
    ) {
        begin(name, .histogram, help)
        for one in series {
            var total: UInt64 = 0
            for (index, count) in one.buckets.enumerated() {
                total += count
                let bound = index < bounds.count ? Self.number(bounds[index]) : "+Inf"
                line(name + "_bucket", one.labels + [("le", bound)], Double(total))
            }
            line(name + "_sum", one.labels, one.sum)
            line(name + "_count", one.labels, Double(total))
        }
    }

    private mutating func begin(_ name: String, _ kind: Kind, _ help: String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
    }

    /// Labels come from this program's own tables, so nothing in them needs to be escaped.
    private mutating func line(_ name: String, _ labels: [(String, String)], _ value: Double) {
        text += name
        if !labels.isEmpty { text += "{" + labels.map { "\($0)=\"\($1)\"" }.joined(separator: ",") + "}" }
        text += " \(Self.number(value))\n"
    }

    private static func number(_ value: Double) -> String {
        Int64(exactly: value).map { String($0) } ?? "\(value)"
    }
}
