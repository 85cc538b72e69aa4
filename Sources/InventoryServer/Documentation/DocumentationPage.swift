import Crypto
import FoundationEssentials
import HTTPTypes
import Hummingbird
import InventoryKit
import NIOCore

/// The API described for people: `docs/api.html`, which `scripts/api-page` makes from `docs/openapi.json`. One document
/// of HTML and CSS, without scripts and without anything to fetch.
struct DocumentationPage: Sendable {
    /// What the daemon carries. It is made up when somebody asks for it first.
    static let served = DocumentationPage(PackageResources.api_html)

    let html: ByteBuffer

    /// Changes with the page.
    let etag: String

    /// Nothing is loaded or run, the page is nobody's frame, and no style counts but the document's own.
    let contentSecurityPolicy: String

    init(_ html: [UInt8]) {
        self.html = ByteBuffer(bytes: html)
        etag = "\"\(Hex.encode(SHA256.hash(data: html).prefix(16)))\""
        let style = Data(SHA256.hash(data: Self.style(of: html))).base64EncodedString()
        contentSecurityPolicy =
            "default-src 'none'; style-src 'sha256-\(style)'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    }

    /// What stands in the document's style element, byte for byte, because that is what browsers take the hash of.
    private static func style(of html: [UInt8]) -> ArraySlice<UInt8> {
        guard let start = html.firstRange(of: "<style>".utf8)?.upperBound,
            let end = html[start...].firstRange(of: "</style>".utf8)?.lowerBound
        else { return [] }
        return html[start..<end]
    }

    /// The page, or that who asks has it already.
    func response(to request: Request) -> Response {
        var headers: HTTPFields = [.eTag: etag, .cacheControl: "no-cache"]
        if Conditions.ifNoneMatch(request.headers, names: etag) {
            return Response(status: .notModified, headers: headers)
        }
        headers[.contentType] = "text/html; charset=utf-8"
        headers[.contentSecurityPolicy] = contentSecurityPolicy
        return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: html))
    }
}
