import HTTPTypes
import InventoryKit

extension HTTPField.Name {
    static let idempotencyKey = named("Idempotency-Key")
    static let idempotentReplayed = named("Idempotent-Replayed")
    static let requestID = named("X-Request-Id")
    static let cacheResult = named("X-Cache")
    static let release = named(AdminProtocol.releaseField)
    static let invctlCommand = named(AdminProtocol.commandField)
    static let link = named("Link")
    static let xForwardedFor = named("X-Forwarded-For")
    static let referrerPolicy = named("Referrer-Policy")

    /// A name that is a token by sight; anything else would be noticed in the first test.
    private static func named(_ name: String) -> HTTPField.Name {
        guard let field = HTTPField.Name(name) else { preconditionFailure("\(name) is no field name") }
        return field
    }
}
