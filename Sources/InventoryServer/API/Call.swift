import Hummingbird
import InventoryKit
import Logging
import NIOCore

/// A request on its way through the router: Hummingbird's context, and what all parts of an answer need to know.
struct Call: RequestContext {
    struct Source: RequestContextSource {
        let logger: Logger
    }

    var coreContext: CoreRequestContextStorage
    let requestID: String
    let settings: ServerSettings

    let caller: Caller

    /// Where it comes from, at the other end of the connection.
    let peer: SocketAddress?

    /// Its place among the requests that come over the network; operators need none.
    let place: Place?

    init(
        requestID: String, settings: ServerSettings, caller: Caller, peer: SocketAddress?, place: Place?, logger: Logger
    ) {
        coreContext = CoreRequestContextStorage(source: Source(logger: logger))
        self.requestID = requestID
        self.settings = settings
        self.caller = caller
        self.peer = peer
        self.place = place
    }

    init(source: Source) {
        self.init(
            requestID: "-", settings: ServerSettings(),
            caller: .anonymous(.nothing(Problem(.internalError, "Nobody asked."))), peer: nil, place: nil,
            logger: source.logger)
    }
}
