import TestSupport
import Testing

/// An audit that finds nothing proves nothing unless it finds what is there.
@Suite("Purchase audit")
struct PurchaseAuditTests {
    /// Ten units, of which five were sold, in every way a purchase can go.
    struct Story: Sendable {
        var records = [
            PurchaseRecord(key: "a", product: "p", quantity: 2, answer: .told("m-a", 2, 8)),
            // Cut off, sent again, and once more.
            PurchaseRecord(key: "b", product: "p", quantity: 1, answer: .unknown),
            PurchaseRecord(key: "b", product: "p", quantity: 1, answer: .told("m-b", 3, 7)),
            PurchaseRecord(key: "b", product: "p", quantity: 1, answer: .told("m-b", 3, 7)),
            PurchaseRecord(key: "c", product: "p", quantity: 20, answer: .refused(code: "insufficient-stock")),
            // Cut off for good: one that happened and one that did not.
            PurchaseRecord(key: "d", product: "p", quantity: 2, answer: .unknown),
            PurchaseRecord(key: "e", product: "p", quantity: 1, answer: .unknown),
            PurchaseRecord(key: "f", product: "q", quantity: 1, answer: .refused(code: "insufficient-stock")),
        ]
        var product = AuditedProduct(
            id: "p", opening: 10, onHand: 8,
            ledger: [
                LedgerEntry(id: "m-o", seq: 1, kind: "opening", delta: 10, onHand: 10),
                LedgerEntry(id: "m-a", seq: 2, kind: "sale", delta: -2, onHand: 8, reference: "a"),
                LedgerEntry(id: "m-b", seq: 3, kind: "sale", delta: -1, onHand: 7, reference: "b"),
                LedgerEntry(id: "m-d", seq: 4, kind: "sale", delta: -2, onHand: 5, reference: "d"),
                LedgerEntry(id: "m-r", seq: 5, kind: "receive", delta: 3, onHand: 8),
            ])
        var empty = AuditedProduct(id: "q", opening: 0, onHand: 0, ledger: [])

        var violations: [String] { PurchaseAudit.violations(of: records, in: [product, empty]) }

        /// Sells more, with books that add up.
        mutating func sell(_ quantity: Int64, id: String, reference: String) {
            product.onHand -= quantity
            product.ledger.append(
                LedgerEntry(
                    id: id, seq: Int64(product.ledger.count + 1), kind: "sale", delta: -quantity,
                    onHand: product.onHand, reference: reference))
        }

        /// Takes an entry out and closes the gap, so the books add up without it.
        mutating func forget(_ id: String) {
            var balance: Int64 = 0
            product.ledger.removeAll { $0.id == id }
            for index in product.ledger.indices {
                balance += product.ledger[index].delta
                product.ledger[index].seq = Int64(index + 1)
                product.ledger[index].onHand = balance
            }
            product.onHand = balance
        }
    }

    /// One thing that went wrong.
    struct Seed: Sendable, CustomTestStringConvertible {
        let testDescription: String

        /// What the audit has to say, among other things.
        let finding: String
        let sow: @Sendable (inout Story) -> Void

        init(_ name: String, _ finding: String, _ sow: @escaping @Sendable (inout Story) -> Void) {
            testDescription = name
            self.finding = finding
            self.sow = sow
        }
    }

    @Test("A clean history passes, whatever the order of its parts")
    func clean() {
        var story = Story()
        #expect(story.violations == [])
        story.records.reverse()
        story.product.ledger.reverse()
        #expect(story.violations == [])
    }

    @Test("What went wrong is found", arguments: stock + purchases)
    func violations(seed: Seed) {
        var story = Story()
        seed.sow(&story)
        #expect(story.violations.contains { $0.contains(seed.finding) }, "\(story.violations)")
    }

    /// No more is said than what is the case: a finding that comes with everything would tell nothing.
    @Test("A doubled purchase with books that add up is only doubled")
    func onlyDoubled() {
        var story = Story()
        story.sell(2, id: "m-a2", reference: "a")
        #expect(story.violations == ["product p: purchase a: doubled: acknowledged, and 2 times in the ledger"])
    }

    @Test("A lost purchase with books that add up is only lost")
    func onlyLost() {
        var story = Story()
        story.forget("m-d")
        #expect(story.violations == [])
        story.records.append(PurchaseRecord(key: "g", product: "p", quantity: 4, answer: .told("m-g", 5, 6)))
        #expect(
            story.violations == [
                "product p: purchase g: lost: acknowledged as movement m-g, which is not in the ledger"
            ])
    }

    static let stock: [Seed] = [
        Seed("stock and sold are not the opening", "stock 7 and sold 5 are not opening 10 and added 3") {
            $0.product.onHand = 7
        },
        Seed("units appeared", "stock 9 and sold 5 are not opening 10 and added 3") { $0.product.onHand = 9 },
        Seed("the product and its ledger differ", "has 7 on hand, its ledger 8") { $0.product.onHand = 7 },
        Seed("sold below zero", "oversold: 8 on hand, then -9") { story in
            story.records.append(PurchaseRecord(key: "g", product: "p", quantity: 9, answer: .told("m-g", 6, -1)))
            story.sell(9, id: "m-g", reference: "g")
        },
        Seed("a negative balance", "oversold: -1 on hand") { $0.product.onHand = -1 },
        Seed("below zero and restocked", "movement 2: oversold: -2 on hand after it") { story in
            story.product.opening = 0
            story.forget("m-o")
            story.product.ledger.insert(
                LedgerEntry(id: "m-o", seq: 9, kind: "receive", delta: 10, onHand: 8), at: 3)
            for index in story.product.ledger.indices { story.product.ledger[index].seq = Int64(index + 2) }
        },
        Seed("a lost update: two sales from one balance", "wrong balance: 8, then -1, but 8 after it") { story in
            story.product.ledger[2].onHand = 8
        },
        Seed("seq has a gap", "movement 4: seq 3 is missing before it") { $0.product.ledger.remove(at: 2) },
        Seed("seq begins late", "movement 2: seq 1 is missing before it") { $0.product.ledger.removeFirst() },
        Seed("seq is doubled", "movement 3: seq occurs more than once") { $0.product.ledger[3].seq = 3 },
        Seed("a movement's id is doubled", "movement id m-a occurs 2 times") { $0.product.ledger[4].id = "m-a" },
        Seed("two products share a movement", "movement m-a: is in the ledgers of several products") { story in
            story.empty.ledger.append(LedgerEntry(id: "m-a", seq: 1, kind: "receive", delta: 0, onHand: 0))
        },
    ]

    static let purchases: [Seed] = [
        Seed("an acknowledged purchase is lost", "purchase b: lost") { $0.forget("m-b") },
        Seed("an acknowledged purchase is there as another movement", "which is not in the ledger; there instead") {
            $0.product.ledger[1].id = "m-x"
        },
        Seed("an acknowledged purchase is doubled", "purchase a: doubled: acknowledged, and 2 times") {
            $0.sell(2, id: "m-a2", reference: "a")
        },
        Seed("an unacknowledged purchase is doubled", "purchase d: doubled: never acknowledged, and 2 times") {
            $0.sell(2, id: "m-d2", reference: "d")
        },
        Seed("a refused purchase happened", "purchase c: refused, and in the ledger") { story in
            story.records[4] = PurchaseRecord(
                key: "c", product: "p", quantity: 1, answer: .refused(code: "insufficient-stock"))
            story.sell(1, id: "m-c", reference: "c")
        },
        Seed("acknowledged, then refused", "purchase a: both acknowledged and refused") { story in
            story.records.append(
                PurchaseRecord(key: "a", product: "p", quantity: 2, answer: .refused(code: "insufficient-stock")))
        },
        Seed("told another balance", "told 6 on hand after movement 2, the ledger has 8 after movement 2") {
            $0.records[0] = PurchaseRecord(key: "a", product: "p", quantity: 2, answer: .told("m-a", 2, 6))
        },
        Seed("told another seq", "told 8 on hand after movement 4, the ledger has 8 after movement 2") {
            $0.records[0] = PurchaseRecord(key: "a", product: "p", quantity: 2, answer: .told("m-a", 4, 8))
        },
        Seed("a replay got another movement", "purchase b: a replay got another answer") {
            $0.records[3] = PurchaseRecord(key: "b", product: "p", quantity: 1, answer: .told("m-b2", 3, 7))
        },
        Seed("a replay got another balance", "purchase b: a replay got another answer") {
            $0.records[3] = PurchaseRecord(key: "b", product: "p", quantity: 1, answer: .told("m-b", 3, 6))
        },
        Seed("two purchases share a movement", #"movement m-a: answers 2 purchases, ["a", "g"]"#) {
            $0.records.append(PurchaseRecord(key: "g", product: "p", quantity: 2, answer: .told("m-a", 2, 8)))
        },
        Seed("another quantity was taken", "purchase d: of 1 units, and the ledger has -2") {
            $0.records[5] = PurchaseRecord(key: "d", product: "p", quantity: 1, answer: .unknown)
        },
        Seed("sold to nobody", "nobody bought what 1 sales of reference 'ghost' sold") {
            $0.sell(1, id: "m-ghost", reference: "ghost")
        },
        Seed("a product was left out", "product z: was bought and is not among the audited") {
            $0.records.append(PurchaseRecord(key: "z", product: "z", quantity: 1, answer: .told("m-z", 1, 0)))
        },
        Seed("the test itself changed a request", "was sent with different quantities") {
            $0.records[1] = PurchaseRecord(key: "b", product: "p", quantity: 2, answer: .unknown)
        },
    ]
}

extension PurchaseRecord.Answer {
    fileprivate static func told(_ movement: String, _ seq: Int64, _ onHandAfter: Int64) -> Self {
        .acknowledged(movement: movement, seq: seq, onHandAfter: onHandAfter, status: 201)
    }
}
