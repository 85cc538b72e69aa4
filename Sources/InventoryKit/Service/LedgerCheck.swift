/// Follows entries as they come by, and finds the first that contradicts what was before it: every ledger has to begin
/// at 1, go on without a gap, and lead to its product's stock. Holds one product and one movement, however many there are.
struct LedgerCheck {
    private var product: ProductEntry?
    private var last: Movement?
    private var lastProduct: ProductID?
    private var lastOutcome: OperationID?
    private var lastKey: KeyOwner?

    /// - Throws: ``InvalidValue`` saying what is wrong with the entry, where it stands.
    mutating func add(_ entry: InventoryEntry) throws(InvalidValue) {
        switch entry {
        case .product(let entry):
            try closeLedger()
            let id = entry.product.id
            guard lastOutcome == nil, lastKey == nil else {
                throw InvalidValue("product \(id.text) comes after what has to follow the products")
            }
            if let lastProduct, id <= lastProduct {
                throw InvalidValue(
                    id == lastProduct
                        ? "product \(id.text) is there twice"
                        : "product \(id.text) is there twice, or not in its place: products go by id")
            }
            lastProduct = id
            product = entry
        case .movement(let entry): try add(entry.movement)
        case .outcome(let entry):
            try closeLedger()
            guard lastKey == nil else { throw InvalidValue("outcome \(entry.id.text) comes after the API keys") }
            if let lastOutcome, entry.id <= lastOutcome {
                throw InvalidValue("outcome \(entry.id.text) is there twice, or not in its place: outcomes go by id")
            }
            lastOutcome = entry.id
        case .key(let key):
            try closeLedger()
            if let lastKey, key.owner <= lastKey {
                throw InvalidValue(
                    "the API key of \(key.owner.text) is there twice, or not in its place: keys go by owner")
            }
            lastKey = key.owner
        }
    }

    private mutating func add(_ movement: Movement) throws(InvalidValue) {
        let name = "movement \(movement.id.text)"
        guard let product, product.product.id == movement.productID else {
            throw InvalidValue("\(name) does not follow its product \(movement.productID.text)")
        }
        let expected = (last?.seq ?? 0) + 1
        guard movement.seq == expected else {
            throw InvalidValue(
                "\(name) of \(Self.name(product)) has seq \(movement.seq) where \(expected) is expected: "
                    + (movement.seq > expected ? "a movement is missing" : "it is there twice"))
        }
        let before = last?.stock ?? .empty
        // A sum beyond 64 bits wraps into the negative, which no balance is.
        guard before.onHand &+ movement.delta == movement.stock.onHand,
            before.reserved &+ movement.reservedDelta == movement.stock.reserved
        else {
            throw InvalidValue(
                "\(name) of \(Self.name(product)) has a wrong balance: \(Self.text(before)), then \(movement.delta) and "
                    + "\(movement.reservedDelta), but \(Self.text(movement.stock)) after it")
        }
        if let last, movement.at < last.at {
            throw InvalidValue("\(name) of \(Self.name(product)) is earlier than the one before it")
        }
        last = movement
    }

    /// Says that no more movements of the product come: its ledger has to explain its stock.
    ///
    /// - Throws: ``InvalidValue`` saying what is wrong with the product. The next entry is checked all the same.
    mutating func closeLedger() throws(InvalidValue) {
        guard let entry = product else { return }
        let end = last
        product = nil
        last = nil
        guard entry.product.stockVersion == end?.seq ?? 0 else {
            throw InvalidValue(
                "\(Self.name(entry)) has stock_version \(entry.product.stockVersion), but its ledger ends with "
                    + "\(end?.seq ?? 0): a movement is missing")
        }
        let stock = end?.stock ?? .empty
        guard entry.product.stock == stock else {
            throw InvalidValue(
                "\(Self.name(entry)) has \(Self.text(entry.product.stock)), but its ledger ends with \(Self.text(stock))"
            )
        }
        guard entry.movedAt == end?.at else {
            throw InvalidValue("\(Self.name(entry)) last moved at another time than its ledger says")
        }
    }

    private static func name(_ entry: ProductEntry) -> String { entry.product.name }

    private static func text(_ stock: StockLevel) -> String { "\(stock.onHand) on hand, \(stock.reserved) reserved" }
}
