import InventoryKit
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A connection to the daemon, on which one request is made after another. It belongs to one task.
package final class AdminConnection {
    typealias Channel = NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>

    /// An answer that is not streamed may have so many bytes.
    private static let answerBytesMax = 64 << 20

    private let channel: any NIOCore.Channel
    private let outbound: NIOAsyncChannelOutboundWriter<HTTPClientRequestPart>
    private var parts: NIOAsyncChannelInboundStream<HTTPClientResponsePart>.AsyncIterator
    private let timeout: Duration
    private let command: String?

    /// The release that spoke last, as `0.1.0; revision=1`.
    package private(set) var release: String?

    init(
        channel: any NIOCore.Channel, outbound: NIOAsyncChannelOutboundWriter<HTTPClientRequestPart>,
        parts: NIOAsyncChannelInboundStream<HTTPClientResponsePart>.AsyncIterator, timeout: Duration, command: String?
    ) {
        self.channel = channel
        self.outbound = outbound
        self.parts = parts
        self.timeout = timeout
        self.command = command
    }

    // MARK: Whole answers

    /// Asks, and waits for the whole answer.
    ///
    /// - Throws: ``AdminError``, ``AdminError/refused(_:)`` for every status from 400 on.
    package func send(_ request: AdminRequest) async throws(AdminError) -> AdminAnswer {
        let deadline = Deadline(timeout, of: channel)
        defer { deadline.end() }
        do {
            try await write(request)
            let head = try await head()
            var body: [UInt8] = []
            while let part = try await bodyPart() {
                guard body.count + part.readableBytes <= Self.answerBytesMax else {
                    throw AdminError.foreign("its answer is too long")
                }
                body += part.readableBytesView
            }
            try check(head, body)
            let headers = Dictionary(
                head.headers.map { ($0.name.lowercased(), $0.value) }, uniquingKeysWith: { first, _ in first })
            return AdminAnswer(status: Int(head.status.code), body: body, headers: headers)
        } catch { throw deadline.explain(error, timeout) }
    }

    // MARK: Lines

    /// Asks, and takes the answer line by line as it comes. Empty lines only say that the daemon is there.
    ///
    /// - Parameters:
    ///   - silence: how long nothing may come.
    ///   - take: says whether to go on; who does not ends the connection.
    /// - Throws: ``AdminError``, and what `take` throws.
    package func lines(
        _ request: AdminRequest, silence: Duration, _ take: ([UInt8]) async throws -> Bool
    ) async throws {
        let deadline = Deadline(silence, of: channel)
        defer { deadline.end() }
        do {
            try await write(request)
            try await readLines(deadline, take)
        } catch let error as CallersError { throw error.reason } catch { throw deadline.explain(error, silence) }
    }

    /// Asks, and takes the body of the answer piece by piece as it comes, so that it need not be held.
    ///
    /// - Parameters:
    ///   - patience: how long the answer may take to begin.
    ///   - silence: how long nothing may come then.
    ///   - take: gets each piece, and how many bytes there will be in all, if the daemon knows.
    /// - Throws: ``AdminError``, also when it ends too soon, and what `take` throws.
    package func pieces(
        _ request: AdminRequest, patience: Duration, silence: Duration,
        _ take: ([UInt8], _ total: Int?) async throws -> Void
    ) async throws {
        let beginning = Deadline(patience, of: channel)
        let head: HTTPResponseHead
        do {
            defer { beginning.end() }
            try await write(request)
            head = try await self.head()
        } catch { throw beginning.explain(error, patience) }
        let deadline = Deadline(silence, of: channel)
        defer { deadline.end() }
        do {
            if head.status.code >= 400 { return try check(head, try await rest()) }
            let total = head.headers.first(name: "content-length").flatMap { Int($0) }
            while let part = try await bodyPart() {
                // While the piece is dealt with nobody waits for the daemon.
                deadline.pause()
                do { try await take(Array(part.readableBytesView), total) } catch { throw CallersError(error) }
                deadline.extend()
            }
        } catch let error as CallersError { throw error.reason } catch { throw deadline.explain(error, silence) }
    }

    /// What the caller's own part of an exchange throws. It says more than what became of the connection.
    private struct CallersError: Error {
        let reason: any Error

        init(_ reason: any Error) { self.reason = reason }
    }

    /// Sends a body in pieces while its answer is read line by line, so neither need be held.
    ///
    /// - Parameters:
    ///   - silence: how long nothing may come while something is owed.
    ///   - next: the next piece of the body, and nothing at its end.
    /// - Throws: ``AdminError``, and what `next` and `take` throw.
    package func exchange(
        _ request: AdminRequest, silence: Duration, next: @escaping @Sendable () async throws -> [UInt8]?,
        _ take: ([UInt8]) async throws -> Void
    ) async throws {
        let deadline = Deadline(silence, of: channel)
        defer { deadline.end() }
        let (outbound, channel, trouble) = (outbound, channel, FirstError())
        let head = head(of: request, isStreamed: true)
        let sending = Task {
            try await outbound.write(.head(head))
            while let piece = try await trouble.noting({ try await next() }, closing: channel) {
                try await outbound.write(.body(.byteBuffer(ByteBuffer(bytes: piece))))
                deadline.extend()
            }
            try await outbound.write(.end(nil))
        }
        defer { sending.cancel() }
        do {
            try await readLines(deadline) { line in
                try await take(line)
                return true
            }
            try await sending.value
        } catch let error as CallersError { throw error.reason } catch {
            // What kept the body from being made says more than that the answer ended.
            if let reason = trouble.reason { throw reason }
            throw deadline.explain(error, silence)
        }
    }

    /// What went wrong on the sending side, for the receiving one to tell.
    private final class FirstError: Sendable {
        private let noted = Mutex<(any Error)?>(nil)

        var reason: (any Error)? { noted.withLock { $0 } }

        func noting(
            _ body: () async throws -> [UInt8]?, closing channel: any NIOCore.Channel
        ) async throws -> [UInt8]? {
            do { return try await body() } catch {
                noted.withLock { $0 = error }
                // Else both ends would wait for each other.
                channel.close(promise: nil)
                throw error
            }
        }
    }

    /// - Throws: ``CallersError`` for what `take` throws.
    private func readLines(_ deadline: Deadline, _ take: ([UInt8]) async throws -> Bool) async throws {
        func hand(_ line: [UInt8]) async throws -> Bool {
            do { return try await take(line) } catch { throw CallersError(error) }
        }
        let head = try await head()
        guard head.status.code < 400 else {
            return try check(head, try await rest())
        }
        var splitter = LineSplitter(limit: Self.answerBytesMax)
        while let part = try await bodyPart() {
            // While lines are dealt with, nobody waits for the daemon.
            deadline.pause()
            splitter.append(part.readableBytesView)
            while let line = try splitter.next() {
                if line.isEmpty { continue }
                guard try await hand(line) else { return }
            }
            deadline.extend()
        }
        if !splitter.rest.isEmpty { _ = try await hand(splitter.rest) }
    }

    // MARK: Parts

    /// The rest of an answer that is short: a problem.
    private func rest() async throws -> [UInt8] {
        var body: [UInt8] = []
        while let part = try await bodyPart(), body.count < Self.answerBytesMax { body += part.readableBytesView }
        return body
    }

    private func write(_ request: AdminRequest) async throws {
        do {
            try await outbound.write(.head(head(of: request, isStreamed: false)))
            if let body = request.body { try await outbound.write(.body(.byteBuffer(ByteBuffer(bytes: body)))) }
            try await outbound.write(.end(nil))
        } catch ChannelError.ioOnClosedChannel {
            // The daemon may have answered before it had all of it, and then its answer says why.
        }
    }

    private func head(of request: AdminRequest, isStreamed: Bool) -> HTTPRequestHead {
        var headers = HTTPHeaders(request.headers.map { ($0.name, $0.value) })
        headers.add(name: "Host", value: "inventoryd")
        if let command { headers.add(name: AdminProtocol.commandField, value: command) }
        if isStreamed {
            headers.add(name: "Transfer-Encoding", value: "chunked")
        } else if request.body != nil || request.method != .get {
            // Said also where there is none: else an empty body is sent in chunks, whose end comes after the answer.
            headers.add(name: "Content-Length", value: String(request.body?.count ?? 0))
        }
        return HTTPRequestHead(
            version: .http1_1, method: HTTPMethod(rawValue: request.method.rawValue), uri: request.path,
            headers: headers)
    }

    private func head() async throws -> HTTPResponseHead {
        while let part = try await parts.next(isolation: #isolation) {
            if case .head(let head) = part, head.status.code >= 200 {
                release = head.headers.first(name: AdminProtocol.releaseField)
                guard release != nil else { throw AdminError.foreign("it does not name its release") }
                return head
            }
        }
        throw AdminError.closed("there was no answer")
    }

    private func bodyPart() async throws -> ByteBuffer? {
        switch try await parts.next(isolation: #isolation) {
        case .body(let bytes): return bytes
        case .end: return nil
        case .head: throw AdminError.foreign("it answers twice")
        case nil: throw AdminError.closed("the answer is not whole")
        }
    }

    private func check(_ head: HTTPResponseHead, _ body: [UInt8]) throws {
        guard head.status.code >= 400 else { return }
        let document = (try? JSONDocument(parsing: body))?.root ?? .null
        throw AdminError.refused(AdminError.Refused(status: Int(head.status.code), document: document))
    }
}
