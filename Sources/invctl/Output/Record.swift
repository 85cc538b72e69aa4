import InventoryKit

/// One thing that a command tells of: for people by its fields, for programs as JSON.
struct Record: Sendable {
    struct Field: Sendable {
        var title: String
        var text: StyledText

        /// Shown in wide tables only.
        var isWide = false
        var alignment = Alignment.left

        /// May be cut where the terminal is narrow.
        var isFlexible = false

        init(
            _ title: String, _ text: StyledText, isWide: Bool = false, _ alignment: Alignment = .left,
            isFlexible: Bool = false
        ) {
            self.title = title
            self.text = text
            self.isWide = isWide
            self.alignment = alignment
            self.isFlexible = isFlexible
        }

        init(_ title: String, _ text: String?, isWide: Bool = false, isFlexible: Bool = false) {
            self.init(title, StyledText(text ?? "-"), isWide: isWide, isFlexible: isFlexible)
        }

        init(_ title: String, _ number: Int64?, isWide: Bool = false) {
            self.init(title, StyledText(number.map { String($0) } ?? "-"), isWide: isWide, .right)
        }
    }

    /// By which it is told apart: a SKU, a setting's name.
    let name: String
    let fields: [Field]
    let json: JSON

    init(_ name: String, _ json: JSON, _ fields: [Field]) {
        self.name = name
        self.json = json
        self.fields = fields
    }
}
