import InventoryKit
import Testing

@testable import invctl

@Suite("A field map")
struct FieldMapTests {
    private let header = ["InvoiceNo", "StockCode", "Description", "UnitPrice", "unitprice", "A, b"]

    private func failure(_ map: String?, _ subject: RowSubject = .products, in header: [String]) -> String? {
        do throws(InvalidValue) {
            _ = try FieldMap(map, for: subject).columns(in: header)
            return nil
        } catch { return error.detail }
    }

    @Test("finds columns by their names: exactly, else without case")
    func columns() throws {
        let map = try FieldMap(
            "sku=stockcode, name=Description,price=UnitPrice,\"attributes.Size=A, b\"", for: .products
        )
        let columns = try map.columns(in: header)
        #expect(columns.columns.map(\.index) == [1, 2, 3, 5])
        #expect(columns.columns.map(\.field) == [.sku, .name, .price, .attribute("Size")])
    }

    @Test("says what is wrong, and what there is")
    func mistakes() {
        #expect(failure("sku=Stock", in: ["a", "b"]) == "there is no column \"Stock\"; there are \"a\", \"b\"")
        #expect(
            failure("sku=a,nmae=b", in: ["a", "b"])?
                .hasPrefix("--map: there is no field \"nmae\"; there are sku, name, description") == true
        )
        #expect(
            failure("sku=a,name=b", .purchases, in: ["a", "b"])
                == "--map: there is no field \"name\"; there are sku, quantity, reference"
        )
        #expect(failure("sku=UNITPRICE", in: header) == "there are 2 columns \"UNITPRICE\": rename all but one")
        #expect(failure("sku=a", in: ["a", "a"]) == "there are 2 columns \"a\": rename all but one")
        #expect(
            failure("sku=a,sku=b", in: ["a", "b"])
                == "the columns \"a\" and \"b\" are the same field: map one of them"
        )
        #expect(failure("name=a", in: ["a"]) == "--map must say which column is the sku: sku=COLUMN")
        for text in ["", "sku", "sku=", "sku=a,", "\"sku=a", "sku=a\nname=b"] {
            #expect(failure(text, in: ["a", "b"])?.hasPrefix("--map") == true, "\(text)")
        }
    }

    @Test("without being given takes each column for what it is called")
    func byName() throws {
        let header = [
            "SKU", " Name ", "id", "price.amount", "price.currency", "on_hand", "attributes.Colour", "version",
        ]
        let columns = try FieldMap(nil, for: .products).columns(in: header)
        #expect(
            columns.columns.map(\.field) == [.sku, .name, .priceMinor, .currency, .stock, .attribute("Colour")]
        )
        #expect(columns.unused == ["id", "version"])
        #expect(failure(nil, in: ["a", "b"])?.contains("no column is called sku: say which it is with --map") == true)
        #expect(failure(nil, in: ["sku", "stock", "on_hand"])?.contains("are the same field") == true)
        #expect(failure(nil, in: ["sku", "attributes."]) != nil)
        #expect(failure(nil, in: ["sku"] + (0...50).map { "attributes.a\($0)" })?.contains("51 attributes") == true)
    }

    /// A file may have anything in its header, and an error shows it on a terminal.
    @Test("shows a header briefly and without what a terminal would obey")
    func hostileHeader() throws {
        let header = ["\u{1B}[2J", String(repeating: "x", count: 10_000)] + (0..<500).map(String.init)
        let text = try #require(failure("sku=no", in: header))
        #expect(text.utf8.count < 500)
        #expect(!text.unicodeScalars.contains("\u{1B}"))
        #expect(text.hasSuffix("and 472 more"))
    }

    @Test(
        "cuts blanks at both ends", arguments: [("", ""), (" ", ""), ("\t a b \r\n", "a b"), ("a", "a"), ("é ", "é")])
    func trimming(text: String, trimmed: String) {
        #expect(text.trimmed == trimmed)
    }
}
