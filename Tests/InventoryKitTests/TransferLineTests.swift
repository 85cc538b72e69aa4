import InventoryKit
import TestSupport
import Testing

@Suite("The lines of a full export")
struct TransferLineTests {
    /// A change of it is a new version of the format.
    @Test func haveTheirForm() throws {
        let entries = try someEntries()
        let encoded = [
            ExportLine.header(exportedAt: noon), .entry(entries[6]), .entry(entries[2]), .entry(entries[9]),
            .end(InventoryTotals(products: 1, onHand: Int128(Int64.max) + 1, digest: "00")),
        ].map { text(of: $0.encoded) }
        #expect(
            encoded
                == [
                    #"{"type":"header","format":"inventoryd-export","version":1,"exported_at":"2026-01-31T12:00:00.000Z"}"#,
                    #"{"type":"product","id":"0000000000000000000000ff","sku":"a-1","#
                        + #""name":"White hanging heart T-light holder","description":"A heart.","#
                        + #""price":{"amount":255,"currency":"GBP"},"on_hand":5,"reserved":0,"low_stock_threshold":5,"#
                        + #""max_per_order":3,"attributes":{"colour":"white"},"version":2,"stock_version":1,"#
                        + #""created_at":"2026-01-31T12:00:00.000Z","updated_at":"2026-01-31T12:00:00.000Z","#
                        + #""archived_at":"2026-01-31T12:00:00.009Z","moved_at":"2026-01-31T12:00:00.001Z","#
                        + #""fingerprint":null}"#,
                    #"{"type":"movement","id":"0000000000000000000000000000000000000000000000000000000000000012","#
                        + #""product_id":"000000000000000000000001","sku":"A-0","seq":2,"kind":"sale","delta":-4,"#
                        + #""reserved_delta":0,"on_hand":6,"reserved":0,"unit_price":{"amount":255,"currency":"GBP"},"#
                        + #""reason":null,"reference":"“$ref”\\\"","actor":"till-1","request_id":"r-2","#
                        + #""at":"2026-01-31T12:00:00.002Z","fingerprint":"736f6c64"}"#,
                    #"{"type":"outcome","id":"2222222222222222222222222222222222222222222222222222222222222222","#
                        + #""fingerprint":"61736b6564","record":["updated","000000000000000000000001"],"#
                        + #""expires_at":"2026-02-07T10:40:00.000Z"}"#,
                    #"{"type":"end","products":1,"movements":0,"outcomes":0,"keys":0,"on_hand":9223372036854775808,"#
                        + #""reserved":0,"moved":0,"sha256":"00"}"#,
                ].map { $0 + "\n" })
    }

    @Test("Every line is read as it was written", arguments: seeds)
    func areReadAsWritten(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var lines = try someEntries().map(ExportLine.entry)
        for _ in 0..<50 {
            let product = try random.product()
            let time = Timestamp(milliseconds: random.int64(0...2_000_000_000_000))
            lines.append(
                .entry(
                    .product(
                        ProductEntry(
                            product: product, fingerprint: random.bool() ? random.line(1...64) : nil,
                            movedAt: random.bool() ? time : nil))))
            lines.append(.entry(.movement(try random.movement(of: product, at: time))))
            lines.append(
                .end(
                    InventoryTotals(
                        products: random.amount(), movements: random.amount(), outcomes: random.amount(),
                        keys: random.amount(), onHand: Int128(random.amount()) * Int128(random.amount()),
                        moved: -Int128(random.amount()) * Int128(random.amount()), digest: "ab")))
        }
        for line in lines {
            let read = try ExportLine(line.encoded)
            #expect(read == line)
            // Texts that are equal may still be other bytes.
            #expect(read.encoded == line.encoded)
        }
    }

    @Test("Bytes are cut into lines wherever the pieces end", arguments: 1...9)
    func splitting(size: Int) throws {
        var splitter = LineSplitter(limit: 5)
        var lines: [String] = []
        let bytes = Array("one\n\nthree\nfour!\nrest".utf8)
        for start in stride(from: 0, to: bytes.count, by: size) {
            splitter.append(bytes[start..<min(start + size, bytes.count)])
            while let line = try splitter.next() { lines.append(text(of: line)) }
        }
        #expect(lines == ["one", "", "three", "four!"])
        #expect(text(of: splitter.rest) == "rest")
        splitter.append(Array("of it".utf8))
        #expect(throws: InvalidValue.self) { try splitter.next() }
    }
}

extension SeededRandom {
    fileprivate mutating func movement(of product: Product, at time: Timestamp) throws -> MovementEntry {
        let kind = pick(Movement.Kind.allCases)
        return MovementEntry(
            movement: Movement(
                id: OperationID(digest: bytes(32...32)), productID: product.id, sku: product.catalogue.sku,
                seq: int64(1...1_000_000), kind: kind, delta: int64(-most...most), reservedDelta: int64(-most...most),
                stock: product.stock, unitPrice: bool() ? product.catalogue.price : nil,
                reason: bool() ? pick(StockReason.allCases) : nil,
                reference: bool() ? try Reference(line(2...100)) : nil, actor: line(1...20), requestID: line(1...20),
                at: time
            ),
            fingerprint: bool() ? line(1...64) : nil
        )
    }
}
