import Foundation
import InventoryKit
import NIOHTTP1
import TestSupport
import Testing

/// The page at `/docs`, as a browser meets it, and the script that makes it.
@Suite("The page for people")
struct DocumentationPageTests {
    private static let script = DaemonProcess.projectDirectory + "/scripts/api-page"
    private static let openAPI = DaemonProcess.projectDirectory + "/docs/openapi.json"

    /// What Chromium sends when somebody opens a page.
    private static let browser = (
        "Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
    )

    /// Fails where the policy lets anything in but the page's own style, and where the page cannot be asked for again.
    @Test("It is served under a strict policy, and once to each browser")
    func served() async throws {
        try await withDaemon(environment: ["INVENTORYD_AUTH": "all"]) { daemon in
            let page = try await daemon.client.get("/docs", headers: [Self.browser])
            #expect(page.status == 200)
            #expect(page.header("Content-Type") == "text/html; charset=utf-8")
            #expect(page.header("Cache-Control") == "no-cache")
            #expect(page.header("X-Content-Type-Options") == "nosniff")
            let policy = try #require(page.header("Content-Security-Policy")).split(separator: "; ").map(String.init)
            #expect(policy.count == 5)
            #expect(policy[1].wholeMatch(of: /style-src 'sha256-[A-Za-z0-9+\/]{43}='/) != nil)
            for directive in ["default-src", "base-uri", "form-action", "frame-ancestors"] {
                #expect(policy.contains("\(directive) 'none'"))
            }

            let head = try await daemon.client.send(.HEAD, "/docs", headers: [Self.browser])
            #expect(head.status == 200)
            #expect(head.body.isEmpty)
            #expect(head.header("Content-Length") == String(page.body.count))
            let etag = try #require(page.header("ETag"))
            let again = try await daemon.client.get("/docs", headers: [("If-None-Match", etag)])
            #expect(again.status == 304)
            #expect(again.body.isEmpty)
            #expect(again.header("ETag") == etag)
            #expect(try await daemon.client.get("/docs", headers: [("If-None-Match", "\"other\"")]).status == 200)
            #expect(try await daemon.client.get("/docs", headers: [("Accept", "application/json")]).status == 406)
            #expect(try await daemon.client.get("/docs?q=x").status == 422)
        }
    }

    /// Fails where an operation or a problem is left out, where a link leads nowhere, and where the page would fetch or
    /// run something.
    @Test("It has every operation and every problem, and needs nothing else")
    func contents() async throws {
        let page = try await withDaemon { try await $0.client.get("/docs").text }
        let document = try JSONDocument(parsing: Array(Data(contentsOf: URL(filePath: Self.openAPI)))).root
        for (path, operations) in document["paths"].members {
            for (method, operation) in operations.members where method != "parameters" {
                let name = try #require(operation["operationId"].string)
                #expect(page.contains("id=\"operation-\(name)\""))
                #expect(page.contains("\(method.uppercased())</span> <code>\(path)</code>"), "\(method) \(path)")
                for scope in operation["security"].items.flatMap({ $0["key"].items.compactMap(\.string) }) {
                    #expect(page.contains("scope <code>\(scope)</code>"))
                }
            }
        }
        for code in ProblemCode.allCases { #expect(page.contains("id=\"problem-\(code.rawValue)\"")) }
        for name in document["components"]["schemas"].members.keys { #expect(page.contains("id=\"schema-\(name)\"")) }
        #expect(!page.contains("://"))
        #expect(!page.contains("url("))
        #expect(!page.contains("@import"))

        let attributes = try Self.attributes(of: page)
        let targets = Set(attributes.filter { $0.name == "id" }.map { "#" + $0.value })
        for link in attributes.filter({ $0.name == "href" }) {
            #expect(link.value == "openapi.json" || targets.contains(link.value), "\(link.value)")
        }
    }

    /// Fails where a text of the document goes into the page as it is.
    @Test("Whatever the document says is text in the page")
    func escaping() async throws {
        try await withTemporaryDirectory { directory in
            let hostile = #"<script src=//x.example>&#34;\"' onclick='x"#
            var text = try String(contentsOf: URL(filePath: Self.openAPI), encoding: .utf8)
            for member in ["title", "version", "summary", "description", "name", "value", "example", "pattern"] {
                text = text.replacing("\"\(member)\": \"", with: "\"\(member)\": \"\(hostile)")
            }
            // Tags are looked up by their names, in operations too.
            text = text.replacing("\"tags\": [\"", with: "\"tags\": [\"\(hostile)")
            try text.write(toFile: directory + "/openapi.json", atomically: true, encoding: .utf8)
            let made = try await CommandLineTool.run(Self.script, ["--openapi", directory + "/openapi.json"])
            #expect(made.code == 0, "\(made.output.suffix(500))")
            #expect(made.output.contains("&lt;script src=//x.example&gt;&amp;#34;&quot;' onclick='x"))
            _ = try Self.attributes(of: made.output)
        }
    }

    @Test("It is what the script makes of the documents now")
    func isInStep() async throws {
        let check = try await CommandLineTool.run(Self.script, ["--check"])
        #expect(check.code == 0, "\(check.output)")
    }

    private struct Markup: Error, CustomStringConvertible {
        let description: String
    }

    /// The attributes of all elements, of a page that is nothing but text and the elements that it is meant to have.
    ///
    /// - Throws: ``Markup`` where there is anything else, or an element does not end where it should.
    private static func attributes(of page: String) throws -> [(name: String, value: String)] {
        let known: Set<Substring> = [
            "html", "head", "meta", "title", "style", "body", "nav", "ul", "li", "main", "section", "article", "header",
            "h1", "h2", "h3", "h4", "p", "div", "span", "small", "strong", "em", "code", "pre", "a", "table", "thead",
            "tbody", "tr", "th", "td", "details", "summary",
        ]
        let harmless: Set<Substring> = [
            "aria-label", "charset", "class", "content", "href", "id", "lang", "name", "open",
        ]
        var open: [Substring] = []
        var found: [(name: String, value: String)] = []
        let pieces = page.split(separator: "<", omittingEmptySubsequences: false)
        guard pieces[0].isEmpty, pieces[1].trimmingCharacters(in: .whitespacesAndNewlines) == "!DOCTYPE html>" else {
            throw Markup(description: "no document type")
        }
        for piece in pieces.dropFirst(2) {
            guard let tag = piece.prefixMatch(of: /(\/?)([a-z0-9]+)((?: [a-z-]+="[^"]*")*)(\/?)>/),
                known.contains(tag.output.2)
            else { throw Markup(description: "<\(piece.prefix(80))") }
            if !tag.output.1.isEmpty {
                guard open.popLast() == tag.output.2 else { throw Markup(description: "</\(piece.prefix(80))") }
            } else if tag.output.4.isEmpty {
                open.append(tag.output.2)
            }
            for attribute in tag.output.3.matches(of: /([a-z-]+)="([^"]*)"/) {
                guard harmless.contains(attribute.output.1) else { throw Markup(description: "<\(piece.prefix(80))") }
                found.append((String(attribute.output.1), String(attribute.output.2)))
            }
        }
        guard open.isEmpty else { throw Markup(description: "\(open) stays open") }
        return found
    }
}

extension JSON {
    /// The members of an object; none of anything else.
    fileprivate var members: [String: JSON] { if case .object(let members) = self { members } else { [:] } }
}
