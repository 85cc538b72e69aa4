import HTTPTypes
import Hummingbird
import HummingbirdCore
import InventoryKit
import Logging
import NIOCore
import NIOHTTP1
import Synchronization

/// What every request passes, whichever route it takes: an id, room for it, CORS, the common headers, a problem
/// document for everything that goes wrong, and one line in the log.
final class Front: Sendable {
    private let router: RouterResponder<Call>
    private let routes: [Route]
    let state: ServerState
    let log: LogSink
    private let date: HTTPDate
    private let logger: Logger
    let requestIDs = RequestIDs()
    private let observer: RequestObserver
    private let door: any Door
    let traffic: RouteTraffic

    init(
        routes: [Route], state: ServerState, log: LogSink, clock: any WallClock, logger: Logger,
        observer: RequestObserver, door: any Door
    ) {
        let router = Router(context: Call.self)
        for route in routes { route.register(on: router) }
        self.router = router.buildResponder()
        self.routes = routes
        self.state = state
        self.log = log
        self.logger = logger
        self.observer = observer
        self.door = door
        traffic = RouteTraffic(routes)
        observer.watch(traffic)
        date = HTTPDate(clock: clock)
    }

    /// - Parameter lastWord: of the connection.
    func respond(
        _ request: Request, _ writer: consuming ResponseWriter, _ channel: any Channel, _ lastWord: LastWord
    ) async throws {
        let arrival = ContinuousClock.now
        let settings = state.settings
        let call = Call(
            requestID: requestIDs.id(for: request.headers[.requestID]), settings: settings,
            caller: await door.caller(of: request, over: channel), channel: channel,
            place: door.isBounded && !Self.isProbe(request.uri.path)
                ? Place(in: state.places, of: settings.maxInFlight) : nil, state: state, logger: logger)
        defer { call.place?.leave() }
        var response = await answer(request, call)
        decorate(&response, to: request, call)
        if request.method == .head { response = Self.head(of: response) }
        // From here on it is the client that takes its time.
        if call.place?.isLasting == false { call.place?.leave() }
        var status = response.status.code
        let cache = response.headers[.cacheResult]
        var (requestID, outcome) = (call.requestID, String?.none)
        if let told = lastWord.told {
            (status, requestID, outcome) = (told.code.rendering.status, told.requestID, told.code.rawValue)
        } else {
            do { try await write(response, to: writer, channel) } catch {
                outcome = "the answer did not go out: \(error)"
            }
        }
        let time = ContinuousClock.now - arrival
        traffic.count(request.method.rawValue, call.endpointPath, status: status, in: time)
        note(door.kind(of: request), status: status, in: time, settings) {
            AccessLogEntry(
                requestID: requestID, method: request.method.rawValue, route: call.endpointPath ?? "-",
                path: request.uri.path, status: status, duration: time, cache: cache, caller: call.caller.name,
                error: outcome ?? call.notes.trouble?.rawValue
            )
        }
        if isChange(request, call) {
            door.changed(request, call, status: call.notes.trouble?.rendering.status ?? status, logger)
        }
        if outcome != nil { throw ChannelError.ioOnClosedChannel }
    }

    private func write(
        _ response: Response, to writer: consuming ResponseWriter, _ channel: any Channel
    ) async throws {
        guard Self.isLong(response) else {
            return try await writer.write(response: response.head, body: response.body)
        }
        try await writer.writePaced(response.head, response.body, on: channel.eventLoop)
    }

    /// What is answered however much there is to do.
    static func isProbe(_ path: String) -> Bool { path == "/healthz" || path == "/readyz" }

    private static func isShared(_ path: String) -> Bool { path == "/docs" || path == "/openapi.json" }

    /// One line in the log, and in the figures.
    func note(
        _ kind: RateClass?, status: Int, in time: Duration, _ settings: ServerSettings, _ entry: () -> AccessLogEntry
    ) {
        observer.answered(kind, status: status, in: time, entry: entry())
        if settings.logLevel <= .info { log.access(entry()) }
    }

    /// The answer to what never became a request, or does not come to its end.
    ///
    /// - Parameters:
    ///   - head: of the request, where one has come in.
    ///   - isLogged: not where somebody works on the request and will log it.
    func rejection(
        _ code: ProblemCode, _ detail: String, to head: HTTPRequestHead? = nil, of caller: String = "-",
        isLogged: Bool = true
    ) -> AdmissionHandler.Answer {
        let (settings, status) = (state.settings, code.rendering.status)
        let requestID = requestIDs.id(for: head?.headers.joined("x-request-id"))
        let problem = Problem(code, detail, headers: status == 429 ? [.retryAfter: "1"] : [:])
        let (headers, body) = render(problem, head, requestID, settings)
        if isLogged {
            let method = head?.method.rawValue ?? "-"
            traffic.count(method, nil, status: status, in: .zero)
            if settings.logLevel <= .info {
                log.access(
                    AccessLogEntry(
                        requestID: requestID, method: method, route: "-", path: head.map(Self.path) ?? "-",
                        status: status, duration: .zero, cache: nil, caller: caller, error: code.rawValue))
            }
        }
        let answer = AdmissionHandler.Answer(.init(statusCode: status), headers, body, nil, settings)
        return head?.method == .HEAD ? AdmissionHandler.Answer(head: answer.head, body: ByteBuffer()) : answer
    }

    /// What ``decorate(_:to:_:)`` adds to the answers of routes.
    func headersOfEveryAnswer(_ requestID: String) -> HTTPHeaders {
        var headers = HTTPHeaders()
        // For those, and for what nearly all answers have besides.
        headers.reserveCapacity(12)
        headers.add(name: "X-Request-Id", value: requestID)
        headers.add(name: "Date", value: date.text)
        headers.add(name: "X-Content-Type-Options", value: "nosniff")
        headers.add(name: "Referrer-Policy", value: "no-referrer")
        return headers
    }

    /// Without its body, and without a length where the answer itself would have none.
    private static func head(of response: Response) -> Response {
        let hasLength = response.headers[.contentLength] != nil
        var head = response.createHeadResponse()
        if !hasLength { head.headers[.contentLength] = nil }
        return head
    }

    // MARK: Answering

    private func answer(_ request: Request, _ call: Call) async -> Response {
        let problem: Problem
        do {
            try Self.checkSize(of: request)
            try door.admit(request)
            // The router would take these for the path without them, and an empty id for the list.
            let path = request.uri.path
            guard !Self.hasEmptyComponent(path) else {
                throw Problem(.noRoute, "There is nothing at \(path.prefix(200)).")
            }
            if request.method == .options { return try options(request, call) }
            if path.hasPrefix("/v1/"), let problem = Problem(state.importState) { throw problem }
            let response = try await router.respond(to: request, context: call)
            // Hummingbird tells a path that has no route and a route that lacks the method alike.
            if call.endpointPath == "NotFound" { throw missingRoute(request) }
            try keepPlace(for: response, to: request, call)
            return response
        } catch let told as Problem {
            problem = told
        } catch let error as InventoryError {
            problem = Problem(error)
        } catch let trouble as CacheTrouble {
            problem = Problem(trouble)
        } catch let trouble as KeyTrouble {
            problem = Problem(trouble)
        } catch {
            // What went wrong inside is for the log, not for the client.
            logger.error("Request failed", metadata: ["request_id": "\(call.requestID)", "error": "\(error)"])
            problem = Problem(.internalError, "The log has more under the request id.")
        }
        call.notes.trouble = problem.code
        return problem.response(path: request.uri.path, requestID: call.requestID)
    }

    /// A short answer can wait for its client at little cost. What is long needs a lasting place, unless it tells of
    /// something that has happened.
    ///
    /// - Throws: a ``Problem`` when there is none.
    private func keepPlace(for response: Response, to request: Request, _ call: Call) throws(Problem) {
        // Documents that are there once for all hold nothing, however slowly they are read.
        guard Self.isLong(response), !Self.isShared(request.uri.path) else { return }
        let length = response.body.contentLength
        guard length == nil || request.method == .get else { return }
        guard call.place?.last(holding: length ?? 0) ?? true else { throw .noPlace(of: call.settings.maxInFlight) }
    }

    /// Whether its reader may have to be waited for.
    private static func isLong(_ response: Response) -> Bool {
        response.body.contentLength.map { $0 > APILimits.shortAnswerBytes } ?? true
    }

    private static func hasEmptyComponent(_ path: String) -> Bool {
        let slash = UInt8(ascii: "/")
        var last: UInt8 = 0
        for byte in path.utf8 {
            if byte == slash, last == slash { return true }
            last = byte
        }
        return last == slash && path.utf8.count > 1
    }

    private static func checkSize(of request: Request) throws(Problem) {
        guard request.uri.string.utf8.count <= APILimits.uriBytes else {
            throw Problem(.uriTooLong, "A URI may have \(APILimits.uriBytes) bytes.")
        }
    }

    private func missingRoute(_ request: Request) -> Problem {
        let methods = allowedMethods(at: request.uri.path)
        guard !methods.isEmpty else { return Problem(.noRoute, "There is nothing at \(request.uri.path.prefix(200)).") }
        let allow = methods.joined(separator: ", ")
        return Problem(
            .methodNotAllowed, "\(request.method.rawValue.prefix(32)) is not allowed here; \(allow) are.",
            headers: [.allow: allow]
        )
    }

    /// Whether the request asks for something to be done. There are questions that come as a POST.
    private func isChange(_ request: Request, _ call: Call) -> Bool {
        guard ![.get, .head, .options].contains(request.method) else { return false }
        guard !call.notes.isQuestion else { return false }
        let route = routes.first { $0.path == call.endpointPath && $0.methods.contains(request.method) }
        return route?.access != .scope(.read)
    }

    private func allowedMethods(at path: String) -> [String] {
        let methods = routes.filter { $0.matches(path) }.flatMap { $0.methods.map(\.rawValue) }
        return methods.isEmpty ? [] : (methods + ["OPTIONS"]).sorted()
    }

    // MARK: CORS

    private func options(_ request: Request, _ call: Call) throws(Problem) -> Response {
        let methods = allowedMethods(at: request.uri.path)
        guard !methods.isEmpty else { throw missingRoute(request) }
        let allow = methods.joined(separator: ", ")
        var headers: HTTPFields = [.allow: allow]
        if call.settings.allows(origin: request.headers[.origin]), request.headers[.accessControlRequestMethod] != nil {
            headers[.accessControlAllowMethods] = allow
            headers[.accessControlAllowHeaders] =
                "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, X-Request-Id"
            headers[.accessControlMaxAge] = "600"
        }
        return Response(status: .noContent, headers: headers)
    }

    static let exposedHeaders =
        "ETag, Idempotent-Replayed, Link, Location, RateLimit, RateLimit-Policy, Retry-After, X-Cache, X-Request-Id"

    private func decorate(_ response: inout Response, to request: Request, _ call: Call) {
        // No answer has any of these yet, so they need not be looked for.
        response.headers.append(HTTPField(name: .requestID, value: call.requestID))
        response.headers.append(HTTPField(name: .date, value: date.text))
        response.headers.append(HTTPField(name: .xContentTypeOptions, value: "nosniff"))
        response.headers.append(HTTPField(name: .referrerPolicy, value: "no-referrer"))
        door.decorate(&response)
        if response.status == .noContent || response.status == .notModified { response.headers[.contentLength] = nil }
        if state.isStopping { response.headers[.connection] = "close" }
        guard !call.settings.corsOrigins.isEmpty else { return }
        response.headers[.vary] = "Origin"
        if let origin = request.headers[.origin], call.settings.allows(origin: origin) {
            response.headers[.accessControlAllowOrigin] = origin
            response.headers[.accessControlExposeHeaders] =
                Self.exposedHeaders
        }
    }
}

/// Names for requests: the client's own where it is harmless in a log, else a number that no other run has given.
final class RequestIDs: Sendable {
    private let run = Hex.encode((0..<4).map { _ in UInt8.random(in: 0...255) })
    private let last = Atomic<UInt64>(0)

    func id(for proposed: String?) -> String {
        if let proposed, (1...128).contains(proposed.utf8.count), proposed.utf8.allSatisfy(Self.isHarmless) {
            return proposed
        }
        return "\(run)-\(last.add(1, ordering: .relaxed).newValue)"
    }

    private static func isHarmless(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"): true
        default: false
        }
    }
}
