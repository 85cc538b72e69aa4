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

    /// Its place among the requests that come over the network; operators need none.
    let place: Place?

    init(requestID: String, settings: ServerSettings, caller: Caller, place: Place?, logger: Logger) {
        coreContext = CoreRequestContextStorage(source: Source(logger: logger))
        self.requestID = requestID
        self.settings = settings
        self.caller = caller
        self.place = place
    }

    init(source: Source) {
        self.init(
            requestID: "-", settings: ServerSettings(),
            caller: .anonymous(.nothing(Problem(.internalError, "Nobody asked."))), place: nil, logger: source.logger)
    }
}
