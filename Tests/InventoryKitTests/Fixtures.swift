import InventoryKit
import TestSupport
import Testing

/// 2026-01-31T12:00:00Z.
let noon = Timestamp(milliseconds: 1_769_860_800_000)

/// The largest balance: 2⁵³ − 1.
let most: Int64 = 9_007_199_254_740_991

func anID() throws -> ProductID { try ProductID("6655aabbccddeeff00112233") }

func anotherID() throws -> ProductID { try ProductID("000000000000000000000001") }

func money(_ amount: Int64, _ currency: String = "GBP") throws -> Money {
    try Money(amount: amount, currency: try Currency(currency))
}

func aCatalogue(
    sku: String = "85123A", price: Money? = nil, threshold: Int64? = 5, most: Int64? = nil,
    attributes: [String: String] = ["colour": "white"]
) throws -> Catalogue {
    Catalogue(
        sku: try SKU(sku), name: try ProductName("White hanging heart T-light holder"),
        description: try ProductDescription("A heart."), price: try price ?? money(255),
        lowStockThreshold: try threshold.map(Balance.init), maxPerOrder: try most.map(Quantity.init),
        attributes: try Attributes(attributes)
    )
}

/// The product of `api.md`: 40 on hand, 2 of them reserved, version 3, stock version 17.
func aProduct(
    _ catalogue: Catalogue? = nil, onHand: Int64 = 40, reserved: Int64 = 2, archivedAt: Timestamp? = nil
) throws -> Product {
    Product(
        id: try anID(), catalogue: try catalogue ?? aCatalogue(),
        stock: try StockLevel(onHand: onHand, reserved: reserved), version: 3, stockVersion: 17, createdAt: noon,
        updatedAt: noon, archivedAt: archivedAt
    )
}

func aCommand(
    _ change: StockCommand.Change, reason: StockReason? = nil, reference: String? = nil
) throws -> StockCommand {
    StockCommand(
        product: .id(try anID()), change: change, reason: reason, reference: try reference.map(Reference.init),
        origin: Origin(
            id: OperationID(digest: repeatElement(0xAB, count: 32)), fingerprint: nil, actor: "till-1", requestID: "r-1"
        )
    )
}

// MARK: Documents

func parse(_ text: String) throws -> JSONDocument { try JSONDocument(parsing: Array(text.utf8)) }

func text(of bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

/// The faults that `body` is refused with. None, and an issue, where it is not refused as invalid.
func faults<Value>(
    sourceLocation: SourceLocation = #_sourceLocation, in body: () throws -> Value
) -> [Fault] {
    do {
        _ = try body()
        Issue.record("it was not refused", sourceLocation: sourceLocation)
    } catch InventoryError.invalid(let faults) {
        return faults
    } catch {
        Issue.record("it was refused otherwise: \(error)", sourceLocation: sourceLocation)
    }
    return []
}

/// The places of the faults that `body` is refused with, in alphabetic order, each once.
func pointers<Value>(
    sourceLocation: SourceLocation = #_sourceLocation, in body: () throws -> Value
) -> [String] {
    Set(faults(sourceLocation: sourceLocation, in: body).map(\.pointer)).sorted()
}

// MARK: Random values

extension SeededRandom {
    mutating func catalogue() throws -> Catalogue {
        var attributes: [String: String] = [:]
        for _ in 0..<int(0...4) { attributes[line(2...20)] = line(1...40) }
        let currency = try Currency(pick(Currency.codes))
        return Catalogue(
            sku: try SKU("SKU-\(int(0...999_999))"), name: try ProductName(line(2...200)),
            description: try ProductDescription(bool() ? "" : line(1...300) + "\r\n\t" + line(1...30)),
            price: try Money(amount: amount(), currency: currency),
            lowStockThreshold: bool() ? try Balance(amount()) : nil,
            maxPerOrder: bool() ? try Quantity(int64(1...1_000_000)) : nil,
            attributes: try Attributes(attributes)
        )
    }

    mutating func product() throws -> Product {
        let onHand = amount()
        return Product(
            id: ProductID(of: OperationID(digest: bytes(32...32))), catalogue: try catalogue(),
            stock: try StockLevel(onHand: onHand, reserved: int64(0...onHand)), version: int64(1...1_000),
            stockVersion: int64(0...1_000_000), createdAt: noon, updatedAt: noon
        )
    }
}
