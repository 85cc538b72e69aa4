/// How many columns of a terminal a text takes, when it contains no control characters (see ``printable(_:)``).
///
/// A character that starts wide takes two columns however it goes on, which is how terminals join emoji and syllables
/// of Hangul; in others the parts add up. Where terminals differ this is the larger figure.
func displayWidth(_ text: String) -> Int {
    if text.utf8.allSatisfy({ (0x20..<0x7F).contains($0) }) { return text.utf8.count }
    return text.reduce(0) { $0 + columns(of: $1) }
}

/// A text cut to a width, with a sign that it was.
/// - Parameter ellipsis: what stands for the rest, "..." where there is no UTF-8.
func truncate(_ text: String, to width: Int, ellipsis: String = "…") -> String {
    guard displayWidth(text) > width else { return text }
    let sign = leading(ellipsis, within: max(width, 0))
    return leading(text, within: max(width, 0) - displayWidth(sign)) + sign
}

/// At which edge of its column a text stands.
enum Alignment: Sendable {
    case left
    case right
}

/// A text filled up with spaces; longer ones stay as they are.
func pad(_ text: String, to width: Int, _ alignment: Alignment = .left) -> String {
    let spaces = String(repeating: " ", count: max(0, width - displayWidth(text)))
    return alignment == .left ? text + spaces : spaces + text
}

/// As much of the beginning of a text as fits.
func leading(_ text: String, within width: Int) -> String {
    var left = width
    return String(
        text.prefix { character in
            left -= columns(of: character)
            return left >= 0
        }
    )
}

private func columns(of character: Character) -> Int {
    let scalars = character.unicodeScalars
    guard let first = scalars.first else { return 0 }
    let own = columns(of: first)
    guard own == 1 else { return own == 2 ? 2 : scalars.reduce(0) { $0 + columns(of: $1) } }
    // The variation selector asks for the coloured form of what is otherwise a narrow sign.
    if first.properties.isEmoji, scalars.contains("\u{FE0F}") { return 2 }
    return scalars.reduce(0) { $0 + columns(of: $1) }
}

/// 0 for marks and what is invisible, 2 for East Asian wide and emoji, else 1.
func columns(of scalar: Unicode.Scalar) -> Int {
    if scalar.value < 0x300 { return 1 }
    let properties = scalar.properties
    switch properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .format: return 0
    default: break
    }
    if (0x1F1E6...0x1F1FF).contains(scalar.value) { return 1 }  // two of these letters make a flag
    return properties.isEmojiPresentation || isEastAsianWide(scalar.value) ? 2 : 1
}

private func isEastAsianWide(_ value: UInt32) -> Bool {
    guard value >= 0x1100 else { return false }
    var low = 0
    var high = eastAsianWide.count
    while low < high {
        let middle = (low + high) / 2
        if value > eastAsianWide[middle].upperBound { low = middle + 1 } else { high = middle }
    }
    return low < eastAsianWide.count && eastAsianWide[low].contains(value)
}

/// Wide and full-width (W and F) in EastAsianWidth.txt of Unicode 15.0, less those with Emoji_Presentation, which the
/// standard library knows. Ranges run on over marks and over what is not assigned.
private let eastAsianWide: [ClosedRange<UInt32>] = [
    0x1100...0x115F, 0x2329...0x232A, 0x2E80...0x3029, 0x3030...0x303E, 0x3041...0x31E3, 0x31F0...0x3247,
    0x3250...0x4DBF, 0x4E00...0xA4C6, 0xA960...0xA97C, 0xAC00...0xD7A3, 0xF900...0xFAD9, 0xFE10...0xFE6B,
    0xFF01...0xFF60, 0xFFE0...0xFFE6, 0x16FE0...0x16FE3, 0x17000...0x187F7, 0x18800...0x18CD5, 0x18D00...0x18D08,
    0x1AFF0...0x1B2FB, 0x1F200...0x1F265, 0x20000...0x3FFFD,
]
