import InventoryKit

/// Plausible products for trying things out, one at a time. The same count, seed and options give the same bytes on
/// every machine, and a product does not depend on how many come after it.
struct ProductGenerator: Sequence, Sendable {
    private let count: Int
    private let seed: UInt64
    private let currency: String
    private let exponent: Int
    private let stock: Balance?

    /// - Parameter stock: units on hand of each; `nil` for some number or other.
    init(count: Int, seed: UInt64, currency: Currency, stock: Balance? = nil) {
        self.count = count
        self.seed = seed
        self.currency = currency.code
        exponent = currency.exponent
        self.stock = stock
    }

    func makeIterator() -> Iterator { Iterator(generator: self, numbers: SplitMix64(state: seed)) }

    struct Iterator: IteratorProtocol {
        fileprivate let generator: ProductGenerator
        fileprivate var numbers: SplitMix64
        private var line = 0

        fileprivate init(generator: ProductGenerator, numbers: SplitMix64) {
            self.generator = generator
            self.numbers = numbers
        }

        mutating func next() -> ProductRow? {
            guard line < generator.count else { return nil }
            line += 1
            return generator.product(line, &numbers)
        }
    }

    private func product(_ line: Int, _ numbers: inout SplitMix64) -> ProductRow {
        let department = numbers.pick(ProductWords.departments)
        let thing = numbers.pick(department.things)
        let material = numbers.pick(ProductWords.materials)
        let adjective = numbers.pick(ProductWords.adjectives)
        let colour = numbers.pick(ProductWords.colours)
        let amount = price(&numbers)
        // Drawn in any case, so that a given stock changes nothing else.
        let drawn = Int64(numbers.below(500))
        let threshold = Int64(5 * (1 + numbers.below(4)))
        let digits = String(line)
        let sku = "\(department.code)-\(String(repeating: "0", count: Swift.max(0, 6 - digits.utf8.count)))\(digits)"
        var writer = JSONWriter(capacity: 320)
        writer.object { writer in
            writer.member("sku", sku)
            writer.member("name", "\(adjective) \(material) \(thing), \(colour)")
            writer.name("price")
            writer.object { writer in
                writer.member("amount", amount)
                writer.member("currency", currency)
            }
            writer.name("stock")
            writer.object { $0.member("on_hand", stock?.units ?? drawn) }
            writer.member("low_stock_threshold", threshold)
            writer.name("attributes")
            writer.object { writer in
                writer.member("colour", colour)
                writer.member("material", material)
                writer.member("department", department.name)
            }
        }
        return ProductRow(line: line, sku: sku, json: writer.bytes)
    }

    /// Most things are cheap and few are dear. In a currency of two decimals it ends in .99, .95 or .50; of none, the
    /// digits are the same: 1299 yen for 12.99.
    private func price(_ numbers: inout SplitMix64) -> Int64 {
        let whole =
            switch numbers.below(100) {
            case ..<55: 1 + numbers.below(9)
            case ..<85: 10 + numbers.below(20)
            case ..<97: 30 + numbers.below(70)
            default: 100 + numbers.below(200)
            }
        let end =
            switch numbers.below(100) {
            case ..<60: 99
            case ..<85: 95
            default: 50
            }
        let digits = Int64(100 * whole + end)
        return switch exponent {
        case 3: 10 * digits
        case 4: 100 * digits
        default: digits
        }
    }
}

/// Random numbers (Steele, Lea and Flood 2014) that will not change with the standard library.
private struct SplitMix64: Sendable {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// A number from 0 to less than `bound`.
    mutating func below(_ bound: Int) -> Int { Int(next().multipliedFullWidth(by: UInt64(bound)).high) }

    mutating func pick<Element>(_ elements: [Element]) -> Element { elements[below(elements.count)] }
}
