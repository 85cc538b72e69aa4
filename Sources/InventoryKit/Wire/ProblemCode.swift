/// The stable names of everything that can go wrong, as clients read them in a problem's `code`. `docs/errors.md`
/// explains each; a test compares.
package enum ProblemCode: String, CaseIterable, Sendable {
    case malformedRequest = "malformed-request"
    case malformedJSON = "malformed-json"
    case invalidIdempotencyKey = "invalid-idempotency-key"
    case idempotencyKeyRequired = "idempotency-key-required"
    case keyRequired = "key-required"
    case keyUnknown = "key-unknown"
    case scopeRequired = "scope-required"
    case forbidden
    case noRoute = "no-route"
    case notFound = "not-found"
    case methodNotAllowed = "method-not-allowed"
    case notAcceptable = "not-acceptable"
    case requestTimeout = "request-timeout"
    case insufficientStock = "insufficient-stock"
    case stockLimit = "stock-limit"
    case overMaxPerOrder = "over-max-per-order"
    case priceChanged = "price-changed"
    case stockChanged = "stock-changed"
    case skuTaken = "sku-taken"
    case useAdjust = "use-adjust"
    case keyExists = "key-exists"
    case tooManyKeys = "too-many-keys"
    case notEmpty = "not-empty"
    case importUnfinished = "import-unfinished"
    case wrongStore = "wrong-store"
    case archived
    case preconditionFailed = "precondition-failed"
    case bodyTooLarge = "body-too-large"
    case uriTooLong = "uri-too-long"
    case unsupportedMediaType = "unsupported-media-type"
    case invalid
    case invalidParameters = "invalid-parameters"
    case badExport = "bad-export"
    case idempotencyMismatch = "idempotency-mismatch"
    case queryTooBroad = "query-too-broad"
    case rateLimited = "rate-limited"
    case tooManyConnections = "too-many-connections"
    case headersTooLarge = "headers-too-large"
    case internalError = "internal-error"
    case storeUnavailable = "store-unavailable"
    case cacheUnavailable = "cache-unavailable"
    case overloaded
    case storageFull = "storage-full"
    case outcomeUnknown = "outcome-unknown"
    case ledgerBlocked = "ledger-blocked"
    case importing
    case stopping
}
