import Hummingbird
import InventoryKit
import Logging

/// A request on its way through the router: Hummingbird's context, and what all parts of an answer need to know.
struct Call: RequestContext {
    struct Source: RequestContextSource {
        let logger: Logger
    }

    var coreContext: CoreRequestContextStorage
    let requestID: String
    let settings: ServerSettings

    let caller: Caller

    init(requestID: String, settings: ServerSettings, caller: Caller, logger: Logger) {
        coreContext = CoreRequestContextStorage(source: Source(logger: logger))
        self.requestID = requestID
        self.settings = settings
        self.caller = caller
    }

    init(source: Source) {
        self.init(requestID: "-", settings: ServerSettings(), caller: .anonymous, logger: source.logger)
    }
}

/// Who asks, and what that entitles to.
struct Caller: Sendable {
    /// In whose name things are done: the scope of idempotency keys, and the actor in the ledger.
    let actor: String

    /// For the log.
    let name: String

    /// Why changes are refused; nothing where they are not.
    let readOnly: String?

    /// Until there are keys, everybody who comes over the network is the same.
    static let anonymous = Caller(actor: "anonymous", name: "anonymous", readOnly: nil)
}
