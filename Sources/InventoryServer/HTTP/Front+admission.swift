import InventoryKit
import Logging
import NIOCore
import NIOHTTP1

/// What is decided of a request before it is passed on: the limit of its caller, and whether the cache alone answers it.
extension Front {
    /// - Parameters:
    ///   - head: of a request whose turn it is.
    ///   - peer: who is at the other end of the connection.
    ///   - verdict: told once, now or later, on the connection's event loop.
    func judge(
        _ head: HTTPRequestHead, from peer: Peer, _ check: KeyCheck, _ cache: any ProductCache,
        _ limiter: any RateLimiter, on loop: any EventLoop,
        _ verdict: @escaping (AdmissionHandler.Verdict) -> Void
    ) {
        let settings = state.settings
        let caller = check.caller(showing: head.headers.first(name: "authorization"))
        guard let limit = settings.limits.limit(for: head) else {
            return look(for: head, of: caller, in: cache, settings, on: loop, verdict)
        }
        switch limiter.admit(
            caller.account(of: peer, forwardedFor: head.headers["x-forwarded-for"], settings.limits), to: limit.limited,
            under: limit.policy, on: loop)
        {
        case .decided(let decision):
            let fields = RateFields(limit, decision)
            guard decision.isAllowed else {
                return verdict(.answer(refusal(of: head, caller, decision, fields, settings)))
            }
            look(for: head, of: caller, in: cache, settings, on: loop) { verdict($0.adding(fields)) }
        case .asked(let decision):
            // Both questions leave together, and what the cache says counts only if the limiter agrees.
            look(for: head, of: caller, in: cache, settings, on: loop) { found in
                decision.assumeIsolated().whenSuccess { decision in
                    let fields = RateFields(limit, decision)
                    guard decision.isAllowed else {
                        return verdict(.answer(self.refusal(of: head, caller, decision, fields, settings)))
                    }
                    verdict(found.adding(fields))
                }
            }
        }
    }

    // MARK: Answers of the cache

    /// The answer to a plain read of a product that needs nothing but the cache: the same as the route gives, without
    /// its way. Whatever needs a second look (conditions, other media types, CORS, a server that stops) takes the route.
    private func look(
        for head: HTTPRequestHead, of caller: Caller, in cache: any ProductCache, _ settings: ServerSettings,
        on loop: any EventLoop, _ verdict: @escaping (AdmissionHandler.Verdict) -> Void
    ) {
        guard head.method == .GET, head.uri.utf8.count == Self.productPath.utf8.count + 24,
            head.uri.utf8.starts(with: Self.productPath.utf8), !state.isStopping, state.importState == .none,
            caller.entitlement.allows(.scope(.read)), Self.isPlain(head.headers),
            let id = try? ProductID(String(head.uri.utf8.suffix(24)) ?? "")
        else { return verdict(passed(head, caller, settings)) }
        let arrival = ContinuousClock.now
        let glance = cache.glance(at: id, on: loop) { read in
            guard let read else { return verdict(self.passed(head, caller, settings)) }
            guard let document = read.document else {
                return verdict(.answer(self.absence(of: id, for: head, caller, settings, since: arrival)))
            }
            verdict(self.hit(document, for: head, caller, settings, since: arrival))
        }
        switch glance {
        case .here(let document): verdict(hit(document, for: head, caller, settings, since: arrival))
        case .elsewhere: verdict(passed(head, caller, settings))
        case .asked: break
        }
    }

    /// Whether nothing in the request asks for more than the document as it is.
    private static func isPlain(_ headers: HTTPHeaders) -> Bool {
        headers.allSatisfy { name, value in
            // By their lengths, most need not be compared.
            switch name.utf8.count {
            case 6 where isSame(name, "origin"): false
            case 6 where isSame(name, "expect"): false
            case 6 where isSame(name, "accept"): value == "*/*" || value == "application/json"
            case 13 where isSame(name, "if-none-match"): false
            // A body may yet break off.
            case 14 where isSame(name, "content-length"): value == "0"
            case 17 where isSame(name, "transfer-encoding"): false
            default: true
            }
        }
    }

    /// Case counts for nothing in names of headers; the second is in lower case.
    private static func isSame(_ name: String, _ other: String) -> Bool {
        name.utf8.elementsEqual(other.utf8) { $0 | 0x20 == $1 }
    }

    private static let productPath = "/v1/products/"
    private static let productRoute = "/v1/products/{id}"

    private func hit(
        _ document: ProductDocument, for head: HTTPRequestHead, _ caller: Caller, _ settings: ServerSettings,
        since arrival: ContinuousClock.Instant
    ) -> AdmissionHandler.Verdict {
        // For the place that a long answer needs.
        guard document.body.readableBytes <= APILimits.shortAnswerBytes else { return passed(head, caller, settings) }
        let requestID = requestIDs.id(for: head.headers.first(name: "x-request-id"))
        var headers = headersOfEveryAnswer(requestID)
        headers.add(name: "ETag", value: document.etag.quoted)
        headers.add(name: "Cache-Control", value: "no-cache")
        headers.add(name: "X-Cache", value: CachedDocument.Source.hit.rawValue)
        headers.add(name: "Content-Type", value: "application/json")
        headers.add(name: "Content-Length", value: String(document.body.readableBytes))
        return .answer(answer(head, caller, .ok, headers, document.body, requestID, settings, since: arrival))
    }

    /// The answer to a read of an id of which the cache knows that it is nobody's.
    private func absence(
        of id: ProductID, for head: HTTPRequestHead, _ caller: Caller, _ settings: ServerSettings,
        since arrival: ContinuousClock.Instant
    ) -> AdmissionHandler.Answer {
        let requestID = requestIDs.id(for: head.headers.first(name: "x-request-id"))
        let (headers, body) = render(Problem(Inventory.noProduct(.id(id))), head, requestID)
        return answer(head, caller, .notFound, headers, body, requestID, settings, since: arrival)
    }

    private func answer(
        _ head: HTTPRequestHead, _ caller: Caller, _ status: HTTPResponseStatus, _ headers: HTTPHeaders,
        _ body: ByteBuffer,
        _ requestID: String, _ settings: ServerSettings, since arrival: ContinuousClock.Instant
    ) -> AdmissionHandler.Answer {
        var headers = headers
        if !settings.corsOrigins.isEmpty { headers.add(name: "Vary", value: "Origin") }
        let time = ContinuousClock.now - arrival
        traffic.count("GET", Self.productRoute, status: Int(status.code), in: time)
        note(.read, status: Int(status.code), in: time, settings) {
            AccessLogEntry(
                requestID: requestID, method: "GET", route: Self.productRoute, path: head.uri,
                status: Int(status.code), duration: time, cache: CachedDocument.Source.hit.rawValue,
                caller: caller.name, error: nil
            )
        }
        return AdmissionHandler.Answer(
            head: HTTPResponseHead(version: .http1_1, status: status, headers: headers), body: body)
    }

    // MARK: Refusals

    /// What becomes of a request that is none of the cache's. One for which there is no room is told so here already: far
    /// more of them may come than are let in, and each would cost those that are let in.
    private func passed(
        _ head: HTTPRequestHead, _ caller: Caller, _ settings: ServerSettings
    ) -> AdmissionHandler.Verdict {
        guard state.places.inUse >= settings.maxInFlight, !Self.isProbe(String(head.uri.prefix { $0 != "?" })) else {
            return .pass(nil)
        }
        return .answer(refusal(of: head, caller, .noPlace(of: settings.maxInFlight), retryAfter: 1, settings))
    }

    private func refusal(
        of head: HTTPRequestHead, _ caller: Caller, _ decision: RateDecision, _ fields: RateFields,
        _ settings: ServerSettings
    ) -> AdmissionHandler.Answer {
        let wait = max(1, RateFields.seconds(decision.retryAfter))
        let problem = Problem(.rateLimited, "This caller has used up its limit. Try again in \(wait) s.")
        let answer = refusal(of: head, caller, problem, retryAfter: wait, settings)
        var refused = answer.head
        fields.add(to: &refused.headers)
        return AdmissionHandler.Answer(head: refused, body: answer.body)
    }

    private func refusal(
        of head: HTTPRequestHead, _ caller: Caller, _ problem: Problem, retryAfter seconds: Int64,
        _ settings: ServerSettings
    ) -> AdmissionHandler.Answer {
        let requestID = requestIDs.id(for: head.headers.first(name: "x-request-id"))
        let status = problem.code.rendering.status
        var (headers, body) = render(problem, head, requestID)
        headers.add(name: "Retry-After", value: String(seconds))
        if !settings.corsOrigins.isEmpty {
            headers.add(name: "Vary", value: "Origin")
            if let origin = head.headers.first(name: "origin"), settings.allows(origin: origin) {
                headers.add(name: "Access-Control-Allow-Origin", value: origin)
                headers.add(name: "Access-Control-Expose-Headers", value: Self.exposedHeaders)
            }
        }
        let method = head.method.rawValue
        traffic.count(method, nil, status: status, in: .zero)
        note(RateClass(method: method, uri: head.uri), status: status, in: .zero, settings) {
            AccessLogEntry(
                requestID: requestID, method: method, route: "-", path: String(head.uri.prefix { $0 != "?" }),
                status: status, duration: .zero, cache: nil, caller: caller.name, error: problem.code.rawValue
            )
        }
        if head.method == .HEAD { body.clear() }
        return AdmissionHandler.Answer(
            head: HTTPResponseHead(version: .http1_1, status: .init(statusCode: status), headers: headers), body: body)
    }

    private func render(
        _ problem: Problem, _ head: HTTPRequestHead, _ requestID: String
    ) -> (HTTPHeaders, ByteBuffer) {
        let path = String(head.uri.prefix { $0 != "?" })
        let body = problem.body(path: path, requestID: requestID)
        var headers = headersOfEveryAnswer(requestID)
        headers.add(contentsOf: [
            ("Content-Type", "application/problem+json"), ("Cache-Control", "no-store"),
            ("Content-Length", String(body.readableBytes)),
        ])
        return (headers, body)
    }
}

extension AdmissionHandler.Verdict {
    fileprivate func adding(_ fields: RateFields?) -> Self {
        guard let fields else { return self }
        switch self {
        case .pass: return .pass(fields)
        case .answer(let answer):
            var head = answer.head
            fields.add(to: &head.headers)
            return .answer(AdmissionHandler.Answer(head: head, body: answer.body))
        }
    }
}
