/// Why a value cannot be what it was offered as, in words for the person who sent it.
///
/// The model's initialisers throw it, so that a value of the model is valid wherever it is met. It says what must
/// hold ("must be …"), never where the value stood: whoever reads a document adds the place.
package struct InvalidValue: Error, Equatable, Sendable {
    package let detail: String

    package init(_ detail: String) {
        self.detail = detail
    }
}

/// The bounds of the public contract, in one place because forms, stores and documentation all name them.
package enum Bounds {
    /// The largest integer that every JSON client reads exactly: 2⁵³ − 1 (RFC 8259, section 6).
    package static let exactInteger: Int64 = 9_007_199_254_740_991
    package static let skuLength = 64
    package static let nameLength = 256
    package static let descriptionLength = 10_000
    package static let attributeCount = 50
    package static let attributeNameLength = 64
    package static let attributeValueLength = 256
    package static let referenceLength = 128
    package static let quantity: Int64 = 1_000_000
    package static let delta: Int64 = 1_000_000_000_000
    package static let pageSize = 200
    package static let defaultPageSize = 50
    package static let idsPerRead = 100
    package static let searchWords = 16
    package static let idempotencyKeyLength = 255
    package static let nesting = 32

    /// Values in the JSON of a request. The fullest product has about 60.
    package static let requestValues = 10_000
    package static let keyOwnerLength = 64

    /// API keys, ended ones included.
    package static let keys = 1_000

    /// Secrets that open one key at once.
    package static let keySecrets = 4
}
