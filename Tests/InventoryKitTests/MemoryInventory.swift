import InventoryKit
import Synchronization
import Testing

/// An inventory in memory that can be moved out of and into.
final class MemoryInventory: InventorySource, InventoryDestination {
    private struct State {
        var entries: [InventoryEntry] = []
        var isMarked = false
        var insertions = 0
    }

    private let state: Mutex<State>

    /// What is found instead of what was put in.
    private let spoil: @Sendable ([InventoryEntry]) -> [InventoryEntry]

    /// The insertion that fails, counted from 1; 0 is the beginning, and the question before it is less.
    static let question = -1
    private let failure: Int?

    init(
        _ entries: [InventoryEntry] = [], isMarked: Bool = false, failingAt failure: Int? = nil,
        spoil: @escaping @Sendable ([InventoryEntry]) -> [InventoryEntry] = { $0 }
    ) {
        state = Mutex(State(entries: entries, isMarked: isMarked))
        self.failure = failure
        self.spoil = spoil
    }

    var name: String { "the shelf" }
    func close() async {}
    var entries: [InventoryEntry] { state.withLock { $0.entries } }
    var isMarked: Bool { state.withLock { $0.isMarked } }
    var insertions: Int { state.withLock { $0.insertions } }

    func readEverything(
        _ take: ([InventoryEntry]) async throws(TransferError) -> Void
    ) async throws(TransferError) {
        try await hand(entries, to: take)
    }

    func check() async throws(TransferError) {
        if failure == Self.question { throw .destination("no answer") }
        let error: TransferError? = state.withLock { state in
            if state.isMarked { return .unfinishedImport(name) }
            return state.entries.isEmpty ? nil : .occupied(name)
        }
        if let error { throw error }
    }

    func begin() async throws(TransferError) {
        state.withLock { $0.isMarked = true }
        if failure == 0 { throw .destination("no room") }
    }

    func insert(_ entries: [InventoryEntry]) async throws(TransferError) {
        let count = state.withLock { state in
            state.insertions += 1
            return state.insertions
        }
        if count == failure { throw .destination("no room") }
        state.withLock { $0.entries += entries }
    }

    func readBack(
        _ take: ([InventoryEntry]) async throws(TransferError) -> Void
    ) async throws(TransferError) {
        let held = spoil(entries).filter {
            switch $0 {
            case .product, .movement: true
            case .outcome, .key: false
            }
        }
        try await hand(held, to: take)
    }

    func outcomeCount(expiringAfter time: Timestamp) async throws(TransferError) -> Int64 {
        Int64(
            spoil(entries).filter { if case .outcome(let entry) = $0 { entry.expiresAt > time } else { false } }.count)
    }

    func keyOwners() async throws(TransferError) -> Set<KeyOwner> {
        Set(spoil(entries).compactMap { if case .key(let key) = $0 { key.owner } else { nil } })
    }

    func finish() async throws(TransferError) { state.withLock { $0.isMarked = false } }

    private func hand(
        _ entries: [InventoryEntry], to take: ([InventoryEntry]) async throws(TransferError) -> Void
    ) async throws(TransferError) {
        for start in stride(from: 0, to: entries.count, by: 3) {
            try await take(Array(entries[start..<min(start + 3, entries.count)]))
        }
    }
}

// MARK: Entries

/// An inventory of three products, one with a ledger of four movements, one that never moved, and one archived with
/// a ledger of its own; two outcomes; and an API key.
///
/// Entry 0 is the first product, 1 to 4 its movements, 5 the second, 6 the third, 7 its movement, 8 and 9 the outcomes,
/// 10 the key.
func someEntries() throws -> [InventoryEntry] {
    let first = try ProductID("000000000000000000000001")
    let third = try ProductID("0000000000000000000000ff")
    var entries = [
        try productEntry(first, "A-1", onHand: 8, stockVersion: 4, movedAt: 4, fingerprint: digest("created")),
        try movementEntry(1, of: first, .opening, delta: 10, onHand: 10, key: "created"),
        try movementEntry(2, of: first, .sale, delta: -4, onHand: 6, key: "sold"),
        try movementEntry(3, of: first, .count, delta: 0, onHand: 6),
        try movementEntry(4, of: first, .receive, delta: 2, onHand: 8),
    ]
    entries.append(try productEntry(try ProductID("000000000000000000000002"), "B-1", onHand: 0))
    entries.append(
        try productEntry(
            third, "a-1", onHand: 5, stockVersion: 1, movedAt: 1,
            archivedAt: Timestamp(milliseconds: noon.milliseconds + 9)))
    entries.append(try movementEntry(1, of: third, .opening, delta: 5, onHand: 5))
    let short = Refusal.insufficientStock(requested: 9, current: try StockLevel(onHand: 8, reserved: 0))
    entries.append(try outcomeEntry("1", short.record))
    entries.append(try outcomeEntry("2", ["updated", .string(first.text)]))
    entries.append(.key(try keyEntry("till")))
    return entries
}

func digest(_ text: String) -> String { Hex.encode(Array(text.utf8)) }

func productEntry(
    _ id: ProductID, _ sku: String, onHand: Int64, stockVersion: Int64 = 0, movedAt: Int64? = nil,
    archivedAt: Timestamp? = nil, fingerprint: String? = nil
) throws -> InventoryEntry {
    .product(
        ProductEntry(
            product: Product(
                id: id, catalogue: try aCatalogue(sku: sku, most: 3),
                stock: try StockLevel(onHand: onHand, reserved: 0), version: 2, stockVersion: stockVersion,
                createdAt: noon, updatedAt: noon, archivedAt: archivedAt
            ),
            fingerprint: fingerprint, movedAt: movedAt.map { Timestamp(milliseconds: noon.milliseconds + $0) }
        ))
}

/// - Parameter key: where there is one, the request can be repeated.
func movementEntry(
    _ seq: Int64, of product: ProductID, _ kind: Movement.Kind, delta: Int64, onHand: Int64, key: String? = nil
) throws -> InventoryEntry {
    // The last digits of the product and the number make an id that nobody else has.
    let id = String(product.text.suffix(4)) + String(seq)
    return .movement(
        MovementEntry(
            movement: Movement(
                id: try OperationID(String(repeating: "0", count: 64 - id.utf8.count) + id), productID: product,
                sku: try SKU("A-0"), seq: seq, kind: kind, delta: delta,
                stock: try StockLevel(onHand: onHand, reserved: 0), unitPrice: kind == .sale ? try money(255) : nil,
                reason: kind == .receive ? .receive : nil, reference: kind == .sale ? try Reference("“$ref”\\\"") : nil,
                actor: "till-1", requestID: "r-\(seq)", at: Timestamp(milliseconds: noon.milliseconds + seq)
            ),
            fingerprint: key.map(digest)
        ))
}

func outcomeEntry(
    _ digit: String, _ record: JSON, expiresAt: Timestamp = Timestamp(milliseconds: noon.milliseconds + 600_000_000)
) throws -> InventoryEntry {
    .outcome(
        OutcomeEntry(
            id: try OperationID(String(repeating: digit, count: 64)), fingerprint: digest("asked"), record: record,
            expiresAt: expiresAt
        ))
}

func keyEntry(_ owner: String, version: Int64 = 3) throws -> APIKey {
    let secrets = try [("001122334455", noon as Timestamp?), ("8899aabbccdd", nil)].map { id, end in
        try APIKey.Secret(
            id: KeySecret.ID(id), digest: Array(repeating: 7, count: 32), createdAt: noon, endsAt: end)
    }
    return APIKey(
        owner: try KeyOwner(owner), scopes: [.read, .purchase], createdAt: noon, secrets: secrets, version: version,
        lastUsedAt: noon)
}

extension InventoryEntry {
    /// The product or movement with something else about it.
    func with(
        onHand: Int64? = nil, seq: Int64? = nil, name: String? = nil, productID: ProductID? = nil,
        milliseconds: Int64? = nil, fingerprint: String? = nil
    ) throws -> InventoryEntry {
        let time = milliseconds.map { Timestamp(milliseconds: noon.milliseconds + $0) }
        switch self {
        case .product(let entry):
            var product = entry.product
            if let onHand { product.stock = try StockLevel(onHand: onHand, reserved: 0) }
            if let seq { product.stockVersion = seq }
            if let name { product.catalogue.name = try ProductName(name) }
            return .product(
                ProductEntry(
                    product: product, fingerprint: fingerprint ?? entry.fingerprint, movedAt: time ?? entry.movedAt))
        case .movement(let entry):
            let old = entry.movement
            return .movement(
                MovementEntry(
                    movement: Movement(
                        id: old.id, productID: productID ?? old.productID, sku: old.sku, seq: seq ?? old.seq,
                        kind: old.kind, delta: old.delta,
                        stock: try StockLevel(onHand: onHand ?? old.stock.onHand, reserved: 0),
                        unitPrice: old.unitPrice, reason: old.reason, reference: old.reference, actor: old.actor,
                        requestID: old.requestID, at: time ?? old.at
                    ),
                    fingerprint: fingerprint ?? entry.fingerprint
                ))
        case .outcome, .key: return self
        }
    }
}

// MARK: Files

/// The file of an export, which was made of these entries without looking at them.
func exported(_ entries: [InventoryEntry]) async throws -> [UInt8] {
    var file: [UInt8] = []
    try await FullExport(of: MemoryInventory(entries), clock: NoonClock()).write { file += $0 }
    return file
}

/// The lines of a file, without their ends.
func lines(of file: [UInt8]) -> [String] { text(of: file).split(separator: "\n").map(String.init) }

/// Imports a file that comes in pieces.
@discardableResult
func imported(
    _ file: [UInt8], into destination: MemoryInventory, pieces size: Int = 1_000
) async throws(TransferError) -> FullImport.Report {
    let pieces = stride(from: 0, to: file.count, by: size).map { Array(file[$0..<min($0 + size, file.count)]) }
    let stream = AsyncStream<[UInt8]> { continuation in
        for piece in pieces { continuation.yield(piece) }
        continuation.finish()
    }
    return try await FullImport(into: destination, clock: NoonClock()).read(stream)
}

struct NoonClock: WallClock {
    func now() -> Timestamp { noon }
}
