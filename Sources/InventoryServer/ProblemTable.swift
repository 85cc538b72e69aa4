import InventoryKit

extension ProblemCode {
    /// The HTTP status and the title of each problem: the one table that knows both worlds.
    var rendering: (status: Int, title: String) {
        switch self {
        case .malformedRequest: (400, "The request is not well-formed HTTP")
        case .malformedJSON: (400, "The body is not JSON")
        case .invalidIdempotencyKey: (400, "The Idempotency-Key is not usable")
        case .idempotencyKeyRequired: (400, "An Idempotency-Key is required")
        case .forbidden: (403, "You may not do that")
        case .noRoute: (404, "There is nothing at this path")
        case .notFound: (404, "Not found")
        case .methodNotAllowed: (405, "This method is not allowed here")
        case .notAcceptable: (406, "No representation that you accept")
        case .requestTimeout: (408, "The request took too long to arrive")
        case .insufficientStock: (409, "Not enough stock")
        case .stockLimit: (409, "The stock would leave its range")
        case .overMaxPerOrder: (409, "More than one purchase may take")
        case .priceChanged: (409, "The price has changed")
        case .stockChanged: (409, "The stock has changed")
        case .skuTaken: (409, "The sku is taken")
        case .useAdjust: (409, "Stock is changed by adjust, not by editing")
        case .archived: (410, "The product is archived")
        case .preconditionFailed: (412, "The product has changed since you read it")
        case .bodyTooLarge: (413, "The body is too large")
        case .uriTooLong: (414, "The URI is too long")
        case .unsupportedMediaType: (415, "This media type is not supported here")
        case .invalid: (422, "The body is not valid")
        case .invalidParameters: (422, "The parameters are not valid")
        case .idempotencyMismatch: (422, "The Idempotency-Key belongs to another request")
        case .queryTooBroad: (422, "The query is too broad")
        case .rateLimited: (429, "Too many requests")
        case .headersTooLarge: (431, "The header is too large")
        case .internalError: (500, "Something went wrong here")
        case .storeUnavailable: (503, "The store is out of reach")
        case .cacheUnavailable: (503, "The cache cannot be asked")
        case .overloaded: (503, "Too much is under way")
        case .storageFull: (503, "The store has no room left")
        case .outcomeUnknown: (503, "The outcome is not known")
        case .ledgerBlocked: (503, "The product's ledger is blocked")
        case .stopping: (503, "The service is stopping")
        }
    }
}
