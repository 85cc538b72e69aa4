import InventoryKit
import NIOCore
import Testing

@testable import CoherentCache

@Suite("What stands under a key")
struct CachedValueTests {
    @Test("A document comes back as it went in, sold or archived", arguments: ["sku-1", nil])
    func document(skuKey: String?) throws {
        let id = try ProductID("6655aabbccddeeff00112233")
        let document = ProductDocument(
            body: ByteBuffer(string: "{\"name\":\"two\\nlines\"}"), etag: ETag(version: 3, stockVersion: 17), id: id,
            skuKey: skuKey)
        let read = try #require(CachedValue(CachedValue(document).bytes, of: id)?.document)
        #expect(read.body == document.body)
        #expect(read.etag == document.etag)
        #expect(read.skuKey == skuKey)
        #expect(read.id == id)
    }

    @Test("An absence is one, and no document")
    func absence() throws {
        let value = try #require(CachedValue(CachedValue(nil).bytes, of: ProductID("6655aabbccddeeff00112233")))
        #expect(value.document == nil)
    }

    /// Fails where a part is taken on trust.
    @Test(
        "Nothing else is taken for one",
        arguments: [
            "", "--", "\n", "\n\n", "\"c1-s1\"\nsku", "c1-s1\nsku\n{}", "\"c0-s1\"\nsku\n{}", "\"c1-s1\" \nsku\n{}",
        ])
    func nonsense(text: String) throws {
        #expect(CachedValue(ByteBuffer(string: text), of: try ProductID("6655aabbccddeeff00112233"))?.bytes == nil)
    }

    @Test("A line that does not end is not looked through to its end")
    func long() throws {
        let text = "\"c1-s1\"\n" + String(repeating: "x", count: 1_000) + "\n{}"
        #expect(CachedValue(ByteBuffer(string: text), of: try ProductID("6655aabbccddeeff00112233"))?.bytes == nil)
    }
}
