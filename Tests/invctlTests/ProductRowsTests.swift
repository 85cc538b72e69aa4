import InventoryKit
import Testing

@testable import invctl

@Suite("Products made of rows")
struct ProductRowsTests {
    private let pounds: ProductRows.Options
    private let passOn: ProductRows.Options

    init() throws {
        pounds = ProductRows.Options(currency: try Currency("GBP"), stock: try Balance(500))
        passOn = ProductRows.Options(currency: try Currency("GBP"), repeats: .passOn, takesZeroPrices: true)
    }

    @Test("carry every field to where the API has it")
    func allFields() throws {
        let text = """
            description,currency,attributes.size,sku,max_per_order,price,name,low_stock_threshold,stock,attributes.b,other
            "two
            lines",JPY,10 cm,A-1, 5 ,1299, Lantern ,2,0,,x
            ,,,B-2,,2.5,Bowl,,,,
            """
        let (lines, faults) = try products(text, pounds)
        #expect(faults.isEmpty)
        #expect(
            lines == [
                #"{"sku":"A-1","name":"Lantern","description":"two\nlines","price":{"amount":1299,"currency":"JPY"},"#
                    + #""stock":{"on_hand":0},"low_stock_threshold":2,"max_per_order":5,"attributes":{"size":"10 cm"}}"#,
                #"{"sku":"B-2","name":"Bowl","price":{"amount":250,"currency":"GBP"},"stock":{"on_hand":500}}"#,
            ]
        )
        for line in lines { _ = try BatchRow(line: 1, JSONDocument(parsing: Array(line.utf8))) }
    }

    @Test(
        "have prices read exactly",
        arguments: [
            ("2.55", "GBP", 255), ("0.29", "GBP", 29), ("1.1", "GBP", 110), ("19", "GBP", 1_900), ("255", "JPY", 255),
            ("1.234", "KWD", 1_234), ("90071992547409.91", "GBP", 9_007_199_254_740_991),
        ]
    )
    func prices(text: String, currency: String, amount: Int64) throws {
        let (lines, _) = try products("sku,name,price,currency\nA,b,\(text),\(currency)")
        #expect(lines.first?.contains("\"amount\":\(amount),") == true)
    }

    @Test(
        "have no price that would have to be guessed",
        arguments: [
            ("2.555", .badPrice, "at most 2 decimals in GBP"), ("\"1,234.50\"", .badPrice, "without sign, separators"),
            ("\"2,55\"", .badPrice, "must be a decimal"), ("£2.55", .badPrice, "must be a decimal"),
            ("1e2", .badPrice, "must be a decimal"), ("--1", .badPrice, "must be a decimal"),
            ("99999999999999999999", .badPrice, "must be at most"), ("", .badPrice, "is empty"),
            ("-2.55", .negativePrice, "must not be negative"), ("0", .zeroPrice, "more than zero"),
            ("0.00", .zeroPrice, "more than zero"),
        ] as [(String, RowFault.Kind, String)]
    )
    func badPrices(text: String, kind: RowFault.Kind, words: String) throws {
        let (lines, faults) = try products("sku,name,price\nA,b,\(text)", pounds)
        #expect(lines.isEmpty)
        #expect(faults.map(\.kind) == [kind])
        #expect(faults.first?.detail.contains(words) == true, "\(faults)")
    }

    @Test("have prices in minor units where the column says so", arguments: ["price_minor", "price.amount"])
    func minorUnits(name: String) throws {
        let (lines, faults) = try products("sku,name,\(name)\nA,a,255\nB,b,2.55\nC,c,-1\nD,d,0", pounds)
        #expect(lines.map { $0.contains("\"amount\":255,\"currency\":\"GBP\"") } == [true])
        #expect(faults.map(\.kind) == [.badPrice, .negativePrice, .zeroPrice])
    }

    @Test("need a currency, which is told before any row")
    func currency() throws {
        #expect(throws: InvalidValue("the prices need a currency: give --currency, or a column for it")) {
            try products("sku,price\nA,1")
        }
        #expect(throws: InvalidValue.self) { try products("sku,price,price_minor\nA,1,1", pounds) }
        let (_, faults) = try products("sku,price,currency\nA,1,\nB,1,gbp\nC,1,GBP")
        #expect(faults.map(\.kind) == [.badPrice, .badPrice])
        #expect(faults.map(\.line) == [2, 3])
    }

    @Test("are counted by what is wrong with them")
    func otherFaults() throws {
        let text = """
            sku,name,stock,max_per_order,description
            ,x,1,1,
            A, ,1,1,
            B,x,-1,1,
            C,x,1.5,1,
            D,x,1,0,
            É,x,1,1,
            F,\(String(repeating: "x", count: 257)),1,1,
            G,x,1,1,a\u{7}b
            H,x,99999999999999999999,1,
            I,x,1
            J,x,,,
            """
        let (lines, faults) = try products(text, pounds)
        #expect(lines.count == 1)
        #expect(
            faults.map(\.kind) == [
                .missingSKU, .missingName, .badNumber, .badNumber, .badNumber, .invalid, .invalid, .invalid, .badNumber,
                .fieldCount,
            ]
        )
        #expect(faults.map(\.line) == Array(2...11))
        var tally = FaultTally()
        for fault in faults { tally.add(fault) }
        #expect(
            tally.summary == [
                "1 row: wrong number of fields (line 11)", "1 row: sku empty (line 2)", "1 row: name empty (line 3)",
                "4 rows: number not readable (first in line 4)", "3 rows: value not permitted (first in line 7)",
            ]
        )
        #expect(tally.failures == 10)
    }

    @Test("keep the first good row of a SKU, and say how later ones differ")
    func keepFirst() throws {
        let text = """
            sku,name,price,description
            a1,,1,
            a1,Cup,1.00,x
            A1,Cup ,1,x
            a1,Mug,1,x
            a1,Cup,2,x
            A1,Mug,2,x
            a1,Cup,1,y
            a1,,1,x
            """
        let (lines, faults) = try products(text, pounds)
        #expect(lines.count == 1)
        #expect(
            faults.map(\.kind) == [.missingName, .repeated, .differs, .differs, .differs, .differs, .missingName]
        )
        #expect(
            faults.dropFirst().dropLast().map(\.detail) == [
                "\"A1\" as in line 3", "\"a1\" differs from line 3: name", "\"a1\" differs from line 3: price",
                "\"A1\" differs from line 3: name and price", "\"a1\" differs from line 3: values",
            ]
        )
        var tally = FaultTally()
        for fault in faults { tally.add(fault) }
        #expect(tally.failures == 2)
    }

    @Test("are all passed on where that is wanted, and prices of zero with them")
    func passingOn() throws {
        let (lines, faults) = try products("sku,name,price\nA,a,0\nA,a,0\na,b,1", passOn)
        #expect(lines.count == 3)
        #expect(faults.isEmpty)
    }

    @Test("of JSON lines are what the API takes, with the defaults put in and what cannot be set left out")
    func json() throws {
        let text = """
            {"sku":"A","name":"a","price":{"amount":5,"currency":"EUR"},"stock":{"on_hand":1,"reserved":0,"available":1}}
            {"sku":"B","name":"b","price":{"amount":5},"id":"x","version":3,"created_at":"…","low_stock_threshold":null}
            {"sku":"C","name":"c","price":"2.55","stock":7}
            {"sku":"D","name":"d","price":2.50}
            """
        let (lines, faults) = try products(text, pounds)
        #expect(faults.isEmpty)
        #expect(
            lines == [
                #"{"name":"a","price":{"amount":5,"currency":"EUR"},"sku":"A","stock":{"on_hand":1}}"#,
                #"{"low_stock_threshold":null,"name":"b","price":{"amount":5,"currency":"GBP"},"sku":"B","stock":{"on_hand":500}}"#,
                #"{"name":"c","price":{"amount":255,"currency":"GBP"},"sku":"C","stock":{"on_hand":7}}"#,
                #"{"name":"d","price":{"amount":250,"currency":"GBP"},"sku":"D","stock":{"on_hand":500}}"#,
            ]
        )
    }

    @Test("of JSON lines are found wrong for the same reasons")
    func jsonFaults() throws {
        let text = """
            {"name":"a"}
            {"sku":"A","name":" "}
            {"sku":"B","price":"1,5"}
            {"sku":"C","price":{"amount":0,"currency":"GBP"}}
            {"sku":"D","price":-1}
            {"sku":"E","nmae":"x"}
            {"sku":"F","price":{"amount":1.5,"currency":"gbp"}}
            {"sku":"G","name":"g"}
            {"sku":"g","name":"g"}
            {"sku":"g","name":"h"}
            """
        let (_, faults) = try products(text, pounds)
        #expect(
            faults.map(\.kind) == [
                .missingSKU, .missingName, .badPrice, .zeroPrice, .negativePrice, .invalid, .invalid, .repeated,
                .differs,
            ]
        )
        #expect(faults[5].detail == "\"/nmae\" is not known here")
        #expect(faults[6].detail.hasSuffix("and 1 more"))
        #expect(faults[8].detail == "\"g\" differs from line 8: name")
    }

    @Test("of JSON lines with other names are mapped like columns")
    func mappedJSON() throws {
        let text = """
            {"code":"A","title":"a","cost":2.55,"more":[1]}
            {"code":7,"title":"b","cost":"3"}
            {"code":"C","cost":1}
            {"code":["D"],"title":"d","cost":1}
            """
        let (lines, faults) = try products(text, map: "sku=code,name=title,price=cost", pounds)
        #expect(lines.map { $0.prefix(22) } == [#"{"sku":"A","name":"a","#, #"{"sku":"7","name":"b","#])
        #expect(faults.map(\.kind) == [.missingName, .invalid])
    }

    @Test("say from where on repeats are no longer noticed, when there are too many SKUs to remember")
    func bounded() throws {
        let map = try FieldMap(nil, for: .products)
        let maker = ProductRows(map: map, options: pounds, seen: SeenSKUs(limit: 2))
        var rows: [Int] = []
        var faults: [RowFault] = []
        let reader = try read([Array("sku\nA\nB\nC\nC\nA\n".utf8)], RowReader(maker)) { row in
            switch row {
            case .success(let row): rows.append(row.line)
            case .failure(let fault): faults.append(fault)
            }
        }
        #expect(rows == [2, 3, 4, 5])
        #expect(faults.map(\.line) == [6])
        #expect(reader.maker.remembersUntil == 4)
    }
}

@Suite("The SKUs that were met")
struct SeenSKUsTests {
    @Test("are all remembered with their lines, through every growth, up to the limit")
    func growth() {
        var seen = SeenSKUs(limit: 20_000)
        let print = { (line: Int) in
            SeenSKUs.Fingerprint(name: "n\(line)", price: Int64(line), currency: nil, rest: [])
        }
        for line in 1...20_000 { #expect(seen.meet("sku-\(line)", line: line, print(line)) == .first) }
        #expect(seen.meet("sku-0", line: 1, print(0)) == .noRoom)
        for line in 1...20_000 {
            #expect(seen.meet("sku-\(line)", line: 7, print(0)) == .again(line: line, print(line)))
        }
        #expect(seen.count == 20_000)
    }
}
