/// The collections, by the names that operators see.
enum Collection {
    static let products = "products"

    /// The ledger: movements that have been filed. The newest ones stand in their product's `ops` yet.
    static let movements = "movements"

    /// Answers that left no movement, for repetitions: refusals, and rows of bulk loads. Kept for 7 days.
    static let outcomes = "outcomes"

    /// API keys by owner; their secrets as digests.
    static let keys = "api_keys"

    /// What concerns the database as a whole.
    static let meta = "meta"
}
