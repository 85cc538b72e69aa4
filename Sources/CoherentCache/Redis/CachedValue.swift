import InventoryKit
import NIOCore

/// What stands under a product's key: its finished document with its validator, or that there is none.
///
/// The text is the ETag, the folded SKU (nothing where it is archived), and the body, each but the last ended by a line
/// feed, which neither of the first two can contain. A single `-` says that no such product exists.
enum CachedValue {
    case document(ProductDocument)
    case absent

    /// An ETag and a SKU take less.
    private static let headerLimit = 256

    init(_ document: ProductDocument?) { self = document.map(Self.document) ?? .absent }

    var document: ProductDocument? {
        if case .document(let document) = self { document } else { nil }
    }

    /// Reads what a key holds; nothing where it is none of ours.
    init?(_ bytes: ByteBuffer, of id: ProductID) {
        // A copy of so little is searched faster than a view of the buffer.
        let header = Array(bytes.readableBytesView.prefix(Self.headerLimit))
        if bytes.readableBytes == 1, header == [UInt8(ascii: "-")] {
            self = .absent
            return
        }
        guard let first = header.firstIndex(of: UInt8(ascii: "\n")),
            let second = header[(first + 1)...].firstIndex(of: UInt8(ascii: "\n")),
            let etag = ETag(quoted: header[..<first]),
            let body = bytes.getSlice(
                at: bytes.readerIndex + second + 1, length: bytes.readableBytes - second - 1)
        else { return nil }
        let skuKey = String(decoding: header[(first + 1)..<second], as: UTF8.self)
        self = .document(ProductDocument(body: body, etag: etag, id: id, skuKey: skuKey.isEmpty ? nil : skuKey))
    }

    var bytes: ByteBuffer {
        guard case .document(let document) = self else { return ByteBuffer(string: "-") }
        var buffer = ByteBuffer()
        buffer.reserveCapacity(document.size + Self.headerLimit)
        buffer.writeString(document.etag.quoted)
        buffer.writeStaticString("\n")
        buffer.writeString(document.skuKey ?? "")
        buffer.writeStaticString("\n")
        buffer.writeImmutableBuffer(document.body)
        return buffer
    }
}
