/// Text as a terminal may be given it: control characters and what steers the direction of writing are shown as
/// escapes (`\n`, `\u{1b}`), since the names of products are strangers' text and a terminal would obey them.
///
/// A character carries at most eight marks; more would be painted over the lines around it. A mark that has nothing to
/// stand on is shown as an escape too, so that it does not join what is printed before it.
func printable(_ text: String) -> String {
    guard !text.utf8.allSatisfy({ (0x20..<0x7F).contains($0) }) else { return text }
    var shown = String.UnicodeScalarView()
    var marks = marksPerCharacter
    var hasBase = false
    for scalar in text.unicodeScalars {
        if !isShown(scalar) {
            shown.append(contentsOf: escape(scalar).unicodeScalars)
            hasBase = false
        } else if columns(of: scalar) > 0 {
            shown.append(scalar)
            hasBase = true
            marks = marksPerCharacter
        } else if !hasBase {
            shown.append(contentsOf: escape(scalar).unicodeScalars)
        } else if marks > 0 {
            shown.append(scalar)
            marks -= 1
        }
    }
    return String(shown)
}

private let marksPerCharacter = 8

private func isShown(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .lineSeparator, .paragraphSeparator, .surrogate: false
    // Of the invisible ones only the joiners, which scripts and emoji need; the others hide or turn round text.
    case .format: scalar == "\u{200C}" || scalar == "\u{200D}"
    default: true
    }
}

private func escape(_ scalar: Unicode.Scalar) -> String {
    switch scalar {
    case "\n": "\\n"
    case "\r": "\\r"
    case "\t": "\\t"
    default: "\\u{" + String(scalar.value, radix: 16) + "}"
    }
}
