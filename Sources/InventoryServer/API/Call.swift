import Hummingbird
import InventoryKit
import Logging
import NIOCore
import Synchronization

/// A request on its way through the router: Hummingbird's context, and what all parts of an answer need to know.
struct Call: RequestContext {
    struct Source: RequestContextSource {
        let logger: Logger
    }

    var coreContext: CoreRequestContextStorage
    let requestID: String
    let settings: ServerSettings

    let caller: Caller

    /// The connection that it came over.
    let channel: (any Channel)?

    /// Its place among the requests that come over the network; operators need none.
    let place: Place?
    private let state: ServerState?
    let notes = CallNotes()

    init(
        requestID: String, settings: ServerSettings, caller: Caller, channel: (any Channel)?, place: Place?,
        state: ServerState?, logger: Logger
    ) {
        coreContext = CoreRequestContextStorage(source: Source(logger: logger))
        self.requestID = requestID
        self.settings = settings
        self.caller = caller
        self.channel = channel
        self.place = place
        self.state = state
    }

    init(source: Source) {
        self.init(
            requestID: "-", settings: ServerSettings(),
            caller: .anonymous(.nothing(Problem(.internalError, "Nobody asked."))), channel: nil, place: nil,
            state: nil, logger: source.logger)
    }

    /// Waits for a place where one is needed, but not for long.
    ///
    /// - Throws: a ``Problem`` where there is none, where the client has gone meanwhile (nobody works for that one), or where
    ///   an import has begun.
    func enter() async throws(Problem) {
        guard let place else { return }
        if !place.take() {
            guard await place.takeOrWait(), channel?.isActive ?? true else { throw .noPlace(of: settings.maxInFlight) }
        }
        if endpointPath?.hasPrefix("/v1/") == true, let state, let problem = Problem(state.importState) {
            throw problem
        }
    }
}

/// What is found out about a request on its way, and the log is to tell.
final class CallNotes: Sendable {
    private let noted = Mutex<(trouble: ProblemCode?, isQuestion: Bool)>((nil, false))

    /// What it was told that is no success, be it in the last line of an answer that began well.
    var trouble: ProblemCode? {
        get { noted.withLock { $0.trouble } }
        set { noted.withLock { $0.trouble = newValue } }
    }

    /// Whether it asks only what would be, on a route that changes something.
    var isQuestion: Bool {
        get { noted.withLock { $0.isQuestion } }
        set { noted.withLock { $0.isQuestion = newValue } }
    }
}
