/// A product's name: 1 to 256 code points, without control characters, not blank.
package struct ProductName: Hashable, Sendable {
    package let text: String

    /// - Throws: ``InvalidValue`` when it is blank, too long or has control characters.
    package init(_ text: String) throws(InvalidValue) {
        try TextRule.line.check(text, length: 1...Bounds.nameLength)
        self.text = text
    }

    /// By bytes, not by canonical equivalence: another spelling is a change.
    package static func == (left: ProductName, right: ProductName) -> Bool {
        left.text.utf8.elementsEqual(right.text.utf8)
    }
}

/// A product's description: up to 10,000 code points, line breaks and tabs allowed.
package struct ProductDescription: Hashable, Sendable {
    package let text: String

    /// - Throws: ``InvalidValue`` when it is too long or has control characters other than line breaks and tabs.
    package init(_ text: String) throws(InvalidValue) {
        try TextRule.paragraphs.check(text, length: 0...Bounds.descriptionLength)
        self.text = text
    }

    package static func == (left: ProductDescription, right: ProductDescription) -> Bool {
        left.text.utf8.elementsEqual(right.text.utf8)
    }

    package static let empty = ProductDescription()

    private init() { text = "" }
}

/// What a movement refers to in the world outside: an order, an invoice, a delivery note. 1 to 128 code points.
package struct Reference: Hashable, Sendable {
    package let text: String

    /// - Throws: ``InvalidValue`` when it is blank, too long or has control characters.
    package init(_ text: String) throws(InvalidValue) {
        try TextRule.line.check(text, length: 1...Bounds.referenceLength)
        self.text = text
    }
}

/// Free properties of a product (colour, size): at most 50, names of 1 to 64 and values of up to 256 code points.
package struct Attributes: Hashable, Sendable {
    package let values: [String: String]

    /// - Throws: ``InvalidValue`` when there are too many of them; single ones are checked by ``checkName(_:)`` and
    ///   ``checkValue(_:)``, so that an error can point at the one that is wrong.
    package init(_ values: [String: String]) throws(InvalidValue) {
        guard values.count <= Bounds.attributeCount else {
            throw InvalidValue("must have at most \(Bounds.attributeCount) members")
        }
        for (name, value) in values {
            try Self.checkName(name)
            try Self.checkValue(value)
        }
        self.values = values
    }

    package static let none = Attributes()

    private init() { values = [:] }

    /// By their bytes: another spelling of the same letters is a change.
    package static func == (left: Attributes, right: Attributes) -> Bool {
        guard left.values.count == right.values.count else { return false }
        let (left, right) = (left.inOrder, right.inOrder)
        return zip(left, right).allSatisfy { one, other in
            one.key.utf8.elementsEqual(other.key.utf8) && one.value.utf8.elementsEqual(other.value.utf8)
        }
    }

    private var inOrder: [(key: String, value: String)] { values.sorted { $0.key < $1.key } }

    /// - Throws: ``InvalidValue`` when the name is blank, too long or has control characters.
    package static func checkName(_ name: String) throws(InvalidValue) {
        do {
            try TextRule.line.check(name, length: 1...Bounds.attributeNameLength)
        } catch {
            throw InvalidValue("an attribute's name \(error.detail)")
        }
    }

    /// - Throws: ``InvalidValue`` when the value is too long or has control characters.
    package static func checkValue(_ value: String) throws(InvalidValue) {
        try TextRule.paragraphs.check(value, length: 0...Bounds.attributeValueLength)
    }
}

/// What all texts from outside have in common: a length in code points, and no control characters, which would be
/// invisible on a screen and could forge lines in a log.
private enum TextRule {
    case line
    case paragraphs

    func check(_ text: String, length: ClosedRange<Int>) throws(InvalidValue) {
        // A code point has at most 4 bytes of UTF-8, so this bounds the work before anything is counted.
        guard text.utf8.count <= length.upperBound * 4, length.contains(text.unicodeScalars.count) else {
            throw InvalidValue("must have \(length.lowerBound) to \(length.upperBound) code points")
        }
        guard text.unicodeScalars.allSatisfy({ isPermitted($0) }) else {
            throw InvalidValue(
                self == .line
                    ? "must not contain control characters"
                    : "must not contain control characters other than line breaks and tabs"
            )
        }
        if length.lowerBound > 0, text.unicodeScalars.allSatisfy(\.properties.isWhitespace) {
            throw InvalidValue("must not be blank")
        }
    }

    /// Control characters are those of the category Cc, which will never change, so their numbers do without looking up
    /// the properties of every scalar.
    private func isPermitted(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x09, 0x0A, 0x0D: self == .paragraphs
        case ..<0x20, 0x7F...0x9F: false
        default: true
        }
    }
}
