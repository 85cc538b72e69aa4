import HTTPTypes
import InventoryKit
import Logging
import NIOCore
import NIOHTTP1

/// What is decided of a request before it is passed on: the limit of its caller, and whether it is plain.
extension Front {
    /// Lets a request go on once the limit of its caller permits it, with what its answer says of that. One that is over
    /// the limit is refused, and never goes on.
    typealias Permit = (_ goOn: @escaping (RateFields?) -> Void) -> Void

    /// - Parameters:
    ///   - head: of a request whose turn it is.
    ///   - peer: who is at the other end of the connection.
    ///   - tell: told what becomes of the request, now or later.
    func judge(
        _ head: HTTPRequestHead, from peer: Peer, _ check: KeyCheck, _ inventory: Inventory,
        _ limiter: any RateLimiter, on loop: any EventLoop, _ tell: AdmissionHandler.Tell
    ) {
        let settings = state.settings
        let caller = check.caller(showing: head.headers.joined("authorization"))
        guard let limit = settings.limits.limit(for: head) else {
            return look(at: head, of: caller, inventory, settings, on: loop, tell) { $0(nil) }
        }
        let account = caller.account(of: peer, forwardedFor: head.headers["x-forwarded-for"], settings.limits)
        switch limiter.admit(account, to: limit.limited, under: limit.policy, on: loop) {
        case .decided(let decision):
            let fields = RateFields(limit, decision)
            guard decision.isAllowed else { return refuse(head, caller, decision, fields, settings, tell) }
            look(at: head, of: caller, inventory, settings, on: loop, tell) { $0(fields) }
        case .asked(let decision):
            // A question to the cache leaves together with this one.
            look(at: head, of: caller, inventory, settings, on: loop, tell) { goOn in
                decision.assumeIsolated().whenSuccess { decision in
                    let fields = RateFields(limit, decision)
                    guard decision.isAllowed else { return self.refuse(head, caller, decision, fields, settings, tell) }
                    goOn(fields)
                }
            }
        }
    }

    private func look(
        at head: HTTPRequestHead, of caller: Caller, _ inventory: Inventory, _ settings: ServerSettings,
        on loop: any EventLoop, _ tell: AdmissionHandler.Tell, _ permit: @escaping Permit
    ) {
        if !state.isStopping, state.importState == .none,
            let request = PlainRequest(head, caller, settings, requestIDs)
        {
            return serve(request, with: inventory, on: loop, permit, tell)
        }
        permit { tell(.pass($0)) }
    }

    // MARK: Refusals

    private func refuse(
        _ head: HTTPRequestHead, _ caller: Caller, _ decision: RateDecision, _ fields: RateFields,
        _ settings: ServerSettings, _ tell: AdmissionHandler.Tell
    ) {
        let wait = max(1, RateFields.seconds(decision.retryAfter))
        let problem = Problem(
            .rateLimited, "This caller has used up its limit. Try again in \(wait) s.",
            headers: [.retryAfter: String(wait)])
        tell(.answer(refusal(of: head, caller, problem, fields, settings)))
    }

    /// The answer to a request that nobody works on, which notes it in the log and the figures.
    private func refusal(
        of head: HTTPRequestHead, _ caller: Caller, _ problem: Problem, _ fields: RateFields?,
        _ settings: ServerSettings
    ) -> AdmissionHandler.Answer {
        let requestID = requestIDs.id(for: head.headers.joined("x-request-id"))
        let status = problem.code.rendering.status
        let (headers, body) = render(problem, head, requestID, settings)
        let method = head.method.rawValue
        traffic.count(method, nil, status: status, in: .zero)
        note(RateClass(method: method, uri: head.uri), status: status, in: .zero, settings) {
            AccessLogEntry(
                requestID: requestID, method: method, route: "-", path: Self.path(of: head), status: status,
                duration: .zero, cache: nil, caller: caller.name, error: problem.code.rawValue
            )
        }
        let answer = AdmissionHandler.Answer(.init(statusCode: status), headers, body, fields, settings)
        return head.method == .HEAD ? AdmissionHandler.Answer(head: answer.head, body: ByteBuffer()) : answer
    }

    /// A problem's body, and the headers of its answer but for those at its end.
    func render(
        _ problem: Problem, _ head: HTTPRequestHead?, _ requestID: String, _ settings: ServerSettings
    ) -> (HTTPHeaders, ByteBuffer) {
        var headers = headersOfEveryAnswer(requestID)
        for field in problem.headersOfAnswer { headers.add(name: field.name.rawName, value: field.value) }
        if let origin = head?.headers.first(name: "origin"), settings.allows(origin: origin) {
            headers.add(name: "Access-Control-Allow-Origin", value: origin)
            headers.add(name: "Access-Control-Expose-Headers", value: Self.exposedHeaders)
        }
        return (headers, problem.body(path: head.map(Self.path) ?? "", requestID: requestID))
    }

    static func path(of head: HTTPRequestHead) -> String { String(head.uri.prefix { $0 != "?" }) }
}

extension AdmissionHandler.Answer {
    /// An answer with what every one has at its end: its length, that it differs by origin, and what is left of the
    /// caller's limit.
    init(
        _ status: HTTPResponseStatus, _ headers: HTTPHeaders, _ body: ByteBuffer, _ fields: RateFields?,
        _ settings: ServerSettings
    ) {
        var headers = headers
        headers.add(name: "Content-Length", value: String(body.readableBytes))
        if !settings.corsOrigins.isEmpty { headers.add(name: "Vary", value: "Origin") }
        fields?.add(to: &headers)
        self.init(head: HTTPResponseHead(version: .http1_1, status: status, headers: headers), body: body)
    }
}
