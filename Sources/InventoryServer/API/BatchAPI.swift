import HTTPTypes
import Hummingbird
import InventoryKit
import NIOCore

extension InventoryAPI {
    /// Bulk loading: rows come in and results go out at the same time, a line each, so it takes no more memory for a
    /// million rows than for a hundred.
    var batchRoute: Route {
        Route(
            .post, "/v1/products:batch", parameters: ["report"], produces: "application/x-ndjson",
            access: .scope(.catalogue), loadProducts)
    }

    @Sendable private func loadProducts(_ exchange: inout Exchange) async throws -> Response {
        enum Report: String, CaseIterable { case all, errors }
        let report = exchange.query.choice("report", Report.self) ?? .all
        try exchange.query.finish()
        try MediaTypes.check(exchange.request.headers, isOneOf: MediaTypes.ndjson)
        let load = BatchLoad(
            inventory: inventory, requester: try exchange.requester(), reportsAll: report == .all,
            path: exchange.request.uri.path, state: state
        )
        let body = exchange.request.body
        return Response(
            status: .ok, headers: [.contentType: "application/x-ndjson", .cacheControl: "no-store"],
            body: ResponseBody { writer in
                try await load.run(body, into: &writer)
                try await writer.finish(nil)
            }
        )
    }
}

/// One bulk load under way.
private struct BatchLoad: Sendable {
    /// Rows that go to the store together; what has arrived goes at once, so a client may wait for each answer.
    private static let rowsPerCall = 128

    let inventory: Inventory
    let requester: Requester
    let reportsAll: Bool
    let path: String
    let state: ServerState

    func run(_ body: RequestBody, into writer: inout any ResponseBodyWriter) async throws {
        var lines = LineReader(limit: APILimits.batchLineBytes)
        for try await part in body {
            for chunk in lines.read(part).chunks(of: Self.rowsPerCall) { try await load(chunk, into: &writer) }
        }
        if let last = lines.finish() { try await load([last], into: &writer) }
    }

    private func load(_ lines: [LineReader.Line], into writer: inout any ResponseBodyWriter) async throws {
        let parsed = lines.compactMap(row)
        let rows = parsed.compactMap { try? $0.get() }
        var results = (await inventory.load(rows, by: requester)).makeIterator()
        var output = ByteBuffer()
        for entry in parsed {
            switch entry {
            case .success(let row):
                guard let result = results.next() else { throw Problem(.internalError, "A row has no result.") }
                report(row, result, into: &output)
            case .failure(let fault):
                report(fault, into: &output)
            }
        }
        if output.readableBytes > 0 { try await writer.write(output) }
    }

    private struct Failure: Error {
        let line: Int
        var sku: String?
        let problem: Problem
    }

    private func row(_ line: LineReader.Line) -> Result<BatchRow, Failure>? {
        let number = line.number
        guard let text = line.text else {
            let detail = "A line may have \(APILimits.batchLineBytes) bytes."
            return .failure(Failure(line: number, problem: Problem(.bodyTooLarge, detail)))
        }
        guard !text.allSatisfy({ $0 == 0x20 || $0 == 0x09 }) else { return nil }
        let document: JSONDocument
        do { document = try JSONDocument(parsing: text, valuesMax: Bounds.requestValues) } catch {
            return .failure(
                Failure(line: number, problem: Problem(.malformedJSON, "At byte \(error.offset): \(error.detail)."))
            )
        }
        do { return .success(try BatchRow(line: number, document)) } catch {
            var failure = Failure(line: number, problem: Problem(error))
            if case .object(let members) = document.root, case .string(let sku) = members["sku"] {
                failure.sku = String(sku.unicodeScalars.prefix(Bounds.skuLength))
            }
            return .failure(failure)
        }
    }

    private func report(_ row: BatchRow, _ result: Result<Upserted, InventoryError>, into output: inout ByteBuffer) {
        switch result {
        case .failure(let error):
            report(Failure(line: row.line, sku: row.sku.text, problem: Problem(error)), into: &output)
        case .success(let upserted):
            guard reportsAll else { return }
            append(to: &output) { writer in
                writer.member("line", Int64(row.line))
                writer.member("sku", row.sku.text)
                writer.member("status", upserted.status.rawValue)
                writer.member("id", upserted.product.id.text)
                if upserted.keptStock { writer.member("stock", "kept") }
                if upserted.replayed { writer.member("replayed", JSON.bool(true)) }
            }
        }
    }

    private func report(_ failure: Failure, into output: inout ByteBuffer) {
        append(to: &output) { writer in
            writer.member("line", Int64(failure.line))
            writer.member("sku", failure.sku)
            writer.member("status", "error")
            writer.name("error")
            failure.problem.write(to: &writer, path: path, requestID: requester.requestID)
        }
    }

    private func append(to output: inout ByteBuffer, _ members: (inout JSONWriter) -> Void) {
        var writer = JSONWriter(capacity: 256)
        writer.object(members)
        output.writeBytes(writer.bytes)
        output.writeInteger(UInt8(ascii: "\n"))
    }
}

/// Cuts a stream of bytes into lines, and never holds more than one line's limit of an unfinished one.
struct LineReader {
    struct Line {
        /// From 1.
        let number: Int

        /// Without the line's end; nothing when it was longer than permitted.
        let text: [UInt8]?
    }

    private let limit: Int
    private var unfinished: [UInt8] = []
    private var isTooLong = false
    private var number = 1

    init(limit: Int) {
        self.limit = limit
    }

    /// The lines that the bytes complete, without those that are empty.
    mutating func read(_ bytes: ByteBuffer) -> [Line] {
        var lines: [Line] = []
        var rest = bytes.readableBytesView
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            let line = rest[..<end]
            rest = rest[(end + 1)...]
            // A body may have millions of them.
            if unfinished.isEmpty, !isTooLong, line.isEmpty || line.elementsEqual(CollectionOfOne(UInt8(ascii: "\r"))) {
                number += 1
                continue
            }
            take(line)
            lines.append(endLine())
        }
        take(rest)
        return lines
    }

    /// The last line, where it has no end of its own.
    mutating func finish() -> Line? {
        unfinished.isEmpty && !isTooLong ? nil : endLine()
    }

    private mutating func take(_ bytes: ByteBufferView.SubSequence) {
        if unfinished.count + bytes.count > limit {
            isTooLong = true
            unfinished = []
        } else if !isTooLong {
            unfinished += bytes
        }
    }

    private mutating func endLine() -> Line {
        defer {
            number += 1
            unfinished = []
            isTooLong = false
        }
        if unfinished.last == UInt8(ascii: "\r") { unfinished.removeLast() }
        return Line(number: number, text: isTooLong ? nil : unfinished)
    }
}

extension Array {
    fileprivate func chunks(of size: Int) -> [[Element]] {
        stride(from: 0, to: count, by: size).map { Array(self[$0..<Swift.min($0 + size, count)]) }
    }
}
