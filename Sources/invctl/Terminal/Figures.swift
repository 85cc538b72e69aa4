/// Figures as people read them, the same in every locale. Whatever is no number, and what is infinite, is "-".
enum Figures {
    /// 12,345
    static func count(_ value: Int) -> String {
        var digits = Substring(String(value.magnitude))
        var groups: [Substring] = []
        while digits.count > 3 {
            groups.append(digits.suffix(3))
            digits.removeLast(3)
        }
        groups.append(digits)
        return (value < 0 ? "-" : "") + groups.reversed().joined(separator: ",")
    }

    /// 1 row, 12,345 rows
    static func count(_ value: Int, _ one: String, _ many: String) -> String {
        "\(count(value)) \(value == 1 ? one : many)"
    }

    /// 999, 12.3k, 123k, 1.2M: at most five characters, six when negative.
    static func short(_ value: Double) -> String {
        scaled(value, by: 1_000, units: ["", "k", "M", "G", "T", "P", "E"])
    }

    /// 512 B, 48.3 MiB
    static func bytes(_ value: Int) -> String {
        scaled(Double(value), by: 1_024, units: [" B", " KiB", " MiB", " GiB", " TiB", " PiB", " EiB"])
    }

    /// 3,456/s, and 0.4/s where whole numbers would hide what there is.
    static func rate(_ perSecond: Double) -> String {
        guard perSecond.isFinite else { return "-" }
        let isSmall = perSecond.magnitude < 9.95 && perSecond.rounded() != perSecond
        return (isSmall ? decimal(perSecond, places: 1) : count(whole(perSecond))) + "/s"
    }

    /// 3.5k/s
    static func shortRate(_ perSecond: Double) -> String {
        perSecond.isFinite ? short(perSecond) + "/s" : "-"
    }

    /// 99.8 %. Nearly all is not all and nearly nothing is not nothing, so that 100 % and 0 % can be relied on.
    static func percent(_ fraction: Double) -> String {
        guard fraction.isFinite else { return "-" }
        switch fraction {
        case 0: return "0 %"
        case 1: return "100 %"
        case 0..<0.001: return "<0.1 %"
        case 0.999..<1: return "99.9 %"
        default: return decimal(fraction * 100, places: 1) + " %"
        }
    }

    /// 412 ns, 412 µs, 3.2 ms, 1.25 s, 2 m 03 s, 3 d 4 h
    static func duration(nanoseconds: Int) -> String {
        let sign = nanoseconds < 0 ? "-" : ""
        var value = Double(nanoseconds.magnitude)
        if value < 1_000 { return sign + "\(nanoseconds.magnitude) ns" }
        for unit in [" µs", " ms"] {
            value /= 1_000
            if value < 99.95 { return sign + decimal(value, places: 1) + unit }
            if value < 999.5 { return sign + decimal(value, places: 0) + unit }
        }
        value /= 1_000
        if value < 9.995 { return sign + decimal(value, places: 2) + " s" }
        if value < 59.95 { return sign + decimal(value, places: 1) + " s" }
        return sign + span(seconds: whole(value))
    }

    static func duration(_ duration: Duration) -> String { Self.duration(nanoseconds: duration.nanoseconds) }

    /// In whole seconds: 2 s, 2 m 03 s, 3 h 04 m, 3 d 4 h
    static func span(_ duration: Duration) -> String { span(seconds: whole(duration / .seconds(1))) }

    /// now, 12 s ago, 3 h 04 m ago
    static func ago(_ duration: Duration) -> String {
        duration < .seconds(1) ? "now" : span(duration) + " ago"
    }

    private static func span(seconds: Int) -> String {
        let sign = seconds < 0 ? "-" : ""
        let seconds = seconds.magnitude
        let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400)
        if minutes == 0 { return sign + "\(seconds) s" }
        if hours == 0 { return sign + "\(minutes) m \(twoDigits(seconds % 60)) s" }
        if days == 0 { return sign + "\(hours) h \(twoDigits(minutes % 60)) m" }
        return sign + "\(days) d \(hours % 24) h"
    }

    private static func twoDigits(_ value: UInt) -> String { value < 10 ? "0\(value)" : "\(value)" }

    private static func scaled(_ value: Double, by base: Double, units: [String]) -> String {
        guard value.isFinite else { return "-" }
        var value = value
        for (index, unit) in units.enumerated() {
            // Rounded, it must not have a digit more than fits the unit.
            let isLast = index == units.count - 1
            if index > 0, value.magnitude < 99.95 { return decimal(value, places: 1) + unit }
            if value.magnitude < base - 0.5 || isLast { return decimal(value, places: 0) + unit }
            value /= base
        }
        return "-"
    }

    /// With so many digits after the point, rounded to the nearest.
    private static func decimal(_ value: Double, places: Int) -> String {
        let unit = places == 2 ? 100 : places == 1 ? 10 : 1
        let rounded = whole(value * Double(unit))
        let sign = rounded < 0 ? "-" : ""
        let (integer, rest) = rounded.magnitude.quotientAndRemainder(dividingBy: UInt(unit))
        switch places {
        case 1: return sign + "\(integer).\(rest)"
        case 2: return sign + "\(integer).\(twoDigits(rest))"
        default: return sign + "\(integer)"
        }
    }

    /// The nearest integer there is, 0 for what is no number.
    static func whole(_ value: Double) -> Int {
        guard !value.isNaN else { return 0 }
        return Int(exactly: value.rounded()) ?? (value < 0 ? .min : .max)
    }
}

extension Duration {
    /// The nearest that fits.
    var nanoseconds: Int {
        let (seconds, attoseconds) = components
        let (high, isTooLong) = Int(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, isOver) = high.addingReportingOverflow(Int(attoseconds / 1_000_000_000))
        return isTooLong || isOver ? (seconds < 0 ? .min : .max) : sum
    }
}
