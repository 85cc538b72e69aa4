import InventoryKit

/// One purchase of a list.
struct PurchaseRow: Hashable, Sendable {
    /// Of the input, from 1.
    let line: Int
    let sku: SKU
    let quantity: Quantity
    let reference: Reference?

    /// The same for the same purchase in the same line, so that a list that is sent again is not bought twice.
    var key: String {
        let content: JSON = [.string(sku.text), .integer(quantity.units), .optional(reference?.text)]
        return RowKey.text("purchase", line: line, content: content.encoded())
    }
}

/// Makes purchases of the records of a file: `sku`, `quantity` (1 where there is no such column) and `reference`.
struct PurchaseRows: RowMaker {
    private(set) var columns: Columns?
    private let map: FieldMap

    init(map: FieldMap) {
        self.map = map
    }

    /// - Throws: ``InvalidValue`` when a mapped column is not there.
    mutating func begin(header: [String]) throws(InvalidValue) { columns = try map.columns(in: header) }

    func row(_ record: CSVRecord) throws(RowFault) -> PurchaseRow {
        try row(line: record.line, columns?.cells(of: record) ?? [])
    }

    func row(_ record: JSONRecord) throws(RowFault) -> PurchaseRow {
        try row(line: record.line, try map.cells(of: record))
    }

    private func row(line: Int, _ cells: [Cell]) throws(RowFault) -> PurchaseRow {
        let sku = try cells.sku(line: line)
        let quantity = try quantity(cells, line: line)
        let reference = try cells.first { $0.field == .reference && !$0.text.isEmpty }
            .map { cell throws(RowFault) in
                try cell.valid(line: line) { text throws(InvalidValue) in try Reference(text) }
            }
        return PurchaseRow(line: line, sku: sku, quantity: quantity, reference: reference)
    }

    private func quantity(_ cells: [Cell], line: Int) throws(RowFault) -> Quantity {
        let cell = cells.first { $0.field == .quantity } ?? Cell(field: .quantity, column: "quantity", text: "1")
        guard try cell.wholeNumber(line: line) > 0 else {
            throw cell.fault(.notSold, line: line, "must be 1 or more: a return is no purchase")
        }
        return try cell.number(line: line) { units throws(InvalidValue) in try Quantity(units) }
    }
}
