import Testing

@testable import invctl

@Suite("A table")
struct TableTests {
    private func table(_ rows: [[StyledText]]) -> Table {
        var table = Table([
            .init(title: "sku"), .init(title: "name", isFlexible: true), .init(title: "stock", alignment: .right),
            .init(title: "note", isFlexible: true),
        ])
        for row in rows { table.append(row) }
        return table
    }

    @Test("has capitals above, two spaces between, and nothing after the last column")
    func plainTable() {
        let lines = table([["A", "Heart", "12,345", "x"], ["85123A", "醤油", "7", ""]]).lines(width: nil)
        #expect(plain(lines) == ["SKU     NAME    STOCK  NOTE", "A       Heart  12,345  x", "85123A  醤油        7"])
    }

    @Test("has at least its header")
    func empty() {
        #expect(plain(table([]).lines(width: 3)) == ["SKU  NAME  STOCK  NOTE"])
        #expect(plain(Table([]).lines(width: 3)) == [""])
    }

    @Test("cuts only flexible columns, the widest first")
    func shrinks() {
        let name = StyledText(String(repeating: "n", count: 50))
        let full = table([["SKU-THAT-IS-LONG", name, "1", "ten or so"]])
        let lines = full.lines(width: 60)
        #expect(lines.allSatisfy { $0.width <= 60 })
        #expect(lines[1].plain.hasPrefix("SKU-THAT-IS-LONG  nnnnnn"))
        #expect(lines[1].plain.hasSuffix("ten or so"))
        #expect(lines[1].plain.contains("…"))
        let tight = full.lines(width: 1, utf8: false)
        #expect(tight[1].plain == "SKU-THAT-IS-LONG  nnnnn...      1  ten o...")
    }

    @Test("stays within the width where its flexible columns allow it", arguments: Hostile.texts)
    func hostile(text: String) {
        for width in 36...90 {
            let lines = table([["A", StyledText(text), "1", StyledText(text + text)]])
                .lines(width: width)
            #expect(lines.allSatisfy { $0.width <= width })
        }
    }

    @Test("bears rows with too few and too many cells")
    func ragged() {
        let lines = table([["A"], ["B", "b", "1", "n", "more"], []]).lines(width: nil)
        #expect(plain(lines) == ["SKU  NAME  STOCK  NOTE", "A", "B    b         1  n", ""])
    }
}
