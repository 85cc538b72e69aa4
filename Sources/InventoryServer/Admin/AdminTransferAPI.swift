import HTTPTypes
import Hummingbird
import InventoryKit
import Logging
import NIOCore
import NIOPosix

// MARK: The inventory as a whole

extension AdminAPI {
    /// Bytes of a copy that are read and sent at once.
    private static let pieceBytes = 256 * 1_024

    /// How often whoever waits for an import hears of it.
    private static let pulse = Duration.seconds(2)

    /// How long an import waits for the requests that are under way.
    private static let patience = Duration.seconds(30)

    /// They show and take all that there is, with the identities under which answers are remembered, so none of them is
    /// for those who may only read.
    var transferRoutes: [Route] {
        [
            Route(
                .get, Self.path("/export"), produces: "application/x-ndjson", access: .operating, exportEverything),
            Route(.post, Self.path("/import"), produces: "application/x-ndjson", importEverything),
            Route(.post, Self.path("/backup"), produces: "application/vnd.sqlite3", copyStore),
        ]
    }

    // MARK: Export

    @Sendable private func exportEverything(_ exchange: inout Exchange) async throws -> Response {
        try exchange.query.finish()
        if let problem = Problem(state.importState) { throw problem }
        // Once the first line is out, nothing but the end of the connection can tell of trouble.
        try await inventory.store.checkReadiness()
        let (logger, caller) = (exchange.call.logger, exchange.call.caller.name)
        return Response(
            status: .ok, headers: [.contentType: "application/x-ndjson", .cacheControl: "no-store"],
            body: ResponseBody { writer in
                do {
                    let totals = try await FullExport(of: store).write { piece in
                        guard !state.isStopping else { throw InventoryError.unavailable(.stopping) }
                        try await writer.write(ByteBuffer(bytes: piece))
                    }
                    logger.notice(
                        "Everything was exported",
                        metadata: ["caller": "\(caller)", "products": "\(totals.products)"])
                } catch {
                    logger.error("A full export broke off", metadata: ["caller": "\(caller)", "reason": "\(error)"])
                    throw error
                }
                try await writer.finish(nil)
            })
    }

    // MARK: Backup

    @Sendable private func copyStore(_ exchange: inout Exchange) async throws -> Response {
        try exchange.query.finish()
        if let problem = Problem(state.importState) { throw problem }
        let copy: any StoreCopy
        do { copy = try await store.makeCopy(while: { [state] in !state.isStopping }) } catch {
            throw Problem(error)
        }
        return Response(
            status: .ok, headers: [.contentType: "application/vnd.sqlite3", .cacheControl: "no-store"],
            body: ResponseBody(contentLength: Int(copy.size)) { writer in
                var offset: Int64 = 0
                while offset < copy.size {
                    let place = offset
                    // Reading blocks, so it happens elsewhere.
                    let piece = try await NIOThreadPool.singleton.runIfActive {
                        try copy.bytes(from: place, atMost: Self.pieceBytes)
                    }
                    guard !piece.isEmpty, !state.isStopping else { throw BackupError.calledOff }
                    try await writer.write(ByteBuffer(bytes: piece))
                    offset += Int64(piece.count)
                }
                try await writer.finish(nil)
            })
    }

    // MARK: Import

    @Sendable private func importEverything(_ exchange: inout Exchange) async throws -> Response {
        try exchange.query.finish()
        try MediaTypes.check(exchange.request.headers, isOneOf: MediaTypes.ndjson)
        try await inventory.store.checkReadiness()
        let (body, call) = (exchange.request.body, exchange.call)
        return .lines(of: exchange) { line in
            let (events, event) = AsyncStream.makeStream(of: Result<TransferReport, Problem>?.self)
            let importing = Task {
                event.yield(await takeOver(body, call.logger))
                event.finish()
            }
            let pulses = Task {
                while (try? await Task.sleep(for: Self.pulse)) != nil {
                    if state.isStopping { importing.cancel() }
                    event.yield(nil)
                }
            }
            defer { pulses.cancel() }
            do {
                for await event in events {
                    switch event {
                    case nil: try await line.keepAlive()
                    case .success(let report): try await line.write(report)
                    case .failure(let problem): try await line.write(problem)
                    }
                }
            } catch {
                // Whoever sent it has gone. It has to have let go of the body before this returns.
                importing.cancel()
                await importing.value
                throw error
            }
        }
    }

    /// Takes an inventory over into this daemon's store, which serves nothing meanwhile, nor when that failed half-way.
    private func takeOver(_ body: RequestBody, _ logger: Logger) async -> Result<TransferReport, Problem> {
        let destination = store.makeDestination()
        if let problem = await closeService(for: destination) {
            await destination.close()
            return .failure(problem)
        }
        let outcome = await run(FullImport(into: destination), on: body)
        await destination.close()
        switch outcome {
        case .success(var report):
            // Of some products it may have been cached that there is no such thing.
            if inventory.cache.condition != .none {
                do { _ = try await cache.flush(matching: nil, dryRun: false) } catch {
                    report.warning = "The cache could not be flushed (\(error.detail)): see invctl cache flush --all."
                }
            }
            state.importState = .none
            logger.notice("An inventory was imported", metadata: ["products": "\(report.products)"])
            return .success(report)
        case .failure(let error):
            if case .abandoned = error { state.importState = .broken } else { state.importState = .none }
            logger.error("A full import failed", metadata: ["reason": "\(error)"])
            return .failure(Problem(error))
        }
    }

    /// Closes the service once it is known that the import may begin, and waits for what is under way, which may read or write
    /// what is to come.
    ///
    /// - Returns: why it is not closed.
    private func closeService(for destination: any InventoryDestination) async -> Problem? {
        if let problem = Problem(state.importState) { return problem }
        do { try await destination.check() } catch { return Problem(error) }
        guard state.beginImport() else {
            return Problem(state.importState) ?? Problem(.overloaded, "An import has just ended. Try again.")
        }
        let places = state.places
        if await result(within: Self.patience, of: { await places.untilEmpty() }) != nil { return nil }
        state.importState = .none
        return state.isStopping
            ? Problem(InventoryError.unavailable(.stopping))
            : Problem(.overloaded, "Requests are under way that do not end. Keep clients away, and try again.")
    }

    private func run(_ job: FullImport, on body: RequestBody) async -> Result<TransferReport, TransferError> {
        do {
            let report = try await job.read(body.map { Array($0.readableBytesView) })
            return .success(TransferReport(report.totals, expiredOutcomes: report.expiredOutcomes))
        } catch { return .failure(error) }
    }
}

// MARK: - Problems

extension Problem {
    /// Why nothing is served while an inventory is imported, and afterwards if that failed.
    init?(_ importState: ServerState.Import) {
        switch importState {
        case .none: return nil
        case .underWay: self.init(.importing, "An inventory is being imported. Try again when that is done.")
        case .broken:
            self.init(
                .importing,
                "An import broke off, so what the store holds is of no use. Stop the service, empty its store, start it "
                    + "and import again.")
        }
        headers[.retryAfter] = "10"
    }

    init(_ error: BackupError) {
        switch error {
        case .unsupported: self.init(.wrongStore, error.description)
        case .underWay: self.init(.overloaded, error.description, headers: [.retryAfter: "10"])
        case .noRoom: self.init(.storageFull, error.description, headers: [.retryAfter: "30"])
        case .calledOff: self.init(.stopping, error.description)
        case .failed: self.init(.storeUnavailable, error.description)
        }
    }

    init(_ error: TransferError) { self.init(Self.code(of: error), error.description) }

    private static func code(of error: TransferError) -> ProblemCode {
        switch error {
        case .badLine, .notAnExport, .unknownVersion, .cutShort, .unreadable: .badExport
        case .occupied: .notEmpty
        case .unfinishedImport, .doubled, .differs: .importUnfinished
        case .source, .unwritable, .destination: .storeUnavailable
        case .abandoned(let cause, _): code(of: cause)
        }
    }
}
