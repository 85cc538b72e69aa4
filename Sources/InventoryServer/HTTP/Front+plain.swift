import HTTPTypes
import InventoryKit
import NIOCore
import NIOHTTP1

/// The fast way: plain requests from the parser to the use case and back, without Hummingbird's loop, its router and its
/// types. What they are told, and what is counted and logged of them, is the same as on the way by the route.
extension Front {
    /// - Parameters:
    ///   - permit: asked before anything is begun that costs more than a look at the cache.
    ///   - tell: told what becomes of the request, now or later.
    func serve(
        _ request: PlainRequest, with inventory: Inventory, on loop: any EventLoop, _ permit: @escaping Permit,
        _ tell: AdmissionHandler.Tell
    ) {
        switch request.wish {
        case .read: read(request, inventory, on: loop, permit, tell)
        case .purchase(let key):
            permit { fields in
                tell(
                    .gather(fields) { body in
                        self.purchase(request, key, body, inventory, on: loop, fields, tell)
                    })
            }
        }
    }

    // MARK: Reads

    /// From the cache at once, right on the event loop; what it has not, from the store.
    private func read(
        _ request: PlainRequest, _ inventory: Inventory, on loop: any EventLoop, _ permit: @escaping Permit,
        _ tell: AdmissionHandler.Tell
    ) {
        let glance = inventory.cache.glance(at: request.product, on: loop) { read in
            permit { fields in
                if let read { return self.finish(request, self.document(read, for: request), fields, tell) }
                self.fetch(request, inventory, on: loop, fields, tell)
            }
        }
        switch glance {
        case .here(let document):
            let read = CachedDocument(document: document, source: .hit)
            permit { fields in self.finish(request, self.document(read, for: request), fields, tell) }
        case .elsewhere: permit { fields in self.fetch(request, inventory, on: loop, fields, tell) }
        case .asked: break
        }
    }

    private func fetch(
        _ request: PlainRequest, _ inventory: Inventory, on loop: any EventLoop, _ fields: RateFields?,
        _ tell: AdmissionHandler.Tell
    ) {
        work(for: request, on: loop, fields, tell) { () async throws(InventoryError) in
            let (document, source) = try await inventory.document(.id(request.product))
            return self.document(CachedDocument(document: document, source: source), for: request)
        }
    }

    /// - Returns: nothing where the document is long: its answer needs a place.
    private func document(_ read: CachedDocument, for request: PlainRequest) -> PlainAnswer? {
        guard let document = read.document else {
            return problem(Problem(Inventory.noProduct(.id(request.product))), for: request)
        }
        guard document.body.readableBytes <= APILimits.shortAnswerBytes else { return nil }
        var headers = headersOfEveryAnswer(request.requestID)
        headers.add(name: "ETag", value: document.etag.quoted)
        headers.add(name: "Cache-Control", value: "no-cache")
        headers.add(name: "X-Cache", value: read.source.rawValue)
        headers.add(name: "Content-Type", value: "application/json")
        return PlainAnswer(status: .ok, headers: headers, body: document.body, cache: read.source)
    }

    // MARK: Purchases

    private func purchase(
        _ request: PlainRequest, _ key: IdempotencyKey?, _ body: ByteBuffer, _ inventory: Inventory,
        on loop: any EventLoop, _ fields: RateFields?, _ tell: AdmissionHandler.Tell
    ) {
        // What is wrong with a body the route tells.
        guard let document = try? JSONDocument(parsing: Array(body.readableBytesView), valuesMax: Bounds.requestValues),
            let order = try? StockRequest.purchase(document)
        else {
            tell(.pass(fields))
            return
        }
        work(for: request, on: loop, fields, tell) { () async throws(InventoryError) in
            let outcome = try await inventory.move(
                .id(request.product), order.change, reason: order.reason, note: order.reference,
                by: Requester(actor: request.caller.actor, requestID: request.requestID, key: key))
            return self.receipt(outcome, for: request)
        }
    }

    private func receipt(_ outcome: StockOutcome, for request: PlainRequest) -> PlainAnswer {
        var writer = JSONWriter(capacity: 1_024)
        writer.purchase(outcome)
        var headers = headersOfEveryAnswer(request.requestID)
        headers.add(name: "ETag", value: outcome.product.etag.quoted)
        headers.add(name: "Location", value: outcome.movement.location)
        if outcome.replayed { headers.add(name: "Idempotent-Replayed", value: "true") }
        headers.add(name: "Cache-Control", value: "no-cache")
        headers.add(name: "Content-Type", value: "application/json")
        return PlainAnswer(status: .created, headers: headers, body: ByteBuffer(bytes: writer.bytes))
    }

    // MARK: Answers

    /// Has a task do what takes longer than an event loop should.
    ///
    /// - Parameter body: makes the answer; none where the route has to.
    private func work(
        for request: PlainRequest, on loop: any EventLoop, _ fields: RateFields?, _ tell: AdmissionHandler.Tell,
        _ body: @escaping @Sendable () async throws(InventoryError) -> PlainAnswer?
    ) {
        // Whoever keeps the limits may have taken his time.
        guard !state.isStopping, state.importState == .none else {
            tell(.pass(fields))
            return
        }
        let place = Place(in: state.places, of: request.settings.maxInFlight)
        if place.take() { return begin(request, in: place, on: loop, fields, tell, body) }
        let tell = NIOLoopBound(tell, eventLoop: loop)
        place.wait { hasRoom in
            loop.execute {
                // Its client may have gone: nobody works for that one.
                if hasRoom, tell.value.isAwaited {
                    return self.begin(request, in: place, on: loop, fields, tell.value, body)
                }
                place.leave()
                let problem = Problem.noPlace(of: request.settings.maxInFlight)
                self.finish(request, self.problem(problem, for: request), fields, tell.value)
            }
        }
    }

    private func begin(
        _ request: PlainRequest, in place: Place, on loop: any EventLoop, _ fields: RateFields?,
        _ tell: AdmissionHandler.Tell, _ body: @escaping @Sendable () async throws(InventoryError) -> PlainAnswer?
    ) {
        // Whoever imports has seen this request, or is seen here.
        if let problem = Problem(state.importState) {
            place.leave()
            return finish(request, self.problem(problem, for: request), fields, tell)
        }
        let tell = NIOLoopBound(tell, eventLoop: loop)
        Task {
            let answer: PlainAnswer?
            do throws(InventoryError) { answer = try await body() } catch {
                answer = self.problem(Problem(error), for: request)
            }
            loop.execute {
                self.finish(request, answer, fields, tell.value)
                place.leave()
            }
        }
    }

    private func problem(_ problem: Problem, for request: PlainRequest) -> PlainAnswer {
        let (headers, body) = render(problem, request.head, request.requestID, request.settings)
        let status = HTTPResponseStatus(statusCode: problem.code.rendering.status)
        return PlainAnswer(status: status, headers: headers, body: body, trouble: problem.code)
    }

    /// Answers, and notes it in the log and the figures; leaves it to the route where there is no answer.
    private func finish(
        _ request: PlainRequest, _ answer: PlainAnswer?, _ fields: RateFields?, _ tell: AdmissionHandler.Tell
    ) {
        guard let answer else {
            tell(.pass(fields))
            return
        }
        let time = ContinuousClock.now - request.arrival
        let isGoingOut = tell(
            .answer(AdmissionHandler.Answer(answer.status, answer.headers, answer.body, fields, request.settings)))
        let status = Int(answer.status.code)
        traffic.count(request.head.method.rawValue, request.route, status: status, in: time)
        note(request.kind, status: status, in: time, request.settings) {
            AccessLogEntry(
                requestID: request.requestID, method: request.head.method.rawValue, route: request.route,
                path: request.head.uri, status: status, duration: time, cache: answer.cache?.rawValue,
                caller: request.caller.name,
                error: isGoingOut ? answer.trouble?.rawValue : "the answer did not go out: the connection has ended"
            )
        }
    }
}

/// An answer to a plain request, and what the log says of the cache.
private struct PlainAnswer: Sendable {
    let status: HTTPResponseStatus
    let headers: HTTPHeaders
    let body: ByteBuffer
    var cache: CachedDocument.Source?
    var trouble: ProblemCode?
}
