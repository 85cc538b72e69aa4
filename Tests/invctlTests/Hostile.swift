@testable import invctl

/// Texts that strangers might give their products, and the numbers that break arithmetic.
enum Hostile {
    static let texts = [
        "", "plain", "\u{1B}[2J\u{1B}]0;title\u{7}", "a\tb\nc\rd", "\u{9B}31m", "\u{202E}reversed", "e\u{301}\u{301}",
        "\u{301}\u{FE0F}", "a" + String(repeating: "\u{336}", count: 500), "醤油ラーメン", "한국어", "👨‍👩‍👧‍👦👍🏽🇬🇧❤️1️⃣", "क्षत्रिय",
        "\u{200D}\u{200D}\u{200D}", "🇬", "\u{0}\u{7F}", "ﬁ·µ…", "\u{2028}\u{FEFF}", String(repeating: "😀", count: 400),
        "\u{1100}\u{1161}\u{11A8}", "\u{FFFF}\u{10FFFF}",
    ]

    static let doubles: [Double] = [
        0, -0.0, 1, -1, 0.05, 0.5, 0.9999, 1.5, 9.96, 99.95, 999.5, 999_950, 1e9, 1e18, 9.3e18, 1e300, .nan, .infinity,
        -.infinity, .greatestFiniteMagnitude, -.greatestFiniteMagnitude, .leastNonzeroMagnitude,
    ]

    static let integers = [0, 1, -1, 999, 1_000, 12_345, 999_999_999, .max, .min, .max - 1]
}

/// What is left of a rendered line when its colours are taken out.
func withoutColour(_ line: String) -> String {
    var text = ""
    var isSequence = false
    for scalar in line.unicodeScalars {
        if scalar == "\u{1B}" { isSequence = true }
        if !isSequence { text.unicodeScalars.append(scalar) }
        if isSequence, scalar == "m" { isSequence = false }
    }
    return text
}

func plain(_ lines: [StyledText]) -> [String] { lines.map(\.plain) }
