/// How texts are compared when people search and sort: without case and without the marks on Latin letters.
///
/// It is done here and not by a database, so that every store finds and sorts the same.
package enum SearchTerms {
    /// The folded form: lower case, Latin letters without their marks ("Café" → "cafe"), combining marks dropped.
    package static func fold(_ text: String) -> String {
        if text.utf8.allSatisfy({ $0 < 0x80 }) { return SKU.fold(text) }
        var folded = String.UnicodeScalarView()
        for scalar in text.lowercased().unicodeScalars where scalar.properties.generalCategory != .nonspacingMark {
            folded.append(plainLatin(scalar) ?? scalar)
        }
        return String(folded)
    }

    /// The words of a text in their folded form: runs of letters and digits.
    package static func words(of text: String) -> [String] {
        fold(text).unicodeScalars
            .split { !($0.properties.isAlphabetic || $0.properties.numericType != nil) }
            .map { String(String.UnicodeScalarView($0)) }
    }

    /// The letter that a marked Latin letter is made of, read off its Unicode name: the name of "é" is LATIN SMALL
    /// LETTER E WITH ACUTE. The standard library offers no decomposition, and this needs no table.
    private static func plainLatin(_ scalar: Unicode.Scalar) -> Unicode.Scalar? {
        let prefix = "LATIN SMALL LETTER "
        guard scalar.value >= 0x80, let name = scalar.properties.name, name.hasPrefix(prefix) else { return nil }
        let rest = name.dropFirst(prefix.count)
        guard let letter = rest.unicodeScalars.first, rest.dropFirst().hasPrefix(" WITH ") else { return nil }
        return letter.properties.lowercaseMapping.unicodeScalars.first
    }
}
