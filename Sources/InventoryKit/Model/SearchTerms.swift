// Canonical decomposition is not public in the standard library, and all of Foundation for it alone would cost invctl
// its start-up time. swift-foundation itself reads `_nfd` this way, so it goes with the toolchain.
@_spi(_Unicode) import Swift

/// How texts are compared when people search and sort: without case and without marks.
///
/// It is done here and not by a database, so that every store finds and sorts the same.
package enum SearchTerms {
    /// The folded form: lower case, without marks ("Café" → "cafe", "Øl" → "ol"). Canonically equal texts have the same.
    package static func fold(_ text: String) -> String {
        if text.utf8.allSatisfy({ $0 < 0x80 }) { return SKU.fold(text) }
        var folded = String.UnicodeScalarView()
        for scalar in text.lowercased()._nfd where scalar.properties.generalCategory != .nonspacingMark {
            // A sigma at the end of a word is a sigma all the same.
            folded.append(scalar == "ς" ? "σ" : unstroked(scalar) ?? scalar)
        }
        return String(folded)
    }

    /// The words of a text in their folded form: runs of letters and digits.
    package static func words(of text: String) -> [String] {
        fold(text).unicodeScalars
            .split { !($0.properties.isAlphabetic || $0.properties.numericType != nil) }
            .map { String(String.UnicodeScalarView($0)) }
    }

    /// The Latin letter under a stroke or hook, which Unicode does not decompose: read off its name, so that it needs no
    /// table. The name of "ø" is LATIN SMALL LETTER O WITH STROKE.
    private static func unstroked(_ scalar: Unicode.Scalar) -> Unicode.Scalar? {
        let prefix = "LATIN SMALL LETTER "
        guard scalar.value >= 0x80, let name = scalar.properties.name, name.hasPrefix(prefix) else { return nil }
        let rest = name.dropFirst(prefix.count)
        guard let letter = rest.unicodeScalars.first, rest.dropFirst().hasPrefix(" WITH ") else { return nil }
        return letter.properties.lowercaseMapping.unicodeScalars.first
    }
}
