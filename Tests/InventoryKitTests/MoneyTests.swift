import InventoryKit
import TestSupport
import Testing

private let readAndWritten: [(String, Int64)] = [
    ("2.55 GBP", 255), ("0.05 GBP", 5), ("0.00 GBP", 0), ("10.00 EUR", 1_000), ("255 JPY", 255), ("0 JPY", 0),
    ("1.234 KWD", 1_234), ("0.007 KWD", 7), ("0.0001 CLF", 1), ("12.3456 UYW", 123_456),
    ("90071992547409.91 GBP", 9_007_199_254_740_991), ("9007199254740991 JPY", 9_007_199_254_740_991),
]

private func read(_ text: String) throws -> Money {
    let parts = text.split(separator: " ").map(String.init)
    return try Money(decimal: parts[0], currency: try Currency(parts[1]))
}

@Suite("Money")
struct MoneyTests {
    @Test("is written with exactly the currency's decimals, and read back", arguments: readAndWritten)
    func decimals(text: String, amount: Int64) throws {
        let money = try read(text)
        #expect(money.amount == amount)
        #expect("\(money.decimal) \(money.currency.code)" == text)
    }

    @Test(
        "may be read with fewer decimals",
        arguments: [("2 GBP", 200), ("2.5 GBP", 250), ("1.2 KWD", 1_200), ("3 CLF", 30_000)] as [(String, Int64)]
    )
    func fewerDecimals(text: String, amount: Int64) throws {
        let money = try read(text)
        #expect(money.amount == amount)
    }

    @Test(
        "is never rounded: more decimals than the currency has are an error, be they zeros",
        arguments: [
            ("2.555", "GBP"), ("2.550", "GBP"), ("2.5500000", "GBP"), ("1.0", "JPY"), ("1.2345", "KWD"),
            ("0.00001", "CLF"),
        ]
    )
    func tooManyDecimals(decimal: String, code: String) throws {
        let currency = try Currency(code)
        let error = #expect(throws: InvalidValue.self) { try Money(decimal: decimal, currency: currency) }
        #expect(error?.detail == "must have at most \(currency.exponent) decimals in \(code)")
    }

    @Test(
        "is no other text",
        arguments: [
            "", ".", "2.", ".5", "-1", "+1", "1,5", "1 ", " 1", "1e2", "£1", "1.2.3", "1..2", "0x1", "1_000", "٣", "１",
            "NaN", "inf",
        ]
    )
    func noDecimal(text: String) throws {
        let pounds = try Currency("GBP")
        #expect(throws: InvalidValue.self) { try Money(decimal: text, currency: pounds) }
    }

    @Test(
        "beyond 2⁵³ − 1 of the minor unit is an error, however long its digits",
        arguments: [
            "90071992547409.92", "9007199254740991", "92233720368547758.07", "92233720368547758.08",
            "184467440737095516.16", "184467440737095516.17", String(repeating: "9", count: 2_000),
        ]
    )
    func overflow(text: String) throws {
        let pounds = try Currency("GBP")
        #expect(throws: InvalidValue.self) { try Money(decimal: text, currency: pounds) }
    }

    @Test("has an amount of 0 to 2⁵³ − 1", arguments: [-1, 9_007_199_254_740_992, .min, .max] as [Int64])
    func outOfRange(amount: Int64) {
        #expect(throws: InvalidValue.self) { try money(amount) }
    }

    @Test("of one currency is not money of another")
    func currencies() throws {
        let pounds = try money(255, "GBP")
        let euros = try money(255, "EUR")
        #expect(pounds != euros)
    }
}

@Suite("Money, with random amounts")
struct MoneyPropertyTests {
    @Test("is what its decimal says, in every currency", arguments: seeds)
    func roundTrip(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        for code in Currency.codes {
            let currency = try Currency(code)
            let money = try Money(amount: random.amount(), currency: currency)
            let read = try Money(decimal: money.decimal, currency: currency)
            #expect(read == money, "seed \(seed), \(money.decimal) \(code)")
            let decimals = money.decimal.split(separator: ".").dropFirst().first?.count ?? 0
            #expect(decimals == currency.exponent, "seed \(seed), \(money.decimal) \(code)")
        }
    }

    @Test("is refused with one decimal too many, whatever the digits", arguments: seeds)
    func neverRounded(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        for code in Currency.codes {
            let currency = try Currency(code)
            let money = try Money(amount: random.amount(), currency: currency)
            let point = currency.exponent == 0 ? "." : ""
            let text = "\(money.decimal)\(point)\(random.int(0...9))"
            #expect(throws: InvalidValue.self, "seed \(seed), \(text) \(code)") {
                try Money(decimal: text, currency: currency)
            }
        }
    }
}

@Suite("A currency")
struct CurrencyTests {
    @Test(
        "has the decimals of ISO 4217",
        arguments: [
            ("JPY", 0), ("KRW", 0), ("ISK", 0), ("GBP", 2), ("EUR", 2), ("USD", 2), ("MGA", 2), ("KWD", 3), ("TND", 3),
            ("CLF", 4),
        ]
    )
    func exponents(code: String, exponent: Int) throws {
        let currency = try Currency(code)
        #expect(currency.exponent == exponent)
    }

    @Test("is one of every exponent that there is, so that tests of all codes meet each")
    func everyExponent() throws {
        let exponents = try Set(Currency.codes.map { try Currency($0).exponent })
        #expect(exponents == [0, 2, 3, 4])
    }

    @Test(
        "has three upper-case letters and exists",
        arguments: ["", "gbp", "Gbp", "GB", "GBPP", "GBP ", "XXX", "XAU", "DEM", "£", "ＧＢＰ"]
    )
    func unknown(code: String) {
        #expect(throws: InvalidValue.self) { try Currency(code) }
    }

    /// To Swift's `==` the Kelvin sign is a K (they are canonically equivalent); to a database and to clients it is not.
    @Test(
        "is not one whose letters only look and compare alike",
        arguments: ["\u{212A}WD", "\u{212A}ES", "D\u{212A}\u{212A}", "SE\u{212A}"]
    )
    func lookAlikes(code: String) {
        #expect(throws: InvalidValue.self) { try Currency(code) }
    }
}
