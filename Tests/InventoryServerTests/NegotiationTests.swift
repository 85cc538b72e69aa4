import HTTPTypes
import InventoryKit
import NIOCore
import Testing

@testable import InventoryServer

@Suite("Conditions and media types")
struct NegotiationTests {
    private let etag = ETag(version: 3, stockVersion: 17)

    @Test("If-Match is a strong comparison")
    func ifMatch() {
        #expect(Conditions.ifMatch([:]) == nil)
        #expect(Conditions.ifMatch([.ifMatch: "*"]) == nil)
        #expect(Conditions.ifMatch([.ifMatch: "\"c3-s17\""]) == [etag])
        #expect(Conditions.ifMatch([.ifMatch: "\"c1-s0\", \"c3-s17\""])?.contains(etag) == true)
        #expect(Conditions.ifMatch([.ifMatch: "W/\"c3-s17\""]) == [])
        #expect(Conditions.ifMatch([.ifMatch: "nonsense"]) == [])
    }

    @Test("If-None-Match is a weak comparison")
    func ifNoneMatch() {
        #expect(Conditions.ifNoneMatch([.ifNoneMatch: "W/\"c3-s17\""], names: etag.quoted))
        #expect(Conditions.ifNoneMatch([.ifNoneMatch: "\"x\",\"c3-s17\""], names: etag.quoted))
        #expect(Conditions.ifNoneMatch([.ifNoneMatch: "*"], names: etag.quoted))
        #expect(!Conditions.ifNoneMatch([.ifNoneMatch: "\"c3-s18\""], names: etag.quoted))
    }

    @Test(
        "Accept",
        arguments: [
            "*/*", "application/json", "text/html, application/*;q=0.1", "APPLICATION/JSON; q=1",
            "*/*;q=0, application/json", "application/*;q=0, application/json;q=0.1",
        ])
    func acceptable(_ accept: String) {
        #expect(throws: Never.self) { try MediaTypes.check([.accept: accept], accept: "application/json") }
    }

    /// Fails where any range that fits is enough: the most specific one decides.
    @Test(
        "Accept that leaves the type out",
        arguments: [
            "text/html", "application/json;q=0", "application/xml", "application/json;q=0, */*",
            "*/*, application/json;q=0", "application/*;q=0, */*",
        ])
    func unacceptable(_ accept: String) {
        #expect(throws: Problem.self) { try MediaTypes.check([.accept: accept], accept: "application/json") }
    }

    @Test(
        "Content-Type",
        arguments: ["application/json", "Application/JSON; charset=utf-8", "application/json;charset=\"UTF-8\""])
    func supported(_ type: String) {
        #expect(throws: Never.self) { try MediaTypes.check([.contentType: type], isOneOf: MediaTypes.json) }
    }

    @Test(
        "Content-Type that is not supported",
        arguments: ["", "text/json", "application/json; charset=latin1", "application/jsonx"])
    func unsupported(_ type: String) {
        #expect(throws: Problem.self) { try MediaTypes.check([.contentType: type], isOneOf: MediaTypes.json) }
    }

    @Test(
        "The Date header",
        arguments: [(784_111_777_000, "Sun, 06 Nov 1994 08:49:37 GMT"), (0, "Thu, 01 Jan 1970 00:00:00 GMT")])
    func date(_ milliseconds: Int, _ text: String) {
        #expect(HTTPDate.format(Timestamp(milliseconds: Int64(milliseconds))) == text)
    }
}

@Suite("Cutting a stream into lines")
struct LineReaderTests {
    private func lines(_ parts: [String], limit: Int = 8) -> [String?] {
        numbered(parts, limit: limit).map(\.text)
    }

    private func numbered(_ parts: [String], limit: Int = 8) -> [(number: Int, text: String?)] {
        var reader = LineReader(limit: limit)
        var lines = parts.flatMap { reader.read(ByteBuffer(string: $0)) }
        if let last = reader.finish() { lines.append(last) }
        return lines.map { ($0.number, $0.text.map { String(decoding: $0, as: UTF8.self) }) }
    }

    /// Fails where empty lines are not counted, or are handed on: a body may be nothing else.
    @Test("However the bytes arrive, the lines are the same, and those that are empty are only counted")
    func splits() {
        let text = "ab\r\ncd\n\n\nlast"
        for cut in 0...text.utf8.count {
            let bytes = Array(text.utf8)
            let parts = [bytes[..<cut], bytes[cut...]].map { String(decoding: $0, as: UTF8.self) }
            let lines = numbered(parts)
            #expect(lines.map(\.text) == ["ab", "cd", "last"], "cut at \(cut)")
            #expect(lines.map(\.number) == [1, 2, 5], "cut at \(cut)")
        }
        #expect(lines(["\r\n\r\n", "\n", "\r\nlast"]) == ["last"])
    }

    /// Fails in a reader that grows with the line: the limit is what keeps memory bounded.
    @Test("A line that is too long is dropped, and the next one is read again")
    func tooLong() {
        #expect(lines(["123456789\nok\n"]) == [nil, "ok"])
        #expect(lines(["12345", "6789", "0123", "\nok"]) == [nil, "ok"])
        #expect(lines(["123456789"]) == [nil])
        #expect(lines(["12345678"]) == ["12345678"])
    }
}
