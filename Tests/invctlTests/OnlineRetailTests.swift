import FoundationEssentials
import InventoryKit
import TestSupport
import Testing

@testable import invctl

/// The real file, where it is: beside the repository, or where `ONLINE_RETAIL_CSV` says.
private let file: Data? = {
    if let path = ProcessInfo.processInfo.environment["ONLINE_RETAIL_CSV"] {
        return FileManager.default.contents(atPath: path)
    }
    var parts = #filePath.split(separator: "/")
    while !parts.isEmpty {
        parts.removeLast()
        let path = "/\(parts.joined(separator: "/"))/shared/data/online-retail/online-retail-2010-12.csv"
        if let data = FileManager.default.contents(atPath: path) { return data }
    }
    return nil
}()

/// The numbers were found independently of this code: Python's csv module, blanks at both ends cut, SKUs folded with
/// `lower()`, prices matched by `\d+(\.\d{1,2})?`, and a dictionary of the first good row of each SKU.
@Suite("Online Retail, December 2010", .enabled(if: file != nil))
struct OnlineRetailTests {
    @Test("is a catalogue of the first good row of each SKU, every other row told by kind", arguments: seeds.prefix(3))
    func catalogue(seed: UInt64) throws {
        let bytes = [UInt8](try #require(file))
        var random = SeededRandom(seed: seed)
        let map = try FieldMap("sku=StockCode,name=Description,price=UnitPrice", for: .products)
        let options = ProductRows.Options(currency: try Currency("GBP"), stock: try Balance(500))
        var tally = FaultTally()
        var faults: [RowFault] = []
        var rows: [ProductRow] = []
        let reader = try read(
            random.pieces(of: bytes, longest: 20_000), RowReader(ProductRows(map: map, options: options))
        ) {
            switch $0 {
            case .success(let row): rows.append(row)
            case .failure(let fault):
                tally.add(fault)
                faults.append(fault)
            }
        }
        #expect(reader.format == .csv)
        #expect(rows.count == 1_973)
        #expect(tally.counts == [.repeated: 4_822, .differs: 3_158, .missingName: 42, .zeroPrice: 4])
        let differences = Dictionary(grouping: faults.filter { $0.kind == .differs }) {
            $0.detail.split(separator: ": ").last.map(String.init)
        }
        #expect(differences.mapValues(\.count) == ["price": 3_103, "name": 6, "name and price": 49])
        #expect(faults.first { $0.kind == .differs }?.line == 124)
        #expect(tally.summary.first == "42 rows: name empty (first in line 624)")
        #expect(faults.first { $0.kind == .zeroPrice }?.line == 6_393)
        for row in rows {
            let batch = try BatchRow(line: row.line, JSONDocument(parsing: row.json))
            #expect(batch.opening?.units == 500)
        }
        #expect(
            rows.first.map { String(decoding: $0.json, as: UTF8.self) }
                == #"{"sku":"85123A","name":"WHITE HANGING HEART T-LIGHT HOLDER","#
                + #""price":{"amount":255,"currency":"GBP"},"stock":{"on_hand":500}}"#
        )
    }

    @Test("is a day's trade, without its returns")
    func purchases() throws {
        let map = try FieldMap("sku=StockCode,quantity=Quantity,reference=InvoiceNo", for: .purchases)
        var counts: [RowFault.Kind?: Int] = [:]
        var keys: Set<String> = []
        _ = try read([[UInt8](try #require(file))], RowReader(PurchaseRows(map: map))) { row in
            switch row {
            case .success(let row):
                counts[nil, default: 0] += 1
                keys.insert(row.key)
            case .failure(let fault): counts[fault.kind, default: 0] += 1
            }
        }
        #expect(counts == [nil: 9_869, .notSold: 130])
        #expect(keys.count == 9_869)
    }
}
