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

    /// Who asks. Until there are keys, everybody is the same.
    let actor = Self.anonymous
    static let anonymous = "anonymous"

    init(requestID: String, settings: ServerSettings, logger: Logger) {
        coreContext = CoreRequestContextStorage(source: Source(logger: logger))
        self.requestID = requestID
        self.settings = settings
    }

    init(source: Source) {
        self.init(requestID: "-", settings: ServerSettings(), logger: source.logger)
    }
}
