import InventoryKit

/// One line for `POST /v1/products:batch`.
struct ProductRow: Hashable, Sendable {
    /// Of the input, from 1.
    let line: Int
    let sku: String
    /// A JSON object, without a line end.
    let json: [UInt8]
}

/// Makes lines for `POST /v1/products:batch` of the records of a file. What the server would refuse for its form is
/// found here already.
///
/// A column that is mapped but empty is a fault for sku, name and price, and says nothing for the others.
struct ProductRows: RowMaker {
    /// What becomes of a SKU that comes again.
    enum Repeats: Sendable {
        /// The first good row of each SKU counts, as in a list of invoice lines, which is no catalogue.
        case keepFirst
        /// Every row goes to the server, so the last one counts.
        case passOn
    }

    struct Options: Sendable {
        /// For prices that come without one.
        var currency: Currency?
        /// Units on hand of new products whose row has none.
        var stock: Balance?
        var repeats = Repeats.keepFirst
        /// Whether a price of zero is one. In invoice lines it marks gifts and corrections.
        var takesZeroPrices = false
    }

    /// Where the fields are, once a table's header has been read.
    private(set) var columns: Columns?

    /// The line from which on SKUs that are new are no longer remembered, because there are too many: of those that
    /// come again after it the last row counts.
    private(set) var remembersUntil: Int?

    private let map: FieldMap
    private let options: Options
    private var seen: SeenSKUs

    init(map: FieldMap, options: Options, seen: SeenSKUs = SeenSKUs()) {
        self.map = map
        self.options = options
        self.seen = seen
    }

    /// - Throws: ``InvalidValue`` when a mapped column is not there, or prices would be without a currency.
    mutating func begin(header: [String]) throws(InvalidValue) {
        let columns = try map.columns(in: header)
        if columns.has(.price), columns.has(.priceMinor) {
            throw InvalidValue("there is a column for price and one for price_minor: map one of them")
        }
        if columns.has(.price) || columns.has(.priceMinor), !columns.has(.currency), options.currency == nil {
            throw InvalidValue("the prices need a currency: give --currency, or a column for it")
        }
        self.columns = columns
    }

    mutating func row(_ record: CSVRecord) throws(RowFault) -> ProductRow {
        try row(line: record.line, columns?.cells(of: record) ?? [])
    }

    mutating func row(_ record: JSONRecord) throws(RowFault) -> ProductRow {
        guard map.isByName else { return try row(line: record.line, try map.cells(of: record)) }
        let document = try ProductMembers(record, options: options)
        try meet(document.sku, line: record.line, document.fingerprint)
        return ProductRow(line: record.line, sku: document.sku.text, json: document.json)
    }

    private mutating func row(line: Int, _ cells: [Cell]) throws(RowFault) -> ProductRow {
        let values = try ProductValues(line: line, cells, options: options)
        var afterSKU = 0
        var writer = JSONWriter(capacity: 256)
        writer.object { writer in
            writer.member("sku", values.sku.text)
            afterSKU = writer.bytes.count
            values.writeRest(to: &writer)
        }
        try meet(
            values.sku, line: line,
            SeenSKUs.Fingerprint(
                name: values.name, price: values.amount, currency: values.currency?.code,
                rest: writer.bytes[afterSKU...]
            )
        )
        return ProductRow(line: line, sku: values.sku.text, json: writer.bytes)
    }

    /// - Throws: ``RowFault`` when the SKU has been met and the first row of it counts.
    private mutating func meet(
        _ sku: SKU, line: Int, _ fingerprint: @autoclosure () -> SeenSKUs.Fingerprint
    ) throws(RowFault) {
        guard options.repeats == .keepFirst else { return }
        let fingerprint = fingerprint()
        switch seen.meet(sku.key, line: line, fingerprint) {
        case .first: return
        case .noRoom: remembersUntil = remembersUntil ?? line
        case .again(let first, fingerprint):
            throw RowFault(.repeated, line: line, "\(sku.text.excerpt) as in line \(first)")
        case .again(let first, let kept):
            let hasSameName = kept.hasSameName(as: fingerprint)
            let hasSamePrice = kept.hasSamePrice(as: fingerprint)
            let what =
                switch (hasSameName, hasSamePrice) {
                case (false, false): "name and price"
                case (false, true): "name"
                case (true, false): "price"
                case (true, true): "values"
                }
            throw RowFault(.differs, line: line, "\(sku.text.excerpt) differs from line \(first): \(what)")
        }
    }
}
