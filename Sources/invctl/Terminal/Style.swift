/// How text is set off. Colours are for meaning: red for what is wrong, yellow for what to look at, green for what is
/// well.
struct Style: OptionSet, Hashable, Sendable {
    let rawValue: UInt8

    static let bold = Self(rawValue: 1)
    static let dim = Self(rawValue: 2)
    static let reverse = Self(rawValue: 4)
    static let red = Self(rawValue: 8)
    static let green = Self(rawValue: 16)
    static let yellow = Self(rawValue: 32)
    static let cyan = Self(rawValue: 64)

    private static let codes: [(Self, String)] = [
        (.bold, "1"), (.dim, "2"), (.reverse, "7"), (.red, "31"), (.green, "32"), (.yellow, "33"), (.cyan, "36"),
    ]

    /// A text between the sequences that set it off and end that; without colour the text itself.
    func applied(to text: String, colour: Bool) -> String {
        guard colour, !isEmpty, !text.isEmpty else { return text }
        let codes = Self.codes.filter { contains($0.0) }.map(\.1).joined(separator: ";")
        return "\u{1B}[\(codes)m\(text)\u{1B}[0m"
    }
}

/// A line, or a part of one, of which the styles are not yet escape sequences: it can be measured and cut, and nothing
/// in it can steer the terminal, since all of it has passed ``printable(_:)``.
struct StyledText: Equatable, Sendable, ExpressibleByStringLiteral {
    private struct Span: Equatable, Sendable {
        var text: String
        var style: Style
    }

    private var spans: [Span] = []

    /// In columns.
    private(set) var width = 0

    init(_ text: String = "", _ style: Style = []) {
        append(printable(text), style)
    }

    init(stringLiteral text: String) { self.init(text) }

    private mutating func append(_ text: String, _ style: Style) {
        guard !text.isEmpty else { return }
        spans.append(Span(text: text, style: style))
        width += displayWidth(text)
    }

    static func + (left: Self, right: Self) -> Self {
        var sum = left
        sum += right
        return sum
    }

    static func += (left: inout Self, right: Self) {
        left.spans += right.spans
        left.width += right.width
    }

    /// The text alone.
    var plain: String { spans.map(\.text).joined() }

    /// The same text in one style.
    func restyled(_ style: Style) -> Self {
        var text = self
        for index in text.spans.indices { text.spans[index].style = style }
        return text
    }

    func truncated(to limit: Int, ellipsis: String = "…") -> Self {
        guard width > limit else { return self }
        let sign = leading(ellipsis, within: max(limit, 0))
        var left = max(limit, 0) - displayWidth(sign)
        var cut = Self()
        for span in spans {
            let part = leading(span.text, within: left)
            cut.append(part, span.style)
            guard part.utf8.count == span.text.utf8.count else {
                cut.append(sign, span.style)
                break
            }
            left -= displayWidth(part)
        }
        return cut
    }

    func padded(to width: Int, _ alignment: Alignment = .left) -> Self {
        var spaces = Self()
        spaces.append(String(repeating: " ", count: max(0, width - self.width)), [])
        return alignment == .left ? self + spaces : spaces + self
    }

    /// What is written to the terminal.
    func rendered(colour: Bool, utf8: Bool) -> String {
        spans.reduce(into: "") { line, span in
            line += span.style.applied(to: utf8 ? span.text : ascii(span.text), colour: colour)
        }
    }
}

/// A text of the same width for terminals without UTF-8.
private func ascii(_ text: String) -> String {
    guard !text.utf8.allSatisfy({ $0 < 0x80 }) else { return text }
    return text.reduce(into: "") { line, character in
        switch character {
        case _ where character.isASCII: line.append(character)
        case "µ": line += "u"
        case "·", "–", "—": line += "-"
        case "…": line += "."
        default: line += String(repeating: "?", count: displayWidth(String(character)))
        }
    }
}
