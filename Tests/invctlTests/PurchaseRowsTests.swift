import InventoryKit
import Testing

@testable import invctl

@Suite("Purchases made of rows")
struct PurchaseRowsTests {
    private func purchases(_ text: String, map: String? = nil) throws -> ([PurchaseRow], [RowFault]) {
        var rows: [PurchaseRow] = []
        var faults: [RowFault] = []
        _ = try read([Array(text.utf8)], RowReader(PurchaseRows(map: try FieldMap(map, for: .purchases)))) { row in
            switch row {
            case .success(let row): rows.append(row)
            case .failure(let fault): faults.append(fault)
            }
        }
        return (rows, faults)
    }

    @Test("have a sku, a quantity and, where there is one, a reference")
    func fields() throws {
        let (rows, faults) = try purchases(
            "Ref,Code,Qty\nC-1, A ,3\n,B,1\n", map: "sku=code,quantity=qty,reference=ref"
        )
        #expect(faults.isEmpty)
        #expect(rows.map(\.sku.text) == ["A", "B"])
        #expect(rows.map(\.quantity.units) == [3, 1])
        #expect(rows.map(\.reference?.text) == ["C-1", nil])
        #expect(rows.map(\.line) == [2, 3])
    }

    @Test("are of one unit where there is no column for it, and may be JSON lines")
    func defaults() throws {
        #expect(try purchases("sku\nA").0.map(\.quantity.units) == [1])
        let (rows, faults) = try purchases("{\"sku\":\"A\",\"quantity\":2,\"reference\":\"r\"}\n{\"sku\":\"B\"}\n")
        #expect(faults.isEmpty)
        #expect(rows.map(\.quantity.units) == [2, 1])
    }

    @Test("are no returns, and nothing that is no number")
    func faults() throws {
        let (rows, faults) = try purchases(
            "sku,quantity\nA,-1\nB,0\nC,\nD,1.0\nE,+1\nF,1000001\n,1\nH,9223372036854775808\nI,-\nJ,1000000\n"
        )
        #expect(rows.map(\.sku.text) == ["J"])
        #expect(
            faults.map(\.kind) == [
                .notSold, .notSold, .badNumber, .badNumber, .badNumber, .badNumber, .missingSKU, .badNumber, .badNumber,
            ]
        )
    }

    @Test("have a key that is the same for the same purchase in the same line, and no other")
    func keys() throws {
        let text = "sku,quantity,reference\nA,1,r\nA,1,r\nA,2,r\nA,1,\n"
        let keys = try purchases(text).0.map(\.key)
        #expect(Set(keys).count == 4)
        #expect(try purchases(text).0.map(\.key) == keys)
        for key in keys { #expect(try IdempotencyKey(key).text == key) }
    }

    /// printf '3\nabc' | sha256sum
    @Test("and products have keys that are made of place and content alone")
    func rowKey() {
        #expect(
            RowKey.text("seed", line: 3, content: Array("abc".utf8))
                == "seed-b00c078ef550998002854805b6d1fac35a8601ebe3d9a9b32bf6f6157038e1b9")
        #expect(RowKey.text("seed", line: 31, content: []) != RowKey.text("seed", line: 3, content: Array("1".utf8)))
    }
}
