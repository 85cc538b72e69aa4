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
        self.init(
            requestID: "-", settings: ServerSettings(),
            caller: .anonymous(.nothing(Problem(.internalError, "Nobody asked."))), logger: source.logger)
    }
}
