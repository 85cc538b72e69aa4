import InventoryKit

/// What a column can fill.
enum Field: Hashable, Sendable {
    case sku
    // Of a product.
    case name
    case description
    /// A decimal, such as 2.55.
    case price
    /// In the currency's minor unit, such as 255.
    case priceMinor
    case currency
    case stock
    case lowStockThreshold
    case maxPerOrder
    case attribute(String)
    // Of a purchase.
    case quantity
    case reference
}

/// What the rows of a table are.
enum RowSubject: Sendable {
    case products
    case purchases

    /// By its name in the API, or a shorter one; upper and lower case are the same.
    fileprivate func field(_ name: String) -> Field? {
        switch (self, SKU.fold(name)) {
        case (_, "sku"): .sku
        case (.products, "name"): .name
        case (.products, "description"): .description
        case (.products, "price"): .price
        case (.products, "price_minor"), (.products, "price.amount"): .priceMinor
        case (.products, "currency"), (.products, "price.currency"): .currency
        case (.products, "stock"), (.products, "on_hand"), (.products, "stock.on_hand"): .stock
        case (.products, "low_stock_threshold"): .lowStockThreshold
        case (.products, "max_per_order"): .maxPerOrder
        case (.products, let folded) where folded.hasPrefix("attributes."):
            .attribute(String(name.dropFirst("attributes.".count)))
        case (.purchases, "quantity"): .quantity
        case (.purchases, "reference"): .reference
        default: nil
        }
    }

    /// As an error lists them.
    fileprivate var known: String {
        switch self {
        case .products:
            "sku, name, description, price, price_minor, currency, stock, low_stock_threshold, max_per_order, "
                + "attributes.NAME"
        case .purchases: "sku, quantity, reference"
        }
    }
}

/// Which column fills which field: `sku=StockCode,name=Description`, or each column the field it is named after.
struct FieldMap: Sendable {
    private typealias Pair = (field: Field, column: String)

    private let subject: RowSubject
    private let pairs: [Pair]?

    /// Whether the columns' own names say what they are.
    var isByName: Bool { pairs == nil }

    /// - Parameter text: what `--map` was given, where it was: `FIELD=COLUMN`, separated by commas; a pair with a comma in
    ///   it stands in quotes, as in CSV.
    /// - Throws: ``InvalidValue`` when it cannot be read, or names an unknown field or one twice.
    init(_ text: String?, for subject: RowSubject) throws(InvalidValue) {
        self.subject = subject
        pairs = try text.map { text throws(InvalidValue) in try Self.pairs(in: text, for: subject) }
    }

    private static func pairs(in text: String, for subject: RowSubject) throws(InvalidValue) -> [Pair] {
        var pairs: [Pair] = []
        for part in try split(text) {
            let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard sides.count == 2, !sides[1].isEmpty else {
                throw InvalidValue("--map: \(part.excerpt) must be FIELD=COLUMN, such as sku=StockCode")
            }
            let name = String(sides[0]).trimmed
            guard let field = subject.field(name) else {
                throw InvalidValue("--map: there is no field \(name.excerpt); there are \(subject.known)")
            }
            pairs.append((field, String(sides[1])))
        }
        try check(pairs, missing: "--map must say which column is the sku: sku=COLUMN")
        return pairs
    }

    private static func split(_ text: String) throws(InvalidValue) -> [String] {
        var reader = CSVReader(delimiter: .comma)
        reader.append(text.utf8)
        reader.finish()
        guard !text.isEmpty, (try? reader.next()) == .some(nil), let parts = reader.header else {
            throw InvalidValue("--map must be FIELD=COLUMN,FIELD=COLUMN, such as sku=StockCode,name=Description")
        }
        return parts
    }

    private static func check(_ pairs: [Pair], missing: String) throws(InvalidValue) {
        var columns: [Field: String] = [:]
        for (field, column) in pairs {
            if case .attribute(let name) = field { try Attributes.checkName(name) }
            if let other = columns.updateValue(column, forKey: field) {
                throw InvalidValue(
                    "the columns \(other.excerpt) and \(column.excerpt) are the same field: map one of them")
            }
        }
        guard columns[.sku] != nil else { throw InvalidValue(missing) }
        let attributes = pairs.count { if case .attribute = $0.field { true } else { false } }
        guard attributes <= Bounds.attributeCount else {
            throw InvalidValue("there are \(attributes) attributes, and a product may have \(Bounds.attributeCount)")
        }
    }

    /// Finds the columns in a header.
    ///
    /// - Throws: ``InvalidValue`` when a column is not there, or it is not clear which is meant.
    func columns(in header: [String]) throws(InvalidValue) -> Columns {
        guard let pairs else { return try columnsByName(in: header) }
        let columns = try pairs.map { pair throws(InvalidValue) in
            Columns.Column(field: pair.field, name: pair.column, index: try index(of: pair.column, in: header))
        }
        return Columns(columns: columns, unused: [])
    }

    private func columnsByName(in header: [String]) throws(InvalidValue) -> Columns {
        var columns: [Columns.Column] = []
        var unused: [String] = []
        for (index, name) in header.enumerated() {
            if let field = subject.field(name.trimmed) {
                columns.append(Columns.Column(field: field, name: name, index: index))
            } else {
                unused.append(name)
            }
        }
        try Self.check(
            columns.map { ($0.field, $0.name) },
            missing: "no column is called sku: say which it is with --map sku=COLUMN; \(Self.list(header))"
        )
        return Columns(columns: columns, unused: unused)
    }

    private func index(of column: String, in header: [String]) throws(InvalidValue) -> Int {
        var places = header.indices.filter { header[$0] == column }
        if places.isEmpty {
            let folded = SKU.fold(column.trimmed)
            places = header.indices.filter { SKU.fold(header[$0].trimmed) == folded }
        }
        guard let place = places.first else {
            throw InvalidValue("there is no column \(column.excerpt); \(Self.list(header))")
        }
        guard places.count == 1 else {
            throw InvalidValue("there are \(places.count) columns \(column.excerpt): rename all but one")
        }
        return place
    }

    private static func list(_ header: [String]) -> String {
        let names = header.prefix(30).map(\.excerpt).joined(separator: ", ")
        return "there are \(names)" + (header.count > 30 ? " and \(header.count - 30) more" : "")
    }

    /// The mapped members of an object, absent ones as empty texts.
    ///
    /// - Throws: ``RowFault`` when one is neither text nor number.
    func cells(of record: JSONRecord) throws(RowFault) -> [Cell] {
        let pairs = pairs ?? record.members.keys.compactMap { name in subject.field(name).map { ($0, name) } }
        return try pairs.map { pair throws(RowFault) in
            let text =
                switch record.members[pair.column] {
                case nil, .null: ""
                case .string(let text): text
                case .integer(let number): String(number)
                case .number(let text): text
                case .bool, .array, .object:
                    throw RowFault(.invalid, line: record.line, "\(pair.column.excerpt) must be a text or a number")
                }
            return Cell(field: pair.field, column: pair.column, text: text.trimmed)
        }
    }
}

/// Where the fields are in the records of one file.
struct Columns: Sendable {
    struct Column: Sendable {
        let field: Field
        let name: String
        let index: Int
    }

    let columns: [Column]

    /// Columns that are no field, where none were named: not read, and worth a word.
    let unused: [String]

    func has(_ field: Field) -> Bool { columns.contains { $0.field == field } }

    func cells(of record: CSVRecord) -> [Cell] {
        columns.compactMap { column in
            guard record.fields.indices.contains(column.index) else { return nil }
            return Cell(field: column.field, column: column.name, text: record.fields[column.index].trimmed)
        }
    }
}

/// One field of a row, as it was written but for blanks at its ends.
struct Cell: Sendable {
    let field: Field
    /// What the file calls it.
    let column: String
    let text: String

    func fault(_ kind: RowFault.Kind, line: Int, _ detail: String) -> RowFault {
        RowFault(kind, line: line, "\(column.excerpt) \(text.excerpt) \(detail)")
    }

    /// - Throws: ``RowFault`` when it is no whole number of 64 bits.
    func wholeNumber(line: Int) throws(RowFault) -> Int64 {
        let digits = text.utf8.first == UInt8(ascii: "-") ? text.utf8.dropFirst() : text.utf8[...]
        guard digits.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int64(text) else {
            throw fault(.badNumber, line: line, "must be a whole number, in digits alone")
        }
        return number
    }
}

extension String {
    /// Without blanks and line ends at its ends, which nobody sees in a table.
    var trimmed: String {
        let isBlank: (UInt8) -> Bool = { $0 == 0x20 || (0x09...0x0D).contains($0) }
        guard let first = utf8.first, let last = utf8.last, isBlank(first) || isBlank(last) else { return self }
        let start = utf8.firstIndex { !isBlank($0) } ?? utf8.endIndex
        let end = utf8[start...].lastIndex { !isBlank($0) }.map { utf8.index(after: $0) } ?? start
        return String(self[start..<end])
    }

    /// In quotes, for a message: at most 60 code points, and none that a terminal would obey.
    var excerpt: String {
        let shown = unicodeScalars.prefix(60).map { $0.properties.generalCategory == .control ? "\u{FFFD}" : $0 }
        let text = String(String.UnicodeScalarView(shown))
        return shown.count < unicodeScalars.prefix(61).count ? "\"\(text)…\"" : "\"\(text)\""
    }
}
