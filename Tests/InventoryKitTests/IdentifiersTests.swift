import InventoryKit
import TestSupport
import Testing

@Suite("The identity of a product")
struct ProductIDTests {
    @Test("is the same in capitals")
    func foldsCase() throws {
        let lower = try ProductID("6655aabbccddeeff00112233")
        let upper = try ProductID("6655AABBCCDDEEFF00112233")
        #expect(lower == upper)
        #expect(upper.text == "6655aabbccddeeff00112233")
    }

    @Test(
        "is 24 hexadecimal digits",
        arguments: [
            "", "6655aabbccddeeff0011223", "6655aabbccddeeff001122334", "6655aabbccddeeff0011223g",
            "6655aabbccddeeff001122 3", "0x55aabbccddeeff00112233", "6655aabbccddeeff0011223\u{FF11}", "éééééééééééé",
        ]
    )
    func invalid(text: String) {
        #expect(throws: InvalidValue.self) { try ProductID(text) }
    }

    @Test("begins with the second it was made in, and is another each time")
    func fresh() throws {
        let ids = (0..<1_000).map { _ in ProductID(at: noon) }
        #expect(Set(ids).count == 1_000)
        // 1,769,860,800 seconds.
        let isInTime = ids.allSatisfy { $0.text.hasPrefix("697deec0") && $0.text.utf8.count == 24 }
        #expect(isInTime)
        let readBack = try ProductID(ids[0].text)
        #expect(readBack == ids[0])
        let later = ProductID(at: Timestamp(milliseconds: noon.milliseconds + 1_000))
        #expect(ids[0] < later)
    }

    @Test("that belongs to an operation is always the same, and the operation's own beginning")
    func ofOperation() throws {
        let digest = try OperationID("00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff")
        let other = try OperationID("00112233445566778899aabcccddeeff00112233445566778899aabbccddeeff")
        #expect(ProductID(of: digest).text == "00112233445566778899aabb")
        #expect(ProductID(of: digest) == ProductID(of: digest))
        #expect(ProductID(of: digest) != ProductID(of: other))
        let uuid = try OperationID("01234567-89ab-7cde-8f01-23456789abcd")
        #expect(ProductID(of: uuid).text == "0123456789ab7cde8f012345")
    }
}

@Suite("The name of a product in a path")
struct ProductReferenceTests {
    @Test("is an id, or a SKU behind sku:")
    func read() throws {
        let id = try ProductReference("6655AABBCCDDEEFF00112233")
        let sku = try ProductReference("sku:85123A")
        let colons = try ProductReference("sku:sku:1")
        let expected = (id: try anID(), sku: try SKU("85123A"), colons: try SKU("sku:1"))
        #expect(id == .id(expected.id))
        #expect(sku == .sku(expected.sku))
        #expect(colons == .sku(expected.colons))
    }

    @Test("has one spelling for all that name the same")
    func canonical() throws {
        let spellings = try ["sku:ab-1", "sku:AB-1", "sku:Ab-1"].map { try ProductReference($0).canonical }
        #expect(Set(spellings) == ["sku:ab-1"])
        let id = try ProductReference("6655AABBCCDDEEFF00112233")
        #expect(id.canonical == "6655aabbccddeeff00112233")
    }

    @Test("tells a SKU that looks like an id from the id")
    func lookAlike() throws {
        let id = try ProductReference("6655aabbccddeeff00112233")
        let sku = try ProductReference("sku:6655aabbccddeeff00112233")
        #expect(id.canonical != sku.canonical)
    }

    @Test(
        "is nothing else",
        arguments: ["", "sku:", "SKU:85123A", "85123A", "sku: A", "sku:é", "id:6655aabbccddeeff00112233"]
    )
    func invalid(text: String) {
        #expect(throws: InvalidValue.self) { try ProductReference(text) }
    }
}

@Suite("The identity of an operation")
struct OperationIDTests {
    @Test("that is fresh is a UUID of version 7")
    func shape() throws {
        for _ in 0..<200 {
            let id = OperationID(at: noon)
            let characters = Array(id.text)
            #expect(characters.count == 36)
            let dashes = characters.indices.filter { characters[$0] == "-" }
            #expect(dashes == [8, 13, 18, 23], "\(id.text)")
            let isHexadecimal = id.text.utf8.allSatisfy { Hex.isDigit($0) || $0 == UInt8(ascii: "-") }
            #expect(isHexadecimal, "\(id.text)")
            // 1,769,860,800,000 milliseconds, the version, and the variant.
            #expect(id.text.hasPrefix("019c13ec-9e00-7"), "\(id.text)")
            #expect(Set("89ab").contains(characters[19]), "\(id.text)")
            let readBack = try OperationID(id.text)
            #expect(readBack == id)
        }
    }

    @Test("that is fresh is another each time")
    func unique() {
        let ids = Set((0..<2_000).map { _ in OperationID(at: noon) })
        #expect(ids.count == 2_000)
    }

    @Test("that is fresh sorts by time", arguments: seeds)
    func order(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        for _ in 0..<300 {
            let milliseconds = random.int64(0...253_402_300_799_000)
            let earlier = OperationID(at: Timestamp(milliseconds: milliseconds))
            let later = OperationID(
                at: Timestamp(milliseconds: milliseconds + random.pick([1, 2, 256, 65_536, 1_000_000])))
            #expect(earlier < later, "seed \(seed), \(milliseconds)")
        }
    }

    @Test("made from a digest is its digits")
    func digest() throws {
        let id = OperationID(digest: (0..<32).map { UInt8($0) })
        #expect(id.text == "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")
        let upper = try OperationID("000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F")
        #expect(upper == id)
    }

    @Test(
        "is 64 hexadecimal digits or a UUID",
        arguments: [
            "", "abc", String(repeating: "a", count: 63), String(repeating: "a", count: 65),
            String(repeating: "g", count: 64), String(repeating: "-", count: 64), "01234567-89ab-7cde-8f01-23456789abc",
            "01234567-89ab-7cde-8f01-23456789abcg", "01234567-89ab-7cde-8f01-23456789abcde",
            "{1234567-89ab-7cde-8f01-23456789abc}", "éééééééééééééééééé",
        ]
    )
    func invalid(text: String) {
        #expect(throws: InvalidValue.self) { try OperationID(text) }
    }

    @Test(
        "is no UUID with its dashes in other places",
        arguments: [
            String(repeating: "-", count: 36), String(repeating: "a", count: 36),
            "0123456789ab7cde8f0123456789abcd----", "0-1234567-89ab-7cde-8f0123456789abcd",
        ]
    )
    func misplacedDashes(text: String) {
        #expect(throws: InvalidValue.self) { try OperationID(text) }
    }
}

@Suite("Hexadecimal digits")
struct HexTests {
    @Test("say the same bytes when read again, in capitals too", arguments: seeds)
    func roundTrip(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        for _ in 0..<100 {
            let bytes = random.bytes(0...40)
            let digits = Hex.encode(bytes)
            #expect(Hex.decode(digits) == bytes, "seed \(seed), \(digits)")
            #expect(Hex.decode(digits.uppercased()) == bytes, "seed \(seed), \(digits)")
            #expect(digits.utf8.count == bytes.count * 2)
        }
    }

    @Test(
        "are an even number of 0 to 9 and a to f",
        arguments: ["0", "abc", "0g", "0x", " 0", "é", "@0", "`0", "/0", ":0"]
    )
    func invalid(text: String) {
        #expect(Hex.decode(text) == nil)
    }
}
